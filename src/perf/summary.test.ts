import { expect, test } from "bun:test";
import { testRun } from "./run-for-tests.ts";
import { summaryOf } from "./summary.ts";

test("runs are summed up: counts added, rates in the middle, latencies of all requests", () => {
  const summary = summaryOf([
    testRun({ ratePerS: 100, latenciesMs: [1, 1, 1], status: { "503": 1 }, hits: 3, misses: 1 }),
    testRun({ ratePerS: 900, latenciesMs: [9], timeout: 2, cpuUs: [30, 10], hits: 0, misses: 0 }),
    testRun({ ratePerS: 200, latenciesMs: [1], status: { "503": 1, "404": 1 }, peakBytes: [5, 7] }),
  ]);

  expect(summary).toMatchObject({
    requests: 5,
    ratePerS: 200,
    errors: { total: 5, timeout: 2, status: { "503": 2, "404": 1 } },
    cpuUsPerRequest: { node: 10, apps: 10 },
    memoryBytes: { node: { peak: 5 }, apps: { peak: 7 } },
    pool: { hits: 4, misses: 1, hitRate: 0.8 },
  });
  // The slow one counts once of five, not as a third.
  expect(summary.latencyMs.p50).toBeCloseTo(1, 1);
  expect(summary.latencyMs.max).toBeCloseTo(9, 1);
});

test("what one run has not measured, all together have not", () => {
  const summary = summaryOf([testRun({}), testRun({ ratePerS: null })]);

  expect(summary.ratePerS).toBeNull();
});
