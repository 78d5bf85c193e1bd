/**
 * Whether something grows. A process that has just begun grows for good reasons (code is compiled, buffers find their
 * size), so only the last half of what was seen is judged, by its slope: one high sample does not make a leak, and a leak
 * that is slow enough to hide behind the start does not escape.
 */

/** What was held after so many requests. */
export interface Point {
  requests: number;
  value: number;
}

/** Growth over the last half of the points, by the median of the slopes between any two of them; in units of `value`. */
export function growthOf(points: readonly Point[]): number {
  const half = points.slice(Math.floor(points.length / 2));
  const slopes: number[] = [];
  for (const [index, from] of half.entries()) {
    for (const to of half.slice(index + 1)) {
      if (to.requests > from.requests) {
        slopes.push((to.value - from.value) / (to.requests - from.requests));
      }
    }
  }
  if (slopes.length === 0) return 0;
  slopes.sort((left, right) => left - right);
  const span = half.at(-1)!.requests - half[0]!.requests;
  return slopes[Math.floor(slopes.length / 2)]! * span;
}
