/**
 * Latencies in fixed memory: a log-linear (HDR) histogram. Values below 512 ns are exact; above, each power of two is
 * split into 256 buckets, so that a percentile is at most 0.4 % too high and never too low. 70 KB, whatever is recorded.
 *
 * `createHistogram` of `node:perf_hooks` is a real one too, but it can neither be sent to another process nor be read
 * bucket by bucket.
 */
import type { LatencySummary } from "./plan.ts";

/** Each power of two has this many buckets. */
const bucketsPerOctave = 256;
const bucketBits = 8;
/** 2^42 ns is 73 minutes; what is longer is recorded as that. */
const valueNsMax = 2 ** 42;
const bucketCount = (42 - bucketBits + 1) * bucketsPerOctave;
const nsPerMs = 1e6;

/** A histogram as plain data, smaller than 70 KB by as much as it is empty. */
export interface EncodedHistogram {
  /** Names the buckets: only equal ones can be added up. */
  scheme: "log2-256-ns";
  /** Pairs: how many buckets were skipped, and the count of the next one. */
  buckets: number[];
  sumNs: number;
  minNs: number;
  maxNs: number;
}

export class Histogram {
  readonly #counts = new Float64Array(bucketCount);
  #count = 0;
  #sumNs = 0;
  #minNs = Number.POSITIVE_INFINITY;
  #maxNs = 0;

  get count(): number {
    return this.#count;
  }

  /** Less than 0 counts as 0. */
  record(ms: number): void {
    const ns = Math.min(Math.max(Math.round(ms * nsPerMs), 0), valueNsMax - 1);
    this.#counts[bucketOf(ns)]! += 1;
    this.#count += 1;
    this.#sumNs += ns;
    if (ns < this.#minNs) this.#minNs = ns;
    if (ns > this.#maxNs) this.#maxNs = ns;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#sumNs = 0;
    this.#minNs = Number.POSITIVE_INFINITY;
    this.#maxNs = 0;
  }

  /** The least value that `percent` of the values do not exceed, in milliseconds; 0 when empty. Percent, 0 to 100. */
  percentileMs(percent: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count - 1e-9));
    let seen = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) {
        return Math.max(this.#minNs, Math.min(this.#maxNs, highestOf(bucket))) / nsPerMs;
      }
    }
    return this.#maxNs / nsPerMs;
  }

  summary(): LatencySummary {
    const isEmpty = this.#count === 0;
    return {
      min: isEmpty ? 0 : this.#minNs / nsPerMs,
      mean: isEmpty ? 0 : this.#sumNs / this.#count / nsPerMs,
      p50: this.percentileMs(50),
      p90: this.percentileMs(90),
      p95: this.percentileMs(95),
      p99: this.percentileMs(99),
      p999: this.percentileMs(99.9),
      max: this.#maxNs / nsPerMs,
    };
  }

  encode(): EncodedHistogram {
    const buckets: number[] = [];
    let skipped = 0;
    for (const count of this.#counts) {
      if (count === 0) {
        skipped += 1;
        continue;
      }
      buckets.push(skipped, count);
      skipped = 0;
    }
    return {
      scheme: "log2-256-ns",
      buckets,
      sumNs: this.#sumNs,
      minNs: this.#count === 0 ? 0 : this.#minNs,
      maxNs: this.#maxNs,
    };
  }

  /** Adds what another one has recorded. @throws {RangeError} when it has other buckets. */
  add(encoded: EncodedHistogram): void {
    if (encoded.scheme !== "log2-256-ns") {
      throw new RangeError(`Cannot add a histogram of scheme "${encoded.scheme}"`);
    }
    let bucket = -1;
    let added = 0;
    for (let at = 0; at + 1 < encoded.buckets.length; at += 2) {
      bucket += encoded.buckets[at]! + 1;
      if (!(bucket < bucketCount)) throw new RangeError("Cannot add a histogram: too many buckets");
      this.#counts[bucket]! += encoded.buckets[at + 1]!;
      added += encoded.buckets[at + 1]!;
    }
    if (added === 0) return;
    this.#count += added;
    this.#sumNs += encoded.sumNs;
    this.#minNs = Math.min(this.#minNs, encoded.minNs);
    this.#maxNs = Math.max(this.#maxNs, encoded.maxNs);
  }
}

/** All of them as one: repeated runs, several generators. */
export function mergeHistograms(encoded: readonly EncodedHistogram[]): Histogram {
  const all = new Histogram();
  for (const one of encoded) all.add(one);
  return all;
}

/** Below 512 the value itself; above, the octave and its next 8 bits. */
function bucketOf(ns: number): number {
  if (ns < 2 * bucketsPerOctave) return ns;
  // Beyond 31 bits, shifts would cut it.
  const high = ns >= 2 ** 31 ? Math.floor(ns / 2 ** 20) : ns;
  const shift = 31 - Math.clz32(high) - bucketBits;
  const mantissa = high >>> shift;
  const octave = shift + (high === ns ? 0 : 20);
  return octave * bucketsPerOctave + mantissa;
}

/** The highest value that falls into the bucket. Nanoseconds. */
function highestOf(bucket: number): number {
  if (bucket < 2 * bucketsPerOctave) return bucket;
  const octave = Math.floor(bucket / bucketsPerOctave) - 1;
  const mantissa = bucket - octave * bucketsPerOctave;
  return (mantissa + 1) * 2 ** octave - 1;
}
