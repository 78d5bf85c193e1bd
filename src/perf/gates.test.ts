import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { breachesIn, type Gate, readGates, standingOf } from "./gates.ts";
import { type TestRun, testRun } from "./run-for-tests.ts";
import { summaryOf } from "./summary.ts";

const breaches = (run: TestRun, gate: Partial<Gate> = {}) =>
  breachesIn([{ name: "warm-noop", summary: summaryOf([testRun(run)]) }], {
    "warm-noop": { maxErrors: 0, ...gate },
  }).map(({ text }) => text);

describe("a limit that is not kept is named with value and limit", () => {
  const cases: [TestRun, Partial<Gate>, string][] = [
    [{ timeout: 1 }, {}, "maxErrors is 1, must be at most 0 (1 × timeout)"],
    [{ status: { "503": 3 } }, { maxErrors: 2 }, "maxErrors is 3, must be at most 2"],
    [
      { status: { "503": 27_456 } },
      {},
      "maxErrors is 27456, must be at most 0 (27456 × status 503)",
    ],
    [{ ratePerS: 1999.7 }, { minRps: 2000 }, "minRps is 1999.7, must be at least 2000"],
    [{ ratePerS: 999.4 }, { minRps: 1000 }, "minRps is 999.4, must be at least 1000"],
    [{ latenciesMs: [10, 20] }, { maxAvgMs: 14 }, "maxAvgMs is 15, must be at most 14"],
    [{ latenciesMs: [5] }, { maxP50Ms: 4 }, "maxP50Ms is 5, must be at most 4"],
    [{ latenciesMs: [5] }, { maxP95Ms: 4 }, "maxP95Ms is 5, must be at most 4"],
    [{ latenciesMs: [5] }, { maxP99Ms: 4 }, "maxP99Ms is 5, must be at most 4"],
    [{ hits: 1, misses: 3 }, { minHitRate: 0.5 }, "minHitRate is 0.25, must be at least 0.5"],
    [{ peakBytes: [2 ** 20, 2 ** 20] }, { maxRssMb: 1 }, "maxRssMb is 2, must be at most 1"],
    [{ cpuUs: [30, 20] }, { maxCpuUsPerRequest: 49 }, "maxCpuUsPerRequest is 50, must be at most"],
    [{ latenciesMs: [] }, {}, "minRequests is 0, must be at least 1"],
    [{ latenciesMs: [] }, { maxP99Ms: 1 }, "maxP99Ms was not measured, must be at most 1"],
    [{ ratePerS: null }, { minRps: 1 }, "minRps was not measured, must be at least 1"],
  ];

  test.each(cases)("%j %j", (run, gate, text) => {
    expect(breaches(run, gate).join("\n")).toContain(`warm-noop: ${text}`);
  });
});

test("a value that is the limit itself keeps it", () => {
  const gate = { minRps: 1000, maxP50Ms: 1, minHitRate: 1, maxCpuUsPerRequest: 20 };

  expect(breaches({}, gate)).toEqual([]);
});

test("errors fail also without a gate", () => {
  const scenarios = [{ name: "wake", summary: summaryOf([testRun({ timeout: 2 })]) }];

  expect(breachesIn(scenarios, {})).toMatchObject([
    { scenario: "wake", gate: "maxErrors", value: 2 },
  ]);
});

test("limits that are kept are counted, and scenarios that were not measured named", () => {
  const scenarios = [{ name: "warm-noop", summary: summaryOf([testRun({ latenciesMs: [5] })]) }];
  const gates = { "warm-noop": { maxErrors: 0, maxP50Ms: 4, maxP95Ms: 9 }, wake: { maxErrors: 0 } };

  const standing = standingOf(scenarios, gates, breachesIn(scenarios, gates));

  expect(standing).toEqual({ kept: 2, skipped: ["wake"] });
});

describe("a gate file", () => {
  async function readText(text: string) {
    const dir = await mkdtemp(join(tmpdir(), "levain-gates-"));
    try {
      await Bun.write(join(dir, "gates.json"), text);
      return await readGates(join(dir, "gates.json"));
    } finally {
      await rm(dir, { recursive: true });
    }
  }

  test("of another runtime's harness is read as it is", async () => {
    const text = '{"scenarios":{"warm-noop":{"maxErrors":0,"minRps":300,"maxP95Ms":100}}}';

    expect(await readText(text)).toEqual({
      "warm-noop": { maxErrors: 0, minRps: 300, maxP95Ms: 100 },
    });
  });

  test("with a mistake is refused where it is", async () => {
    const rejected = (text: string) => readText(text).then(String, (error) => error.message);

    expect(await rejected("{")).toContain("gates.json: cannot be read: JSON Parse error");
    expect(await rejected("[]")).toContain("gates.json: must hold an object");
    expect(await rejected("{}")).toContain("scenarios is missing");
    expect(await rejected('{"scenarios":{},"gates":1}')).toContain("gates is not a key; known is");
    expect(await rejected('{"scenarios":{"warm-noop":{"minRsp":1}}}')).toContain(
      "warm-noop.minRsp is not a gate; did you mean minRps? gates are maxErrors, minRps",
    );
    expect(await rejected('{"scenarios":{"warm-nop":{}}}')).toContain(
      "keys must be scenarios that there are, not warm-nop (did you mean warm-noop?)",
    );
    expect(await rejected('{"scenarios":{"wake":{"maxP99Ms":"1"}}}')).toContain(
      'wake.maxP99Ms is "1", must be a number of at least 0',
    );
    expect(await rejected('{"scenarios":{"wake":{"maxErrors":0.5,"x":1}}}')).toContain(
      "2 problems",
    );
  });

  test("in the repository is one that can be read", async () => {
    const gates = await readGates(join(import.meta.dir, "../../perf/thresholds.json"));

    expect(gates["warm-noop"]?.maxErrors).toBe(0);
  });
});
