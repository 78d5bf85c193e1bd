/**
 * Is the candidate faster than the base, slower, or is nothing shown? Ratios are candidate by base, each with the spread
 * of its repeated runs; a spread that contains 1 shows nothing. Pure.
 */
import type { Comparison, PerfRun, Ratio } from "./report.ts";
import { medianOf, type Spread, spreadOf } from "./spread.ts";
import type { MeasuredRun, Turn } from "./summary.ts";

type Compared = Comparison["scenarios"][number];

interface Metric {
  isMoreBetter: boolean;
  /** Null where it was not measured. */
  valueIn(run: PerfRun): number | null;
  /** The same of one turn; null where a turn is too short to tell. */
  valueInTurn: ((turn: Turn) => number | null) | null;
}

const METRICS: Readonly<Record<"rate" | "p50" | "p99" | "cpu", Metric>> = {
  rate: {
    isMoreBetter: true,
    valueIn: (run) => run.ratePerS,
    valueInTurn: (turn) => turn.ratePerS,
  },
  p50: { isMoreBetter: false, valueIn: ({ latencyMs }) => latencyMs.p50, valueInTurn: null },
  p99: { isMoreBetter: false, valueIn: ({ latencyMs }) => latencyMs.p99, valueInTurn: null },
  cpu: {
    isMoreBetter: false,
    valueIn: ({ cpuUsPerRequest: cpu }) => (cpu === null ? null : cpu.node + cpu.apps),
    valueInTurn: (turn) => turn.cpuUs,
  },
};

/** With fewer turns their sums tell more than their median. Count. */
const turnsMin = 3;

/**
 * Compares runs that took turns: run `n` of one side beside run `n` of the other. Ratios are taken turn by turn and the
 * median of each run counts, so that neither a slow minute nor a disturbed turn is anybody's.
 *
 * @param tolerance share of slowness that is no failure
 */
export function compareInTurns(
  scenario: string,
  base: readonly MeasuredRun[],
  candidate: readonly MeasuredRun[],
  tolerance: number,
): Compared {
  const metrics: Record<string, Ratio> = {};
  for (const [name, metric] of Object.entries(METRICS)) {
    const pairs = pairsOf(base, candidate, metric);
    if (pairs === null) continue;
    const ratios = pairs.map((pair) => medianOf(pair.map(([left, right]) => right / left)));
    const { median, low, high } = spreadOf(ratios);
    const spread: RatioSpread =
      ratios.length < 2 ? { ratio: median, low: null, high: null } : { ratio: median, low, high };
    metrics[name] = { ...spread, verdict: verdictOf(spread, metric.isMoreBetter) };
  }
  return {
    ...judged(scenario, metrics, tolerance),
    rounds: candidate.length,
    cpuUsAdded: addedCpu(base, candidate),
  };
}

/** Compares runs of two times: from the worst of one to the best of the other. @param tolerance as in `compareInTurns` */
export function compareApart(
  scenario: string,
  base: readonly PerfRun[],
  candidate: readonly PerfRun[],
  tolerance: number,
): Compared {
  const metrics: Record<string, Ratio> = {};
  for (const [name, { isMoreBetter, valueIn }] of Object.entries(METRICS)) {
    const bases = whole(base.map(valueIn));
    const candidates = whole(candidate.map(valueIn));
    if (bases === null || candidates === null) continue;
    const spread = apartRatio(bases, candidates);
    metrics[name] = { ...spread, verdict: verdictOf(spread, isMoreBetter) };
  }
  return { ...judged(scenario, metrics, tolerance), rounds: candidate.length, cpuUsAdded: null };
}

/** What there is to say of a scenario that the base cannot be asked about. */
export function notComparable(scenario: string, rounds: number): Compared {
  const verdict = "not comparable";
  return { scenario, metrics: {}, isSlower: false, verdict, rounds, cpuUsAdded: null };
}

function judged(
  scenario: string,
  metrics: Record<string, Ratio>,
  tolerance: number,
): Pick<Compared, "scenario" | "metrics" | "isSlower" | "verdict"> {
  const { rate, p50, cpu } = metrics;
  const first = rate ?? p50 ?? cpu;
  // Where nothing went through, there is no speed; where nothing was repeated, no spread.
  if (first === undefined || first.low === null) {
    const verdict: Compared["verdict"] = first === undefined ? "not comparable" : "too few runs";
    return { scenario, metrics, isSlower: false, verdict };
  }
  // The tail of a few short runs is mostly the machine's; it is shown and not judged.
  const exceeds = (time: Ratio | undefined) => (time?.low ?? 0) > 1 + tolerance;
  const isRateLower = (rate?.high ?? 1) < 1 / (1 + tolerance);
  const isSlower = isRateLower || (rate === undefined && exceeds(p50)) || exceeds(cpu);
  return { scenario, metrics, isSlower, verdict: isSlower ? "slower" : summed([rate ?? p50, cpu]) };
}

function summed(all: readonly (Ratio | undefined)[]): Compared["verdict"] {
  const isWorse = all.some((one) => one?.verdict === "slower");
  const isBetter = all.some((one) => one?.verdict === "faster");
  if (isWorse && isBetter) return "mixed";
  if (isWorse) return "a little slower";
  return isBetter ? "faster" : "no difference shown";
}

function verdictOf({ low, high }: RatioSpread, isMoreBetter: boolean): Ratio["verdict"] {
  if (low === null || high === null || (low <= 1 && high >= 1)) return "no difference shown";
  return low > 1 === isMoreBetter ? "faster" : "slower";
}

type RatioSpread = Omit<Ratio, "verdict">;
type Pair = readonly [base: number, candidate: number];

/** For each run its turns, base beside candidate, or its totals where turns do not tell; null when one has no value. */
function pairsOf(
  base: readonly MeasuredRun[],
  candidate: readonly MeasuredRun[],
  { valueIn, valueInTurn }: Metric,
): Pair[][] | null {
  const rounds: Pair[][] = [];
  for (const [index, left] of base.slice(0, candidate.length).entries()) {
    const right = candidate[index]!;
    const turns = valueInTurn === null ? [] : turnPairs(left.turns, right.turns, valueInTurn);
    const totals = [valueIn(left.run), valueIn(right.run)];
    if (turns.length >= turnsMin) rounds.push(turns);
    else if (whole(totals) !== null) rounds.push([totals as unknown as Pair]);
    else return null;
  }
  return rounds.length === 0 ? null : rounds;
}

function turnPairs(
  left: readonly Turn[],
  right: readonly Turn[],
  valueInTurn: (turn: Turn) => number | null,
): Pair[] {
  const pairs: Pair[] = [];
  for (const [index, turn] of left.slice(0, right.length).entries()) {
    const pair = whole([valueInTurn(turn), valueInTurn(right[index]!)]);
    if (pair !== null) pairs.push(pair as unknown as Pair);
  }
  return pairs;
}

function addedCpu(base: readonly MeasuredRun[], candidate: readonly MeasuredRun[]): Spread | null {
  const pairs = pairsOf(base, candidate, METRICS.cpu);
  if (pairs === null) return null;
  return spreadOf(pairs.map((pair) => medianOf(pair.map(([left, right]) => right - left))));
}

/** From the least of one side by the largest of the other, and the other way round. */
function apartRatio(bases: readonly number[], candidates: readonly number[]): RatioSpread {
  const ratio = medianOf(candidates) / medianOf(bases);
  if (bases.length < 2 || candidates.length < 2) return { ratio, low: null, high: null };
  const base = spreadOf(bases);
  const candidate = spreadOf(candidates);
  return { ratio, low: candidate.low / base.high, high: candidate.high / base.low };
}

/** Null when one of them is missing: where nothing went through there is no speed to compare. */
function whole(values: readonly (number | null)[]): number[] | null {
  const isWhole = values.length > 0 && values.every((value) => value !== null && value > 0);
  return isWhole ? (values as number[]) : null;
}
