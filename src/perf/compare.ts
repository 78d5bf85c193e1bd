/**
 * Is the candidate faster than the base, slower, or is nothing shown? Ratios are candidate by base, each with the spread
 * of its repeated runs; a spread that contains 1 shows nothing. Pure.
 */
import type { Comparison, PerfReport, PerfRun, Ratio } from "./report.ts";
import { medianOf, type Spread, spreadOf } from "./spread.ts";

type Metric = "rate" | "p50" | "p99" | "cpu";

/** What is compared; null where it was not measured. */
const METRICS: Readonly<
  Record<Metric, { isMoreBetter: boolean; valueIn(run: PerfRun): number | null }>
> = {
  rate: { isMoreBetter: true, valueIn: (run) => run.ratePerS },
  p50: { isMoreBetter: false, valueIn: ({ latencyMs }) => latencyMs.p50 },
  p99: { isMoreBetter: false, valueIn: ({ latencyMs }) => latencyMs.p99 },
  cpu: {
    isMoreBetter: false,
    valueIn: ({ cpuUsPerRequest: cpu }) => (cpu === null ? null : cpu.node + cpu.apps),
  },
};

/** Runs of one scenario on both sides. */
export interface ComparedRuns {
  scenario: string;
  base: readonly PerfRun[];
  candidate: readonly PerfRun[];
}

export interface CompareOptions {
  /** Run `n` of one side was taken beside run `n` of the other: ratios are then taken in pairs. */
  isInterleaved: boolean;
  /** Share of slowness that is no failure. */
  tolerance: number;
}

export function compareRuns(
  { scenario, base, candidate }: ComparedRuns,
  { isInterleaved, tolerance }: CompareOptions,
): Comparison["scenarios"][number] {
  const metrics: Record<string, Ratio> = {};
  for (const [name, { isMoreBetter, valueIn }] of Object.entries(METRICS)) {
    const bases = valuesOf(base, valueIn);
    const candidates = valuesOf(candidate, valueIn);
    if (bases === null || candidates === null) continue;
    const spread = isInterleaved ? pairedRatio(bases, candidates) : apartRatio(bases, candidates);
    metrics[name] = { ...spread, verdict: verdictOf(spread, isMoreBetter) };
  }
  const { rate, p50, cpu } = metrics;
  // The tail of a few short runs is mostly the machine's; it is shown and not judged.
  const exceeds = (time: Ratio | undefined) => (time?.low ?? 0) > 1 + tolerance;
  const isRateLower = (rate?.high ?? 1) < 1 / (1 + tolerance);
  const isSlower = isRateLower || (rate === undefined && exceeds(p50)) || exceeds(cpu);
  const verdict = isSlower ? "slower" : summed([rate ?? p50, cpu]);
  const cpuUsAdded = isInterleaved ? addedCpu(base, candidate) : null;
  return { scenario, rounds: candidate.length, cpuUsAdded, metrics, isSlower, verdict };
}

function summed(judged: readonly (Ratio | undefined)[]) {
  const isWorse = judged.some((one) => one?.verdict === "slower");
  const isBetter = judged.some((one) => one?.verdict === "faster");
  if (isWorse && isBetter) return "mixed";
  if (isWorse) return "a little slower";
  return isBetter ? "faster" : "no difference shown";
}

function addedCpu(base: readonly PerfRun[], candidate: readonly PerfRun[]): Spread | null {
  const bases = valuesOf(base, METRICS.cpu.valueIn);
  const candidates = valuesOf(candidate, METRICS.cpu.valueIn);
  if (bases === null || candidates === null || candidates.length !== bases.length) return null;
  return spreadOf(candidates.map((value, index) => value - bases[index]!));
}

type RatioSpread = Omit<Ratio, "verdict">;

/** What makes two reports less comparable, in words. */
export function differencesOf(base: PerfReport, candidate: PerfReport): string[] {
  const notes: string[] = [];
  const look = (what: string, left: unknown, right: unknown) => {
    if (left !== right) notes.push(`${what}: ${left} in the base, ${right} now`);
  };
  look("machine", base.machine.cpu, candidate.machine.cpu);
  look("cores", base.machine.cores, candidate.machine.cores);
  look("Bun", base.bun, candidate.bun);
  for (const key of Object.keys(candidate.options) as (keyof PerfReport["options"])[]) {
    if (key === "repeat" || key === "seed") continue;
    look(key, base.options[key], candidate.options[key]);
  }
  const rounds = Math.min(base.options.repeat, candidate.options.repeat);
  if (rounds < 5) notes.push(`${rounds} of 5 runs that a spread needs: see --repeat`);
  return notes;
}

function valuesOf(
  runs: readonly PerfRun[],
  valueIn: (run: PerfRun) => number | null,
): number[] | null {
  const values = runs.map(valueIn);
  // A run in which nothing went through has no speed to compare.
  const isWhole = values.length > 0 && values.every((value) => value !== null && value > 0);
  return isWhole ? (values as number[]) : null;
}

/** Both runs of a pair saw the same machine, so their ratio is taken first. */
function pairedRatio(bases: readonly number[], candidates: readonly number[]): RatioSpread {
  const pairs = Math.min(bases.length, candidates.length);
  const ratios = Array.from({ length: pairs }, (_, index) => candidates[index]! / bases[index]!);
  const { median, low, high } = spreadOf(ratios);
  return pairs < 2 ? { ratio: median, low: null, high: null } : { ratio: median, low, high };
}

/** From the least of one side by the largest of the other, and the other way round. */
function apartRatio(bases: readonly number[], candidates: readonly number[]): RatioSpread {
  const ratio = medianOf(candidates) / medianOf(bases);
  if (bases.length < 2 || candidates.length < 2) return { ratio, low: null, high: null };
  const base = spreadOf(bases);
  const candidate = spreadOf(candidates);
  return { ratio, low: candidate.low / base.high, high: candidate.high / base.low };
}

function verdictOf({ low, high }: RatioSpread, isMoreBetter: boolean): Ratio["verdict"] {
  if (low === null || high === null || (low <= 1 && high >= 1)) return "no difference shown";
  return low > 1 === isMoreBetter ? "faster" : "slower";
}
