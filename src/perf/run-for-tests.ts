/** Runs as a measurement reports them, with the numbers that a test is about. */
import { Histogram } from "./load/histogram.ts";
import type { PerfRun } from "./report.ts";
import type { MeasuredRun } from "./summary.ts";

export interface TestRun {
  /** Latency of each request. Milliseconds. Default: one of 1 ms. */
  latenciesMs?: readonly number[];
  ratePerS?: number | null;
  /** Answers by status that count as errors. */
  status?: Record<string, number>;
  timeout?: number;
  /** Node and apps. Microseconds per request. */
  cpuUs?: readonly [node: number, apps: number];
  /** Peaks of node and apps. Bytes. */
  peakBytes?: readonly [node: number, apps: number];
  hits?: number;
  misses?: number;
}

export function testRun(facts: TestRun = {}): MeasuredRun {
  const histogram = new Histogram();
  for (const ms of facts.latenciesMs ?? [1]) histogram.record(ms);
  const { status = {}, timeout = 0, hits = 1, misses = 0 } = facts;
  const [node, apps] = facts.cpuUs ?? [10, 10];
  const [nodePeak, appsPeak] = facts.peakBytes ?? [1, 1];
  const total = timeout + Object.values(status).reduce((sum, count) => sum + count, 0);
  const run: PerfRun = {
    requests: histogram.count,
    ratePerS: facts.ratePerS === undefined ? 1000 : facts.ratePerS,
    errors: { total, timeout, reset: 0, refused: 0, protocol: 0, status },
    late: 0,
    unsent: 0,
    latencyMs: histogram.summary(),
    cpuUsPerRequest: { node, apps },
    memoryBytes: {
      node: { before: 1, peak: nodePeak, after: 1 },
      apps: { before: 1, peak: appsPeak, after: 1 },
    },
    descriptors: {
      node: { before: 1, peak: 1, after: 1 },
      apps: { before: 1, peak: 1, after: 1 },
    },
    pool: {
      active: 1,
      hits,
      misses,
      hitRate: hits + misses === 0 ? null : hits / (hits + misses),
      creations: misses,
      failures: 0,
      evictions: 0,
    },
  };
  return { run, histogram: histogram.encode(), turns: [] };
}
