/** Random tests that can be repeated: numbers that depend on a seed alone (mulberry32), and the seed of this run. */

/** A whole number from 0 up to, but not including, `below`. */
export type Random = (below: number) => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** LEVAIN_TEST_SEED, or a new one. A failing test has to show it. */
export function testSeed(): number {
  const given = process.env["LEVAIN_TEST_SEED"];
  return given === undefined ? (Math.random() * 2 ** 31) | 0 : Number(given);
}

/** One of them. */
export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[random(items.length)]!;
}
