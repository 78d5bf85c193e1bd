/** `levain perf`: what requests cost on this machine, with limits that fail and comparisons that do not guess. */
import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import { platformVersion } from "../control/platform-version.ts";
import { isJudged } from "../perf/comparable.ts";
import { PERF_FLAGS, readPerfOptions } from "../perf/options.ts";
import type { PerfReport } from "../perf/report.ts";
import { SCENARIOS } from "../perf/scenarios.ts";
import { usageError } from "./failure.ts";
import { readGitHead } from "./git-head.ts";
import { renderComparison, renderGates, renderRuns, renderScenarioList } from "./perf-table.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

export const perf: Verb = {
  name: "perf",
  group: "Observe",
  summary: "Measure what requests cost, with limits that fail",
  description:
    "Starts a node of its own for each scenario, with apps that it generates, loads it and reports " +
    "rates, percentiles, CPU per request and memory. docs/perf.md says how things are counted.",
  flags: PERF_FLAGS,
  exits: [[1, "something went wrong, became slower, or is beyond a limit of --gate-file"]],
  environment: [
    ["PERF_*", "each flag: PERF_DURATION_MS is --duration-ms; a flag wins"],
    ["PERF_JSON", "as --json"],
  ],
  jsonVariable: "PERF_JSON",
  examples: [
    ["levain perf --list", "what there is to measure"],
    ["levain perf --scenarios warm-noop,echo-1kb", "two of them, ten seconds each"],
    ["levain perf --gate-file perf/thresholds.json", "everything, and fail beyond the limits"],
    ["levain perf --url http://shop.localhost:4000/", "an app that runs"],
    ["levain perf --repeat 5 --output-file base.json", "a report to compare with later"],
    ["levain perf --compare base.json", "is it faster or slower than then?"],
    ["levain perf --against ../levain-main --duration-ms 2000", "the same, taking turns"],
    ["levain perf --hooks", "what the hooks of levain.node.ts cost per request"],
  ],
  async run(call) {
    if (call.flags.list === true) return listOutcome(call);
    const { io, flags } = call;
    const options = readPerfOptions({ flags, env: io.env, cwd: io.cwd });
    if (options.outputFile !== null) await refuseUnlessWritable(options.outputFile);
    // What is left is removed at exit, see perf/leftovers.ts.
    process.once("SIGTERM", () => process.exit(143));
    const { runPerf, slowerIn } = await import("../perf/run-perf.ts");
    const report = await runPerf(options, {
      version: platformVersion(),
      commitOf: async (checkout) => (await readGitHead(checkout))?.commit ?? null,
      hooks: options.hooks ? await operatorHooks(call, options.configFile) : [],
      progress: (line) => {
        if (!call.isJson) io.stderr.write(`${call.paint.dim(line)}\n`);
      },
      signal: interruption(call),
    });
    if (!call.isJson) io.stdout.write(`${renderReport(report, call)}\n`);
    if (options.outputFile !== null) await writeReport(options.outputFile, report);
    failUnlessPassed(report, slowerIn(report), call);
    return { data: report, next: nextOf(call), ...(call.isJson ? {} : { isPrinted: true }) };
  },
};

function listOutcome(call: Call): Outcome {
  const scenarios = SCENARIOS.map(({ name, catches, isLocalOnly }) => ({
    name,
    catches,
    isLocalOnly,
  }));
  return {
    data: { scenarios },
    next: nextOf(call),
    text: () => renderScenarioList(scenarios, call.io.stdout.columns, call.paint),
  };
}

function nextOf(call: Call): string[] {
  return [call.command("levain perf --smoke")];
}

function renderReport(report: PerfReport, call: Call): string {
  const { columns } = call.io.stdout;
  const parts = [renderRuns(report, columns, call.paint)];
  const { comparison, gates, breaches } = report;
  if (comparison !== null) parts.push(renderComparison(comparison, columns, call.paint));
  if (gates !== null) parts.push(renderGates(gates, breaches.length === 0, call.paint));
  return parts.filter((part) => part !== "").join("\n\n");
}

/** @throws {PlatformError} what is wrong, with the values. */
function failUnlessPassed(report: PerfReport, slower: readonly string[], call: Call): void {
  const { breaches, comparison } = report;
  // A program gets one object: this one, so the numbers have to be in it.
  const evidence = call.isJson ? { report } : {};
  if (breaches.length > 0) {
    const detail = { breaches: breaches.map(({ text }) => text), ...evidence };
    throw new PlatformError("PERF_GATE_BROKEN", [breaches.length], { detail });
  }
  if (comparison === null) return;
  if (!isJudged(comparison)) {
    const why = comparison.scenarios.map(({ scenario, verdict }) => `${scenario}: ${verdict}`);
    throw new PlatformError("PERF_NOT_COMPARABLE", [comparison.base, why.join(", ")], {
      detail: evidence,
    });
  }
  if (slower.length === 0) return;
  throw new PlatformError("PERF_SLOWER", [slower.join(", "), comparison.base], {
    detail: evidence,
  });
}

/** @throws {PlatformError} `INPUT_INVALID` when there are none, and what is wrong with the configuration. */
async function operatorHooks({ io }: Call, configFile: string | null) {
  const { loadNodeConfig } = await import("../control/node-config.ts");
  const sources = { flags: {}, env: io.env, cwd: io.cwd, file: configFile ?? undefined };
  const { hooks } = await loadNodeConfig(sources);
  if (hooks.length === 0) throw usageError("--hooks: the configuration of the node names none");
  return hooks;
}

/** Before an hour of load, not after it. @throws {PlatformError} `INPUT_INVALID` */
async function refuseUnlessWritable(path: string): Promise<void> {
  const refuse = (why: string) => usageError(`--output-file ${path}: ${why}`);
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) throw refuse("it is a folder, must be a file");
  const folder = dirname(path);
  const isFolder = (await stat(folder).catch(() => null))?.isDirectory() ?? false;
  if (!isFolder) throw refuse(`there is no folder ${folder}`);
  const written = found === null ? folder : path;
  await access(written, constants.W_OK).catch(() => {
    throw refuse("this user may not write it");
  });
}

async function writeReport(path: string, report: PerfReport): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  } catch (error) {
    throw usageError(`--output-file ${path}: ${messageOf(error)}`);
  }
}

/** Ctrl-C ends what was started first. */
function interruption(call: Call): AbortSignal {
  const pressed = call.io.interrupt();
  const ending = new AbortController();
  pressed.addEventListener("abort", () => ending.abort(new PlatformError("INTERRUPTED", [])));
  return ending.signal;
}
