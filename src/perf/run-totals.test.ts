import { expect, test } from "bun:test";
import { Histogram } from "./load/histogram.ts";
import { noErrors } from "./load/tally.ts";
import { type Counted, type Reading, RunTotals } from "./run-totals.ts";

function piece(latenciesMs: readonly number[], facts: Partial<Counted> = {}): Counted {
  const histogram = new Histogram();
  for (const ms of latenciesMs) histogram.record(ms);
  return {
    requests: histogram.count,
    durationMs: 1000,
    ratePerS: histogram.count,
    errors: noErrors(),
    late: 0,
    unsent: 0,
    histogram: histogram.encode(),
    ...facts,
  };
}

/** All counters at `count`, CPU times of the node and the apps. */
function reading(count: number, nodeCpuUs: number, appsCpuUs: number): Reading {
  return {
    sample: { nodeCpuUs, appsCpuUs, nodeBytes: 1, appsBytes: 1, nodeFds: 1, appsFds: 1 },
    facts: {
      active: count,
      hits: count,
      misses: count,
      creations: count,
      failures: count,
      evictions: count,
      nodePids: [],
    },
  };
}

test("pieces are added up, and what happened between them is not", () => {
  const totals = new RunTotals();

  totals.add(piece([1, 2]), { first: reading(10, 100, 1000), last: reading(11, 140, 1400) });
  totals.add(piece([3, 4], { durationMs: 3000, ratePerS: 2 / 3, late: 2, unsent: 1 }), {
    first: reading(20, 500, 5000),
    last: reading(23, 520, 5200),
  });

  const { run, histogram } = totals.measured(null);
  expect(run).toMatchObject({
    requests: 4,
    ratePerS: expect.closeTo(1),
    late: 2,
    unsent: 1,
    cpuUsPerRequest: { node: 15, apps: 150 },
    pool: { active: 23, hits: 4, misses: 4, hitRate: 0.5, creations: 4, failures: 4, evictions: 4 },
    memoryBytes: null,
  });
  expect(run.latencyMs.max).toBeCloseTo(4, 1);
  expect(histogram.buckets.length).toBeGreaterThan(0);
});

test("errors are added up by kind and by status", () => {
  const totals = new RunTotals();
  const errors = { ...noErrors(), timeout: 1, reset: 2, status: { "503": 1 } };

  totals.add(piece([1], { errors }), null);
  totals.add(piece([1], { errors: { ...errors, status: { "503": 2, "404": 1 } } }), null);

  expect(totals.measured(null).run.errors).toEqual({
    total: 10,
    timeout: 2,
    reset: 4,
    refused: 0,
    protocol: 0,
    status: { "503": 3, "404": 1 },
  });
});

test("requests that come one by one have no rate, and nothing is known without readings", () => {
  const totals = new RunTotals();

  totals.add(piece([1], { ratePerS: null }), null);

  const { run } = totals.measured(null);
  expect([run.ratePerS, run.cpuUsPerRequest, run.pool]).toEqual([null, null, null]);
});

test("a run without an answer divides by nothing", () => {
  const { run } = new RunTotals().measured(null);

  expect(run).toMatchObject({ requests: 0, ratePerS: 0, latencyMs: { p99: 0 } });
});
