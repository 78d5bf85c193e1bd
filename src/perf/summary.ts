/** All runs of one scenario as one: sums, medians, and the latencies of all requests together. Pure. */
import { type EncodedHistogram, mergeHistograms } from "./load/histogram.ts";
import type { PerfRun } from "./report.ts";
import { medianOf } from "./spread.ts";

/** A run with what its percentiles were read from: those of several runs cannot be added up. */
export interface MeasuredRun {
  run: PerfRun;
  histogram: EncodedHistogram;
  /** Its pieces, in order: turns of two sides, or all in one. */
  turns: readonly Turn[];
}

/** Null where it was not measured. */
export interface Turn {
  ratePerS: number | null;
  /** CPU of node and apps per request. Microseconds. */
  cpuUs: number | null;
}

/** Of at least one run. */
export function summaryOf(measured: readonly MeasuredRun[]): PerfRun {
  const runs = measured.map(({ run }) => run);
  const sum = (countIn: (run: PerfRun) => number) =>
    runs.reduce((total, run) => total + countIn(run), 0);
  return {
    requests: sum((run) => run.requests),
    ratePerS: medianUnlessNull(runs.map(({ ratePerS }) => ratePerS)),
    errors: {
      total: sum(({ errors }) => errors.total),
      timeout: sum(({ errors }) => errors.timeout),
      reset: sum(({ errors }) => errors.reset),
      refused: sum(({ errors }) => errors.refused),
      protocol: sum(({ errors }) => errors.protocol),
      status: addUp(runs.map(({ errors }) => errors.status)),
    },
    late: sum(({ late }) => late),
    unsent: sum(({ unsent }) => unsent),
    latencyMs: mergeHistograms(measured.map(({ histogram }) => histogram)).summary(),
    cpuUsPerRequest: cpuOf(runs),
    memoryBytes: heldIn(runs.map(({ memoryBytes }) => memoryBytes)),
    descriptors: heldIn(runs.map(({ descriptors }) => descriptors)),
    pool: poolOf(runs),
  };
}

function cpuOf(runs: readonly PerfRun[]): PerfRun["cpuUsPerRequest"] {
  const costs = runs.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
  const node = medianUnlessNull(costs.map((cost) => cost?.node ?? null));
  const apps = medianUnlessNull(costs.map((cost) => cost?.apps ?? null));
  return node === null || apps === null ? null : { node, apps };
}

/** The largest peak; before and after in the middle. */
function heldIn(runs: readonly PerfRun["memoryBytes"][]): PerfRun["memoryBytes"] {
  const all = runs.filter((held) => held !== null);
  if (all.length < runs.length) return null;
  // Halves of a byte or of a descriptor are no use to anybody.
  const middle = (values: number[]) => Math.round(medianOf(values));
  const part = (name: "node" | "apps") => ({
    before: middle(all.map((held) => held[name].before)),
    peak: Math.max(...all.map((held) => held[name].peak)),
    after: middle(all.map((held) => held[name].after)),
  });
  return { node: part("node"), apps: part("apps") };
}

function poolOf(runs: readonly PerfRun[]): PerfRun["pool"] {
  const all = runs.map(({ pool }) => pool).filter((pool) => pool !== null);
  if (all.length < runs.length) return null;
  const sum = (name: "hits" | "misses" | "creations" | "failures" | "evictions") =>
    all.reduce((total, pool) => total + pool[name], 0);
  const hits = sum("hits");
  const misses = sum("misses");
  return {
    active: Math.max(...all.map(({ active }) => active)),
    hits,
    misses,
    hitRate: hitRateOf(hits, misses),
    creations: sum("creations"),
    failures: sum("failures"),
    evictions: sum("evictions"),
  };
}

export function hitRateOf(hits: number, misses: number): number | null {
  return hits + misses === 0 ? null : hits / (hits + misses);
}

function medianUnlessNull(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length < values.length ? null : medianOf(known);
}

function addUp(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, count] of counts.flatMap(Object.entries) as [string, number][]) {
    sums[name] = (sums[name] ?? 0) + count;
  }
  return sums;
}
