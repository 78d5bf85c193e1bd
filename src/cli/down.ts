/** `levain down`: asks the node to drain and end, and waits until its process is gone. */
import { PlatformError } from "../base/errors.ts";
import { downTimeoutMs } from "./limits.ts";
import { waitForEnd } from "./process-end.ts";
import { showDuration } from "./units.ts";
import type { Verb } from "./verb.ts";

export const down: Verb = {
  name: "down",
  group: "Node",
  summary: "Stop the node; requests in flight finish",
  description:
    "Returns when the node's process is gone: after the requests under way, at most the node's " +
    "drainTimeoutMs. Ctrl-C ends the waiting; the node goes on stopping.",
  examples: [["levain down", "stop the node of the default data directory"]],
  async run(call) {
    const startMs = performance.now();
    const { pid } = await call.client.call("down");
    const interrupt = call.io.interrupt();
    if (!(await waitForEnd(pid, downTimeoutMs, interrupt))) {
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
