/**
 * All runs that were asked for, one after the other, and the report they make.
 *
 *   scenario ─▶ round 1 ─▶ round 2 (the sides change places) ─▶ … ─▶ next scenario
 *
 * Each run has fresh processes. What is compared in turns and seems slower is measured as often again before it counts.
 */
import { readFile } from "node:fs/promises";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { HookSource } from "../hooks/loaded-hook.ts";
import { differencesOf, inWords, isJudged, obstaclesIn } from "./comparable.ts";
import { compareApart, compareInTurns, notComparable } from "./compare.ts";
import { Fixtures } from "./fixtures.ts";
import { breachesIn, type Gates, readGates, standingOf } from "./gates.ts";
import { machineFacts } from "./machine.ts";
import { type MeasureContext, measure } from "./measure.ts";
import { concurrencyOf, type Side } from "./measured-runner.ts";
import type { PerfOptions } from "./options.ts";
import { type Comparison, type PerfReport, perfReport, type ScenarioReport } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import { type MeasuredRun, summaryOf } from "./summary.ts";
import { ownCheckout, requireCheckout } from "./target.ts";

export interface PerfHost {
  /** Of Levain. */
  version: string;
  /** Commit of a checkout, or null. */
  commitOf(checkout: string): Promise<string | null>;
  /** The operator's hooks, for `--hooks`. */
  hooks: readonly HookSource[];
  /** Says what is being done. */
  progress(line: string): void;
  /** Aborted when the person has had enough. */
  signal: AbortSignal;
}

/** Runs of one scenario on both sides; `base` stays empty when there is none to take turns with. */
interface Rounds {
  candidate: MeasuredRun[];
  base: MeasuredRun[];
}

/**
 * @throws {PlatformError} what `measure` throws; before anything is measured `INPUT_INVALID` for files that cannot be
 *   read, and `PERF_NOT_COMPARABLE` when there is no scenario that the earlier report could be compared in.
 */
export async function runPerf(options: PerfOptions, host: PerfHost): Promise<PerfReport> {
  // What cannot be read is better known before an hour of load.
  if (options.against !== null) requireCheckout(options.against);
  const gates: Gates = options.gateFile === null ? {} : await readGates(options.gateFile);
  const baseReport = options.compareFile === null ? null : await readReport(options.compareFile);
  if (baseReport !== null) refuseUnlessComparable(baseReport, options);
  const startedAt = new Date().toISOString();
  const machine = machineFacts();
  await using fixtures = await Fixtures.open({
    dir: options.fixtureDir,
    keep: options.keepFixtures,
  });
  if (options.keepFixtures) host.progress(`The apps stay in ${fixtures.dir}`);
  const context: MeasureContext = { options, fixtures, signal: host.signal };

  const sides = sidesOf(options, host);
  const scenarios: ScenarioReport[] = [];
  const compared: Comparison["scenarios"] = [];
  for (const scenario of options.scenarios) {
    const rounds = await measureRounds(scenario, sides, context, host);
    const report: ScenarioReport = {
      name: scenario.name,
      catches: scenario.catches,
      concurrency: concurrencyOf(scenario, options),
      summary: summaryOf(rounds.candidate),
      runs: rounds.candidate.map(({ run }) => run),
    };
    scenarios.push(report);
    if (sides.base !== null) compared.push(compareSides(scenario, rounds, options));
  }

  const breaches = breachesIn(scenarios, gates);
  const report: PerfReport = {
    format: 1,
    version: host.version,
    commit: await host.commitOf(ownCheckout),
    bun: Bun.version,
    machine,
    startedAt,
    options: reportedOptions(options),
    scenarios,
    comparison: null,
    breaches,
    gates: options.gateFile === null ? null : standingOf(scenarios, gates, breaches),
    isPassed: true,
  };
  if (sides.base !== null) {
    report.comparison = {
      ...sides.base.described,
      baseCommit: await host.commitOf(sides.base.checkout),
      isInterleaved: true,
      notes: [],
      scenarios: compared,
    };
  } else if (baseReport !== null) {
    report.comparison = compareReports(baseReport, report, options);
  }
  const hasVerdict = report.comparison === null || isJudged(report.comparison);
  report.isPassed = breaches.length === 0 && slowerIn(report).length === 0 && hasVerdict;
  return report;
}

/** Scenarios that became slower, by name. That hooks cost something is not one of them. */
export function slowerIn({ comparison }: PerfReport): string[] {
  if (comparison === null || comparison.kind === "hooks") return [];
  return comparison.scenarios.filter(({ isSlower }) => isSlower).map(({ scenario }) => scenario);
}

/** Who takes turns; no base when there is nobody to take turns with. */
interface Sides {
  candidate: Side;
  base: (Side & { described: Pick<Comparison, "base" | "kind"> }) | null;
}

function sidesOf({ against, hooks }: PerfOptions, host: PerfHost): Sides {
  const own: Side = { checkout: ownCheckout, hooks: [] };
  if (against !== null) {
    const described = { base: against, kind: "checkout" } as const;
    return { candidate: own, base: { checkout: against, hooks: [], described } };
  }
  if (hooks) {
    const names = host.hooks.map(({ module }) => module).join(", ");
    const described = { base: names, kind: "hooks" } as const;
    return { candidate: { ...own, hooks: host.hooks }, base: { ...own, described } };
  }
  return { candidate: own, base: null };
}

/** `PerfReport` as `--output-file` writes it, or the one object of `--json`. */
async function readReport(path: string): Promise<PerfReport> {
  try {
    const json = JSON.parse(await readFile(path, "utf8")) as { data?: unknown };
    const parsed = perfReport.safeParse(json.data ?? json);
    if (parsed.success) return parsed.data;
    throw new Error(`it is no report of this Levain (${parsed.error.issues[0]?.message})`);
  } catch (error) {
    throw new PlatformError("INPUT_INVALID", [`--compare ${path}: ${messageOf(error)}`]);
  }
}

async function measureRounds(
  scenario: Scenario,
  sides: Sides,
  context: MeasureContext,
  host: PerfHost,
): Promise<Rounds> {
  const rounds: Rounds = { candidate: [], base: [] };
  await addRounds(rounds, scenario, sides, context, host);
  if (sides.base === null) return rounds;
  const { isSlower } = compareSides(scenario, rounds, context.options);
  if (isSlower && sides.base.described.kind !== "hooks") {
    host.progress(`${scenario.name}  seems slower: measured again before it counts`);
    await addRounds(rounds, scenario, sides, context, host);
  }
  return rounds;
}

async function addRounds(
  rounds: Rounds,
  scenario: Scenario,
  { candidate, base }: Sides,
  context: MeasureContext,
  { progress }: PerfHost,
): Promise<void> {
  const { repeat } = context.options;
  for (let round = 0; round < repeat; round++) {
    progress(`${scenario.name}${repeat > 1 ? `  round ${round + 1} of ${repeat}` : ""}`);
    const sides = base === null ? [candidate] : [candidate, base];
    // Neither always comes first.
    const isTurned = round % 2 === 1;
    const runs = await measure(scenario, isTurned ? sides.toReversed() : sides, context);
    const [ofCandidate, ofBase] = isTurned ? runs.toReversed() : runs;
    rounds.candidate.push(ofCandidate!);
    if (ofBase !== undefined) rounds.base.push(ofBase);
  }
}

function compareSides(
  { name }: Scenario,
  { base, candidate }: Rounds,
  { tolerance }: PerfOptions,
): Comparison["scenarios"][number] {
  return compareInTurns(name, base, candidate, tolerance);
}

/** @throws {PlatformError} `PERF_NOT_COMPARABLE` */
function refuseUnlessComparable(base: PerfReport, options: PerfOptions): void {
  const obstacles = obstaclesIn(base, askedOf(options));
  if (obstacles.size < options.scenarios.length) return;
  const reasons = inWords(obstacles);
  throw new PlatformError("PERF_NOT_COMPARABLE", [options.compareFile!, reasons.join("; ")], {
    detail: { reasons },
  });
}

function askedOf(options: PerfOptions) {
  const scenarios = options.scenarios.map((scenario) => ({
    name: scenario.name,
    concurrency: concurrencyOf(scenario, options),
  }));
  return { options: reportedOptions(options), scenarios };
}

function compareReports(base: PerfReport, candidate: PerfReport, options: PerfOptions): Comparison {
  const obstacles = obstaclesIn(base, askedOf(options));
  return {
    base: options.compareFile!,
    kind: "report",
    baseCommit: base.commit,
    isInterleaved: false,
    notes: [...inWords(obstacles), ...differencesOf(base, candidate)],
    scenarios: candidate.scenarios.map(({ name, runs }) => {
      const other = base.scenarios.find((scenario) => scenario.name === name);
      if (other === undefined || obstacles.has(name)) return notComparable(name, runs.length);
      return compareApart(name, other.runs, runs, options.tolerance);
    }),
  };
}

function reportedOptions(options: PerfOptions): PerfReport["options"] {
  const { mode, durationMs, warmUpMs, concurrency, poolSize, clientTimeoutMs } = options;
  const { ratePerS, requestsMax, repeat, edges, apps, seed, url } = options;
  return {
    ...{ mode, durationMs, warmUpMs, concurrency, poolSize, clientTimeoutMs },
    ...{ ratePerS, requestsMax, repeat, edges, apps, seed },
    // A password in it is nobody's business.
    url: url === null ? null : `${url.origin}${url.pathname}`,
  };
}
