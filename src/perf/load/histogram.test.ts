import { describe, expect, test } from "bun:test";
import { randomOf, testSeed } from "../../base/random-for-tests.ts";
import { Histogram, mergeHistograms } from "./histogram.ts";

function of(...values: number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("a histogram", () => {
  test("that is empty has only zeros", () => {
    expect(new Histogram().summary()).toEqual({
      min: 0,
      mean: 0,
      p50: 0,
      p90: 0,
      p95: 0,
      p99: 0,
      p999: 0,
      max: 0,
    });
  });

  test("knows its least, its greatest and its mean exactly", () => {
    const { min, mean, max } = of(0.1234567, 3, 1000.5).summary();

    expect(min).toBe(0.123457);
    expect(max).toBe(1000.5);
    expect(mean).toBeCloseTo(334.541_152, 6);
  });

  test("says the value that so many percent do not exceed", () => {
    const histogram = of(...Array.from({ length: 1000 }, (_, index) => index + 1));

    // Never too low, at most 0.4 % too high.
    for (const [percent, value] of [
      [50, 500],
      [90, 900],
      [99, 990],
      [99.9, 999],
      [0, 1],
      [100, 1000],
    ] as const) {
      expect(histogram.percentileMs(percent)).toBeGreaterThanOrEqual(value);
      expect(histogram.percentileMs(percent)).toBeLessThanOrEqual(value * 1.004);
    }
  });

  test("of one value has that value everywhere", () => {
    const summary = of(12.345678).summary();

    expect(new Set(Object.values(summary))).toEqual(new Set([12.345678]));
  });

  test("takes values below 0 as 0 and more than 73 minutes as that", () => {
    const histogram = of(-1, 1e12);

    expect(histogram.percentileMs(50)).toBe(0);
    expect(histogram.summary().max).toBe((2 ** 42 - 1) / 1e6);
  });

  test("crosses a process boundary as plain data and is the same behind it", () => {
    const histogram = of(0, 0.0001, 0.5, 0.5, 17, 80_000);

    const copy = mergeHistograms([JSON.parse(JSON.stringify(histogram.encode()))]);

    expect(copy.count).toBe(6);
    expect(copy.summary()).toEqual(histogram.summary());
    expect(copy.encode()).toEqual(histogram.encode());
  });

  test("does not take in one with other buckets", () => {
    const encoded = of(1).encode();

    expect(() => new Histogram().add({ ...encoded, scheme: "else" as "log2-256-ns" })).toThrow(
      RangeError,
    );
    expect(() => new Histogram().add({ ...encoded, buckets: [1e9, 1] })).toThrow(RangeError);
  });

  test("is within its precision for any values, whole or added up from parts", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const values = Array.from({ length: 5000 }, () =>
      Math.floor(2 ** ((random(1_000_000) / 1_000_000) * 41.9)),
    );
    const parts = Array.from({ length: 3 }, () => new Histogram());
    for (const ns of values) parts[random(3)]!.record(ns / 1e6);

    const whole = mergeHistograms(parts.map((part) => part.encode()));

    values.sort((left, right) => left - right);
    expect(whole.count, `LEVAIN_TEST_SEED=${seed}`).toBe(values.length);
    for (const percent of [0, 1, 10, 33.3, 50, 90, 95, 99, 99.9, 100]) {
      const rank = Math.max(1, Math.ceil((percent / 100) * values.length - 1e-9));
      const exact = values[rank - 1]!;
      const said = Math.round(whole.percentileMs(percent) * 1e6);
      expect(said, `${percent} % LEVAIN_TEST_SEED=${seed}`).toBeGreaterThanOrEqual(exact);
      expect(said, `${percent} % LEVAIN_TEST_SEED=${seed}`).toBeLessThanOrEqual(
        exact + Math.ceil(exact / 256),
      );
    }
  });
});
