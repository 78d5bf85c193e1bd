/** `levain bench`: how much a part of Levain takes, under load of a process of its own. */
import { PlatformError } from "../base/errors.ts";
import { platformVersion } from "../control/platform-version.ts";
import {
  BROKER_BENCH_FLAGS,
  dispatchTokenVariable,
  readBrokerBenchOptions,
} from "../perf/broker-options.ts";
import { renderBrokerBench } from "./bench-table.ts";
import type { Call, Verb } from "./verb.ts";

export const bench: Verb = {
  name: "bench",
  group: "Observe",
  summary: "Load a warm-start broker, and say what dispatches cost",
  description:
    "Starts a broker of its own, or takes the one at --url, and loads it with idle runners that poll again at once and " +
    "supervisors that dispatch in closed loops. Hits and misses are counted apart: a miss is cheap. Every message is followed " +
    "from its dispatch to a runner.",
  arguments: [["<part>", "what is loaded", ["broker"]]],
  flags: BROKER_BENCH_FLAGS,
  exits: [[1, "something went wrong: a message was lost or came twice, a request failed"]],
  environment: [[dispatchTokenVariable, "shown with dispatches, with --url"]],
  examples: [
    ["levain bench broker", "a broker of its own, 500 runners, 50 dispatchers, 10 s"],
    ["levain bench broker --hit-ratio 0.5 --payload-bytes 65536", "half misses, large messages"],
    ["levain bench broker --url http://10.0.0.5:4003", "one that runs; its runs are made up"],
  ],
  async run(call) {
    const part = call.args[0];
    if (part !== "broker") {
      throw new PlatformError("INPUT_INVALID", [`"${part}" is nothing to load, must be broker`]);
    }
    const { io, flags, isJson, paint } = call;
    const options = readBrokerBenchOptions(flags, io.env);
    // What is left is removed at exit, see perf/leftovers.ts.
    process.once("SIGTERM", () => process.exit(143));
    const { runBrokerBench } = await import("../perf/run-broker-bench.ts");
    const { isClean } = await import("../perf/broker-report.ts");
    const report = await runBrokerBench(options, {
      version: platformVersion(),
      selfCommand: io.selfCommand,
      progress: (line) => {
        if (!isJson) io.stderr.write(`${paint.dim(line)}\n`);
      },
      signal: interruption(call),
    });
    return {
      data: report,
      next: [call.command("levain bench broker --hit-ratio 0.5")],
      text: () => renderBrokerBench(report, io.stdout.columns, paint),
      exitCode: isClean(report) ? 0 : 1,
    };
  },
};

/** Ctrl-C ends what was started first. */
function interruption(call: Call): AbortSignal {
  const pressed = call.io.interrupt();
  const ending = new AbortController();
  pressed.addEventListener("abort", () => ending.abort(new PlatformError("INTERRUPTED", [])));
  return ending.signal;
}
