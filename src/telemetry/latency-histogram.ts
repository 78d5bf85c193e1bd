/**
 * Counts durations in buckets of fixed bounds: 0.05 ms to 100 s, ten bounds to a decade, so that a percentile is off by
 * a quarter at most, and by less where many fall. Memory is fixed; counting costs a few comparisons.
 */

/** Ten to a decade, rounded so that people know them: also those that are shown are exact. */
const decade = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8];

/** Upper bounds of the buckets, each included. The last bucket has none. Milliseconds. */
export const latencyBoundsMs: readonly number[] = [0.01, 0.1, 1, 10, 100, 1000, 10_000, 100_000]
  // Divided where that is exact: 0.25 is 2.5 / 10, and 2.5 × 0.1 is not.
  .flatMap((unit) =>
    decade.map((bound) => (unit < 1 ? bound / Math.round(1 / unit) : bound * unit)),
  )
  .filter((bound) => bound >= 0.05 && bound <= 100_000);

/** Those that metrics show; every one is among `latencyBoundsMs`. Milliseconds. */
export const shownBoundsMs: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000,
];

const bounds = new Float64Array(latencyBoundsMs);

/** A duration's octave, counted from 1/32 ms, to the first bucket that it can be in. */
const octaveMs = 1 / 32;
const firstOfOctave = Uint8Array.from({ length: 32 }, (_, octave) => {
  const startMs = octave === 0 ? 0 : octaveMs * 2 ** (octave - 1);
  const index = latencyBoundsMs.findIndex((bound) => bound >= startMs);
  return index === -1 ? latencyBoundsMs.length : index;
});

/** What passes from one process to another. Plain data. */
export interface LatencyCounts {
  /** By bucket. */
  counts: number[];
  sumMs: number;
}

export class LatencyHistogram {
  /** By bucket; doubles, since 2^32 requests are made within a day. */
  readonly #counts = new Float64Array(bounds.length + 1);
  #sumMs = 0;

  /** Milliseconds, 0 or more. */
  add(ms: number): void {
    this.#sumMs += ms;
    // Longer than a month is the last bucket in any case.
    let bucket = firstOfOctave[32 - Math.clz32(Math.min(ms * 32, 0x7fffffff))]!;
    while (ms > bounds[bucket]!) bucket += 1;
    this.#counts[bucket]! += 1;
  }

  /** What was counted. */
  read(): LatencyCounts {
    return { counts: [...this.#counts], sumMs: this.#sumMs };
  }

  /** What was counted since this was asked, which counts from 0 again. */
  take(): LatencyCounts {
    const taken = this.read();
    this.#counts.fill(0);
    this.#sumMs = 0;
    return taken;
  }

  /** Adds what `take` of another one gave. */
  addAll({ counts, sumMs }: LatencyCounts): void {
    for (const [bucket, count] of counts.entries()) this.#counts[bucket]! += count;
    this.#sumMs += sumMs;
  }

  /** Durations counted. */
  get count(): number {
    return this.#counts.reduce((total, count) => total + count, 0);
  }

  /** Milliseconds. */
  get sumMs(): number {
    return this.#sumMs;
  }

  /** How many were not longer than each of the bounds, which are some of `latencyBoundsMs`, in their order. */
  *cumulative(boundsMs: readonly number[]): Iterable<number> {
    let total = 0;
    let bucket = 0;
    for (const boundMs of boundsMs) {
      while (bucket < bounds.length && bounds[bucket]! <= boundMs) total += this.#counts[bucket++]!;
      yield total;
    }
  }

  /**
   * The duration that a share of all do not exceed, as if those of a bucket were spread evenly in it; beyond the last
   * bound, that bound. Milliseconds; null before the first.
   *
   * @param share 0 to 1
   */
  quantileMs(share: number): number | null {
    const { count } = this;
    if (count === 0) return null;
    let left = Math.max(1, share * count);
    for (const [bucket, inBucket] of this.#counts.entries()) {
      const boundMs = bounds[bucket];
      if (boundMs === undefined) break;
      if (left > inBucket) {
        left -= inBucket;
        continue;
      }
      const startMs = bucket === 0 ? 0 : bounds[bucket - 1]!;
      return startMs + ((boundMs - startMs) * left) / inBucket;
    }
    return bounds[bounds.length - 1]!;
  }
}
