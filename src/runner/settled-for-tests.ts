/** Resolves with `value`, which asks the runner, when it has been the same several times. */
export async function settled(value: () => Promise<number>): Promise<number> {
  let last = await value();
  for (let same = 0; same < 5; ) {
    const next = await value();
    same = next === last ? same + 1 : 0;
    last = next;
  }
  return last;
}
