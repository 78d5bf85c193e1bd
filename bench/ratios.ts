/** Statistics of few samples: medians, ranges, and ratios that are taken within a round. */

/** A value in one round. */
export interface RoundValue {
  round: number;
  value: number;
}

/** `values / references` for each round that has both. */
export function ratiosOf(
  values: readonly RoundValue[],
  references: readonly RoundValue[],
): number[] {
  return values.flatMap(({ round, value }) => {
    const reference = references.find((other) => other.round === round);
    return reference === undefined ? [] : [value / reference.value];
  });
}

/** The middle value; of an even count, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that `share` (0 to 1) of all do not exceed. NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? Number.NaN;
}

/** `0.50–2.00` */
export function range(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}

/** `1.00 (0.50–2.00)`; `–` of none. */
export function spread(values: readonly number[], digits: number): string {
  if (values.length === 0) return "–";
  return `${median(values).toFixed(digits)} (${range(values, digits)})`;
}
