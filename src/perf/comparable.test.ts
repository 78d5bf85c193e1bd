import { describe, expect, test } from "bun:test";
import { type Asked, differencesOf, inWords, isJudged, obstaclesIn } from "./comparable.ts";
import type { PerfReport } from "./report.ts";
import { testRun } from "./run-for-tests.ts";

const { run } = testRun();

function report({ runs = 5, concurrency = 50, names = ["warm-noop", "wake"] } = {}): PerfReport {
  const scenarios = names.map((name) => ({
    name,
    catches: "",
    concurrency,
    summary: run,
    runs: Array.from({ length: runs }, () => run),
  }));
  return {
    format: 1,
    version: "0.1.0",
    commit: null,
    bun: "1.4.5",
    machine: { cpu: "a", cores: 2, memoryBytes: 1, kernel: "6", loadAverage: 0 },
    startedAt: "",
    options: {
      mode: "http",
      durationMs: 1000,
      warmUpMs: 100,
      concurrency,
      poolSize: 100,
      clientTimeoutMs: 1000,
      ratePerS: null,
      requestsMax: null,
      repeat: runs,
      edges: 1,
      apps: 10,
      seed: 1,
      url: null,
    },
    scenarios,
    comparison: null,
    breaches: [],
    gates: null,
    isPassed: true,
  };
}

function asked(options: Partial<PerfReport["options"]> = {}, concurrency = 50): Asked {
  const names = ["warm-noop", "wake"];
  return {
    options: { ...report().options, ...options },
    scenarios: names.map((name) => ({ name, concurrency })),
  };
}

test("the same question asked five times on both sides has no obstacle", () => {
  expect(obstaclesIn(report(), asked()).size).toBe(0);
});

describe("no verdict, and why", () => {
  const all = "warm-noop, wake: ";
  const cases: [string, PerfReport, Asked, string[]][] = [
    ["a base with one run", report({ runs: 1 }), asked(), [`${all}the base has 1 run, a spread`]],
    ["one run now", report(), asked({ repeat: 1 }), [`${all}this is 1 run, a spread needs 5`]],
    ["a scenario the base lacks", report({ names: ["wake"] }), asked(), ["warm-noop: not in the"]],
    ["another time", report(), asked({ durationMs: 9 }), [`${all}durationMs: 1000 in the base, 9`]],
    [
      "an address",
      report(),
      asked({ url: "http://x/" }),
      [`${all}url: none in the base, http://x`],
    ],
    ["other connections", report(), asked({}, 7), [`${all}concurrency: 50 in the base, 7 now`]],
  ];

  test.each(cases)("%s", (_name, base, now, words) => {
    const said = inWords(obstaclesIn(base, now));

    expect(said).toHaveLength(words.length);
    for (const [index, text] of words.entries()) expect(said[index]).toStartWith(text);
  });
});

test("fewer than five runs are said of the side that has them", () => {
  expect(differencesOf(report({ runs: 2 }), report())).toEqual([
    "the base has 2 runs, a spread needs 5: see --repeat",
  ]);
});

test("a comparison without any verdict is none, but hooks need none", () => {
  const scenario = { scenario: "wake", rounds: 1, cpuUsAdded: null, metrics: {}, isSlower: false };
  const scenarios = [{ ...scenario, verdict: "too few runs" as const }];
  const comparison = { base: "b", baseCommit: null, isInterleaved: true, notes: [], scenarios };

  expect(isJudged({ ...comparison, kind: "checkout" })).toBe(false);
  expect(isJudged({ ...comparison, kind: "hooks" })).toBe(true);
});
