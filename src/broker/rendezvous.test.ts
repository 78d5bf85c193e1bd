import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { seedOf, winnerOf } from "./rendezvous.ts";

const contender = (url: string) => ({ url, seed: seedOf(url) });
const brokers = (count: number) =>
  Array.from({ length: count }, (_, index) => contender(`http://10.0.0.${index + 1}:8080`));
const keys = (count: number) =>
  Array.from(
    { length: count },
    (_, index) => `deployment_${index}\x0020260101.${index % 7}\x000.5\x000.5`,
  );

test("keys are spread over brokers: each has its share, within a fifth", () => {
  for (const count of [2, 3, 5, 16]) {
    const wins = new Map<string, number>();
    const all = brokers(count);
    for (const key of keys(20_000)) {
      const { url } = winnerOf(all, key)!;
      wins.set(url, (wins.get(url) ?? 0) + 1);
    }

    const share = 20_000 / count;
    expect(wins.size).toBe(count);
    for (const won of wins.values()) expect(Math.abs(won - share) / share).toBeLessThan(0.2);
  }
});

test("the order in which brokers are known does not matter", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const all = brokers(7);

  for (const key of keys(300)) {
    const shuffled = all.toSorted(() => random(3) - 1);
    expect(winnerOf(shuffled, key)!.url, `LEVAIN_TEST_SEED=${seed}`).toBe(winnerOf(all, key)!.url);
  }
});

test("when a broker goes only its own keys move, and to all that are left", () => {
  const all = brokers(4);
  const left = all.slice(1);
  const heirs = new Set<string>();

  for (const key of keys(2000)) {
    const before = winnerOf(all, key)!;
    const after = winnerOf(left, key)!;
    if (before === all[0]) heirs.add(after.url);
    else expect(after).toBe(before);
  }

  expect(heirs.size).toBe(3);
});

test("what wins is fixed: brokers of two versions agree", () => {
  const all = brokers(3);

  const winners = keys(12).map((key) => all.indexOf(winnerOf(all, key)!));

  expect(winners).toEqual([0, 1, 1, 2, 2, 2, 2, 1, 2, 1, 0, 1]);
  expect(winnerOf([], "key")).toBeNull();
});
