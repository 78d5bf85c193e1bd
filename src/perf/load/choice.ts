/** Choosing among weighted things in constant time (Walker's alias method), the same order for the same seed. */

/** 0 up to, but not including, 1. */
export type Random = () => number;

/** Numbers that depend on the seed alone (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Every column is as likely as any other; a column is its own item up to `#shares`, and beyond that its alias, which is
 * an item with more than its column.
 */
export class WeightedChoice {
  readonly #shares: Float64Array;
  readonly #aliases: Uint32Array;
  readonly #random: Random;

  /** @throws {RangeError} when there is no weight, or one is not more than 0 */
  constructor(weights: readonly number[], random: Random) {
    const count = weights.length;
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (!(total > 0 && total < Number.POSITIVE_INFINITY) || !weights.every((one) => one > 0)) {
      throw new RangeError("Cannot choose: every weight has to be a number above 0");
    }
    this.#random = random;
    this.#shares = Float64Array.from(weights, (weight) => (weight / total) * count);
    this.#aliases = Uint32Array.from(weights.keys());
    const poor: number[] = [];
    const rich: number[] = [];
    for (const [index, share] of this.#shares.entries()) (share < 1 ? poor : rich).push(index);
    while (poor.length > 0 && rich.length > 0) {
      const receiver = poor.pop()!;
      const giver = rich.at(-1)!;
      this.#aliases[receiver] = giver;
      this.#shares[giver]! -= 1 - this.#shares[receiver]!;
      if (this.#shares[giver]! < 1) poor.push(rich.pop()!);
    }
    // What rounding has left over is as good as full.
    for (const index of [...poor, ...rich]) this.#shares[index] = 1;
  }

  /** The index of one of the weights. */
  next(): number {
    const count = this.#shares.length;
    if (count === 1) return 0;
    const column = Math.floor(this.#random() * count);
    return this.#random() < this.#shares[column]! ? column : this.#aliases[column]!;
  }
}
