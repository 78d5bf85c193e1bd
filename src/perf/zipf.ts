/**
 * Popularity as it is among real sites: the second is asked half as often as the first, the third a third as often.
 *
 * @returns weights in order of popularity; their sum is 1.
 */
export function zipfWeights(count: number): number[] {
  const raw = Array.from({ length: count }, (_, index) => 1 / (index + 1));
  const sum = raw.reduce((total, weight) => total + weight, 0);
  return raw.map((weight) => weight / sum);
}
