import { describe, expect, test } from "bun:test";
import { type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { compareApart, compareInTurns } from "./compare.ts";
import { type TestRun, testRun } from "./run-for-tests.ts";
import { spreadOf } from "./spread.ts";

const plain = testRun();
const rates = (...all: number[]) =>
  all.map((ratePerS) => ({ ...plain, run: { ...plain.run, ratePerS } }));

function compare(base: TestRun[], candidate: TestRun[]) {
  return compareInTurns("warm-noop", base.map(testRun), candidate.map(testRun), 0.05);
}

describe("a spread", () => {
  test("of fewer than nine runs is their range", () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3 });
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, low: 1, high: 4 });
    expect(spreadOf([7])).toEqual({ median: 7, low: 7, high: 7 });
  });

  test("of many runs leaves out what is outermost", () => {
    const { low, high } = spreadOf(Array.from({ length: 20 }, (_, index) => index));

    expect([low, high]).toEqual([5, 14]);
  });

  test("holds the true median as often as it says, however skewed the values are", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const trials = 3000;

    for (const count of [5, 8, 10, 20]) {
      let held = 0;
      for (let trial = 0; trial < trials; trial++) {
        const values = Array.from({ length: count }, () => skewed(random));
        const { low, high } = spreadOf(values);
        if (low <= Math.LN2 && Math.LN2 <= high) held += 1;
      }
      expect(held / trials, `seed ${seed}, ${count} values`).toBeGreaterThan(0.91);
    }
  });
});

test("runs that took turns are compared in pairs: what both suffered counts for neither", () => {
  const base = rates(1000, 200, 900, 500, 700);

  const { metrics } = compareInTurns("warm-noop", base, rates(1100, 220, 990, 550, 770), 0.05);

  expect(metrics["rate"]).toEqual({
    ratio: expect.closeTo(1.1),
    low: expect.closeTo(1.1),
    high: expect.closeTo(1.1),
    verdict: "faster",
  });
});

test("a turn that was disturbed is nobody's", () => {
  const turns = (...ratesPerS: number[]) => {
    const all = ratesPerS.map((ratePerS) => ({ ratePerS, cpuUs: 1e6 / ratePerS }));
    return { ...plain, turns: all };
  };
  const base = [turns(1000, 1000, 1000, 1000, 1000), turns(500, 1000, 500, 500, 1000)];
  const candidate = [turns(700, 700, 10, 700, 700), turns(350, 700, 350, 5000, 700)];

  const { metrics, cpuUsAdded, verdict } = compareInTurns("warm-noop", base, candidate, 0.05);

  expect(metrics["rate"]).toMatchObject({ ratio: 0.7, low: 0.7, high: 0.7 });
  expect(metrics["cpu"]!.ratio).toBeCloseTo(1 / 0.7);
  expect(cpuUsAdded!.low).toBeCloseTo(1e6 / 700 - 1000);
  expect(verdict).toBe("slower");
});

test("runs of another time are compared from their worst to their best", () => {
  const runsOf = (...all: number[]) => rates(...all).map(({ run }) => run);

  const { metrics, verdict, cpuUsAdded } = compareApart(
    "warm-noop",
    runsOf(100, 110, 120),
    runsOf(90, 100, 130),
    0.05,
  );

  expect(metrics["rate"]).toMatchObject({ ratio: 100 / 110, low: 90 / 120, high: 130 / 100 });
  expect(verdict).toBe("no difference shown");
  expect(cpuUsAdded).toBeNull();
});

describe("the verdict is", () => {
  const same = { ratePerS: 100 };
  const cases: [string, TestRun[], TestRun[], string, boolean][] = [
    ["none for one run", [same], [{ ratePerS: 1 }], "too few runs", false],
    [
      "none when the spread holds 1",
      [same, same],
      [same, { ratePerS: 50 }],
      "no difference shown",
      false,
    ],
    ["faster", [same, same], [{ ratePerS: 130 }, { ratePerS: 120 }], "faster", false],
    ["slower by rate", [same, same], [{ ratePerS: 70 }, { ratePerS: 80 }], "slower", true],
    [
      "slower by CPU alone",
      [same, same],
      [
        { cpuUs: [20, 10], ratePerS: 100 },
        { cpuUs: [22, 10], ratePerS: 100 },
      ],
      "slower",
      true,
    ],
    [
      "a little slower within the tolerance",
      [same, same],
      [{ ratePerS: 97 }, { ratePerS: 98 }],
      "a little slower",
      false,
    ],
    [
      "mixed",
      [same, same],
      [
        { ratePerS: 97, cpuUs: [5, 5] },
        { ratePerS: 98, cpuUs: [5, 5] },
      ],
      "mixed",
      false,
    ],
    [
      "slower by time where there is no rate",
      [{ ratePerS: null }, { ratePerS: null }],
      [
        { ratePerS: null, latenciesMs: [2] },
        { ratePerS: null, latenciesMs: [2] },
      ],
      "slower",
      true,
    ],
  ];

  test.each(cases)("%s", (_name, base, candidate, verdict, isSlower) => {
    expect(compare(base, candidate)).toMatchObject({ verdict, isSlower });
  });
});

test("a run in which nothing went through has no ratio", () => {
  const { metrics } = compare([{ ratePerS: 100 }, { ratePerS: 0 }], [{}, {}]);

  expect(metrics["rate"]).toBeUndefined();
});

/** Goal: 30 % slower is caught on a machine that errs by 10 %, and nothing is made up. Method: 500 comparisons of each. */
test("what is 30 % slower is caught, and what is the same is left alone", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const noisy = (ratePerS: number) => ratePerS * (0.9 + random(2001) / 10_000);
  const slowerOf = (factor: number) => {
    let slower = 0;
    for (let trial = 0; trial < 500; trial++) {
      const base = rates(...Array.from({ length: 5 }, () => noisy(1000)));
      const candidate = rates(...Array.from({ length: 5 }, () => noisy(1000 / factor)));
      if (compareInTurns("warm-noop", base, candidate, 0.05).isSlower) slower += 1;
    }
    return slower / 500;
  };

  expect(slowerOf(1.3), `seed ${seed}`).toBeGreaterThan(0.95);
  expect(slowerOf(1), `seed ${seed}`).toBeLessThan(0.03);
});

/** Exponential, with the median at ln 2. */
function skewed(random: Random): number {
  return -Math.log((random(1_000_000) + 1) / 1_000_001);
}
