import { describe, expect, test } from "bun:test";
import { zipfWeights } from "../zipf.ts";
import { randomOf, WeightedChoice } from "./choice.ts";

function countsOf(weights: readonly number[], draws: number, seed = 7): number[] {
  const choice = new WeightedChoice(weights, randomOf(seed));
  const counts = weights.map(() => 0);
  for (let draw = 0; draw < draws; draw++) counts[choice.next()]! += 1;
  return counts;
}

describe("a weighted choice", () => {
  test("takes each as often as its weight says", () => {
    const counts = countsOf([1, 2, 7], 100_000);

    expect(counts[0]! / 100_000).toBeCloseTo(0.1, 1);
    expect(counts[1]! / 100_000).toBeCloseTo(0.2, 1);
    expect(counts[2]! / 100_000).toBeCloseTo(0.7, 1);
  });

  test("gives the same order for the same seed, and another for another", () => {
    const draw = (seed: number) => {
      const choice = new WeightedChoice(zipfWeights(1000), randomOf(seed));
      return Array.from({ length: 100 }, () => choice.next());
    };

    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  test("by Zipf's law asks for the first of 1,000 twice as often as for the second, and for nearly all at times", () => {
    const draws = 200_000;
    const counts = countsOf(zipfWeights(1000), draws);
    // Six standard deviations; the seed is fixed.
    for (const rank of [1, 2, 10, 100]) {
      const expected = draws * zipfWeights(1000)[rank - 1]!;
      expect(Math.abs(counts[rank - 1]! - expected)).toBeLessThan(6 * Math.sqrt(expected));
    }
    expect(counts.filter((count) => count > 0).length).toBeGreaterThan(980);
  });

  test("without a usable weight is refused", () => {
    for (const weights of [[], [0], [1, 0], [1, Number.NaN], [1, -1], [Number.POSITIVE_INFINITY]]) {
      expect(() => new WeightedChoice(weights, randomOf(1))).toThrow(RangeError);
    }
  });
});
