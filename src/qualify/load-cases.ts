/** Scenarios of `levain perf`, with apps on the runtime that is tested: through the real lane, beside the node's own Bun. */
import { PlatformError } from "../base/errors.ts";
import { errorsInWords } from "../perf/error-kinds.ts";
import { readPerfOptions } from "../perf/options.ts";
import type { PerfRun } from "../perf/report.ts";
import { runPerf } from "../perf/run-perf.ts";
import { ownRuntime } from "../runtimes/runtime-name.ts";
import { loadMs, loadQuickMs, loadRateShareMin, loadWarmUpMs } from "./limits.ts";
import { type CaseFinding, type CaseRun, failed, type QualifyCase } from "./qualify-case.ts";

interface LoadRow {
  scenario: string;
  catches: string;
}

const ROWS: readonly LoadRow[] = [
  { scenario: "warm-noop", catches: "an app that does not start, or answers slowly" },
  { scenario: "echo-1kb", catches: "bodies that are lost or slow on their way through the runner" },
  { scenario: "stream-1mb", catches: "streams that break off or stall" },
  { scenario: "websocket-echo", catches: "tunnels that break" },
  { scenario: "wake", catches: "an app that does not come back after it was frozen" },
];

/** @param runtimesDir folder of the runtimes that are tested */
export function loadCases(runtimesDir: string): QualifyCase[] {
  /** Rates on the node's own Bun, by scenario: measured once. */
  const own = new Map<string, Promise<PerfRun>>();
  return ROWS.map(({ scenario, catches }) => ({
    name: `load-${scenario}`,
    group: "load",
    catches,
    isRequired: true,
    run: (run) => runScenario(scenario, runtimesDir, run, own),
  }));
}

async function runScenario(
  scenario: string,
  runtimesDir: string,
  run: CaseRun,
  own: Map<string, Promise<PerfRun>>,
): Promise<CaseFinding> {
  const isOwn = run.runtime.name === ownRuntime;
  try {
    const measured = await measure(scenario, isOwn ? null : runtimesDir, run);
    if (isOwn) own.set(scenario, Promise.resolve(measured));
    const base = await own.getOrInsertComputed(scenario, () => measure(scenario, null, run));
    // A disturbed moment is nobody's: both are asked again before it counts.
    const first = findingOf(measured, base);
    if (first.status === "pass" || isOwn) return first;
    const again = await measure(scenario, runtimesDir, run);
    const baseAgain = await measure(scenario, null, run);
    own.set(scenario, Promise.resolve(baseAgain));
    return findingOf(again, baseAgain);
  } catch (error) {
    if (run.signal.aborted) throw run.signal.reason;
    if (!(error instanceof PlatformError)) throw error;
    const { lastLines } = (error.detail ?? {}) as { lastLines?: string[] };
    return failed(error.message, { lastLines: lastLines ?? [] });
  }
}

async function measure(
  scenario: string,
  runtimesDir: string | null,
  { runtime, isQuick, signal }: CaseRun,
): Promise<PerfRun> {
  const options = readPerfOptions({
    flags: {
      scenarios: scenario,
      durationMs: String(isQuick ? loadQuickMs : loadMs),
      warmupMs: String(isQuick ? 100 : loadWarmUpMs),
      concurrency: "20",
    },
    env: {},
    cwd: "/",
  });
  const pinned = runtimesDir === null ? null : { name: runtime.name, dir: runtimesDir };
  const report = await runPerf(
    { ...options, runtime: pinned },
    { version: "", commitOf: async () => null, hooks: [], progress() {}, signal },
  );
  return report.scenarios[0]!.summary;
}

function findingOf(run: PerfRun, own: PerfRun): CaseFinding {
  const share = run.ratePerS === null ? null : run.ratePerS / (own.ratePerS ?? run.ratePerS);
  const measures = [
    { name: "p99", value: run.latencyMs.p99, unit: "ms" },
    ...(run.ratePerS === null ? [] : [{ name: "rate", value: run.ratePerS, unit: "/s" }]),
    ...(share === null ? [] : [{ name: "rate by the node's own", value: share, unit: "" }]),
  ];
  if (run.requests === 0) return failed("no request was answered", { measures });
  if (run.errors.total > 0) return failed(errorsInWords(run.errors), { measures });
  if (share !== null && share < loadRateShareMin) {
    const percent = Math.round(share * 100);
    return failed(
      `it answers ${percent} % of what the node's own Bun does, at least ${loadRateShareMin * 100} %`,
      { measures },
    );
  }
  return { status: "pass", reason: null, measures, lastLines: [] };
}
