/**
 * How far the results of repeated runs lie apart, without believing anything about how they are distributed: machines
 * that others share do not err like a bell.
 */
import { invariant } from "../base/errors.ts";

export interface Spread {
  median: number;
  /** The true median lies between them with at least the confidence below, when there are runs enough. */
  low: number;
  high: number;
}

/** Chance that the true median is within the spread. Five runs give 0.9375 from least to largest. */
const confidenceMin = 0.93;

/** Of at least one value; with fewer than five values it is just the range. */
export function spreadOf(values: readonly number[]): Spread {
  invariant(values.length > 0, "a spread has values");
  const sorted = [...values].sort((left, right) => left - right);
  const cut = cutFor(sorted.length);
  return { median: medianOf(sorted), low: sorted[cut]!, high: sorted[sorted.length - 1 - cut]! };
}

/** Between the middle two when there is no middle one. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
}

/**
 * How many values may be cut off at each end. Each value is as likely below the true median as above it, so the chance
 * that it lies outside of the `cut` + 1 outermost ones on one side is that of so few heads in `count` throws.
 */
function cutFor(count: number): number {
  let cut = 0;
  let chance = 0.5 ** count;
  let term = chance;
  for (let next = 1; next < count / 2; next++) {
    term *= (count - next + 1) / next;
    chance += term;
    if (1 - 2 * chance < confidenceMin) break;
    cut = next;
  }
  return cut;
}
