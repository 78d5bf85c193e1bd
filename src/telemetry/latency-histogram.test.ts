/** Goal: counts are exact and percentiles near the truth. Method: random durations next to a sorted list of them. */
import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { LatencyHistogram, latencyBoundsMs, shownBoundsMs } from "./latency-histogram.ts";

const seed = testSeed();

/** From a microsecond to half an hour, each order of magnitude as often. */
function durations(count: number): number[] {
  const random = randomOf(seed);
  return Array.from({ length: count }, () => 10 ** (random(9_300_000) / 1e6 - 3));
}

function filled(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

test("how many are not longer than a bound is counted exactly", () => {
  const values = [...durations(20_000), ...latencyBoundsMs, 0];

  const histogram = filled(values);

  const upTo = (bound: number) => values.filter((value) => value <= bound).length;
  for (const bounds of [latencyBoundsMs, shownBoundsMs]) {
    const counts = [...histogram.cumulative(bounds)];
    expect(counts, `LEVAIN_TEST_SEED=${seed}`).toEqual(bounds.map(upTo));
  }
  expect(histogram.count).toBe(values.length);
  expect(histogram.sumMs).toBeCloseTo(
    values.reduce((total, value) => total + value, 0),
    0,
  );
});

test("a percentile is off by a quarter at most, between the first bound and the last", () => {
  const values = durations(5000).filter((value) => value > 0.05 && value < 100_000);
  const sorted = [...values].sort((left, right) => left - right);

  const histogram = filled(values);

  for (const share of [0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
    const expected = sorted[Math.ceil(share * sorted.length) - 1]!;
    const ratio = histogram.quantileMs(share)! / expected;
    expect(ratio, `${share}, LEVAIN_TEST_SEED=${seed}`).toBeGreaterThan(1 / 1.3);
    expect(ratio, `${share}, LEVAIN_TEST_SEED=${seed}`).toBeLessThan(1.3);
  }
});

test("there is no percentile of nothing, and none beyond the last bound", () => {
  expect(new LatencyHistogram().quantileMs(0.5)).toBeNull();
  expect(filled([1e9, Number.MAX_VALUE]).quantileMs(0.5)).toBe(100_000);
});

test("every bound that is shown is one that is counted by", () => {
  expect(shownBoundsMs.filter((bound) => !latencyBoundsMs.includes(bound))).toEqual([]);
  expect(latencyBoundsMs).toEqual([...latencyBoundsMs].sort((left, right) => left - right));
});
