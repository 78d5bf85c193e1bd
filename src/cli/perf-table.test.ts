import { expect, test } from "bun:test";
import type { Comparison, PerfReport } from "../perf/report.ts";
import { createPaint } from "./paint.ts";
import { renderComparison, renderGates, renderRuns } from "./perf-table.ts";

const paint = createPaint(false);
const widest = (text: string) => Math.max(...text.split("\n").map((line) => Bun.stringWidth(line)));

function reportWith(summary: Partial<PerfReport["scenarios"][number]["summary"]>): PerfReport {
  const latencyMs = { min: 1, mean: 1, p50: 1, p90: 1, p95: 1, p99: 1, p999: 1, max: 1 };
  const errors = { total: 0, timeout: 0, reset: 0, refused: 0, protocol: 0, status: {} };
  const whole = {
    requests: 1,
    ratePerS: 1,
    errors,
    late: 0,
    unsent: 0,
    latencyMs,
    cpuUsPerRequest: null,
    memoryBytes: null,
    descriptors: null,
    pool: null,
    ...summary,
  };
  return {
    format: 1,
    version: "0.1.0",
    commit: "0123456789abcdef0123456789abcdef01234567",
    bun: "1.4.5",
    machine: { cpu: "AMD EPYC", cores: 2, memoryBytes: 1, kernel: "6.18", loadAverage: 12.34 },
    startedAt: "2026-11-21T08:00:00.000Z",
    options: {
      mode: "http",
      durationMs: 10_000,
      warmUpMs: 2000,
      concurrency: 50,
      poolSize: 100,
      clientTimeoutMs: 10_000,
      ratePerS: null,
      requestsMax: null,
      repeat: 100,
      edges: 1,
      apps: 1000,
      seed: 1,
      url: null,
    },
    scenarios: [
      { name: "cold-start-spare", catches: "", concurrency: 1, summary: whole, runs: [whole] },
    ],
    comparison: null,
    breaches: [],
    gates: null,
    isPassed: true,
  };
}

test("the largest numbers that are likely fit 80 columns", () => {
  const latency = { min: 1, mean: 1, p50: 9999, p90: 1, p95: 9999, p99: 10_000, p999: 1, max: 1 };
  const memory = { before: 1, peak: 4 * 2 ** 30, after: 1 };
  const text = renderRuns(
    reportWith({
      ratePerS: 150_000,
      latencyMs: latency,
      errors: { total: 10_000, timeout: 10_000, reset: 0, refused: 0, protocol: 0, status: {} },
      cpuUsPerRequest: { node: 99_999, apps: 150_000 },
      memoryBytes: { node: memory, apps: memory },
      pool: {
        active: 1,
        hits: 1,
        misses: 1,
        hitRate: 0.99999,
        creations: 0,
        failures: 0,
        evictions: 0,
      },
    }),
    80,
    paint,
  );

  expect(widest(text)).toBeLessThanOrEqual(80);
  expect(text).toContain("\n  errors: 10000 × timeout\n");
  expect(text).toContain(">99%");
});

test("gates that all hold are said, and so are those that nobody looked at", () => {
  const skipped = ["wake", "many-apps"];

  expect(renderGates({ kept: 3, skipped: [] }, true, paint)).toBe("✔ All gates hold: 3 limits");
  expect(renderGates({ kept: 3, skipped }, true, paint)).toBe(
    "✔ All gates hold: 3 limits\n! Gates skipped, not measured: wake, many-apps",
  );
  expect(renderGates({ kept: 1, skipped: ["wake"] }, false, paint)).toBe(
    "! Gates skipped, not measured: wake",
  );
});

test("what was not measured is a dash", () => {
  const [, row = ""] = renderRuns(reportWith({ requests: 0, ratePerS: null }), 80, paint).split(
    "\n",
  );

  expect(row.split(/\s+/)).toEqual(["cold-start-spare", ..."--------", "0"]);
});

test("comparisons fit 80 columns, and speed without a rate is how short the time is", () => {
  const ratio = { ratio: 2, low: 1.25, high: 4, verdict: "slower" } as const;
  const comparison: Comparison = {
    base: "../main",
    baseCommit: null,
    kind: "hooks",
    isInterleaved: true,
    notes: [],
    scenarios: [
      {
        scenario: "cold-start-spare",
        rounds: 5,
        cpuUsAdded: { median: -12.345, low: -23.456, high: 123.456 },
        metrics: { p50: ratio, cpu: ratio },
        isSlower: false,
        verdict: "no difference shown",
      },
    ],
  };

  const hooks = renderComparison(comparison, 80, paint);
  const checkout = renderComparison({ ...comparison, kind: "checkout" }, 80, paint);

  expect(hooks).toContain("0.50 (0.25–0.80)");
  expect(hooks).toContain("-12.3 (-23.5–123)");
  expect(checkout).toContain("2.00 (1.25–4.00)");
  expect(widest(`${hooks}\n${checkout}`)).toBeLessThanOrEqual(80);
});
