/** `levain down`: asks the node to drain and end, and waits until its process is gone. */
import { PlatformError } from "../base/errors.ts";
import { downPollMs, downTimeoutMs } from "./limits.ts";
import { waitForEnd } from "./process-end.ts";
import { showDuration } from "./units.ts";
import type { Call, Verb } from "./verb.ts";

export const down: Verb = {
  name: "down",
  group: "Node",
  asksNode: true,
  isLocalUnlessNamed: true,
  summary: "Stop the node; requests in flight finish",
  description:
    "Returns when the node's process is gone: after the requests under way, at most the node's " +
    "drainTimeoutMs. A node that starts or stops already is waited for. Ctrl-C ends the waiting; the node goes on stopping. " +
    "Stops the node of the data directory, whatever context is chosen; --node or --context names another.",
  exits: [[1, "no node runs, or it did not end in time"]],
  examples: [
    ["levain down", "stop the node of the default data directory"],
    ["levain down --data-dir ./data", "stop another one"],
  ],
  async run(call) {
    const startMs = performance.now();
    const interrupt = call.io.interrupt();
    const pid = await askToStop(call, interrupt);
    const hasEnded =
      call.nodeUrl === null
        ? await waitForEnd(pid, downTimeoutMs, interrupt)
        : await waitForSilence(call, interrupt);
    if (!hasEnded) {
      if (interrupt.aborted) throw new PlatformError("INTERRUPTED", []);
      throw new PlatformError("NODE_STOP_TIMEOUT", [pid, downTimeoutMs]);
    }
    const ms = Math.round(performance.now() - startMs);
    return {
      data: { pid, ms },
      next: [call.command("levain up --detach")],
      text: () => `${call.paint.green("✔")} node stopped (process ${pid}, ${showDuration(ms)})`,
    };
  },
};

/** Whether a node whose process is not here to be looked at answers no more. */
async function waitForSilence(call: Call, interrupt: AbortSignal): Promise<boolean> {
  const deadlineMs = performance.now() + downTimeoutMs;
  while (!interrupt.aborted && performance.now() < deadlineMs) {
    try {
      await call.client.call("status");
    } catch (error) {
      if (error instanceof PlatformError) return true;
      // It answers still, if only that it is stopping.
    }
    await Bun.sleep(downPollMs);
  }
  return false;
}

/**
 * Asks until the node answers or is gone: one that starts can be asked in a moment, one that stops needs no asking. No
 * signal is sent, since a second one would cut its drain short.
 */
async function askToStop(call: Call, interrupt: AbortSignal): Promise<number> {
  const deadlineMs = performance.now() + downTimeoutMs;
  let silentPid: number | undefined;
  for (;;) {
    try {
      return (await call.client.call("down")).pid;
    } catch (error) {
      const code = error instanceof PlatformError ? error.code : null;
      if (code === "NODE_NOT_RUNNING" && silentPid !== undefined) return silentPid;
      const isOver = interrupt.aborted || performance.now() >= deadlineMs;
      if (code !== "NODE_NOT_ANSWERING" || isOver) throw error;
      silentPid = (error as PlatformError).detail?.pid as number;
    }
    await Bun.sleep(downPollMs);
  }
}
