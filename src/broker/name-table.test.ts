import { edenGC, fullGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { NameTable } from "./name-table.ts";

/** Goal: it is a Map. Method: the same random steps with one, in which names come and go, few and many. */
test("has what a Map would have, whatever comes and goes", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const table = new NameTable<number>();
  const map = new Map<string, number>();
  const message = `LEVAIN_TEST_SEED=${seed}`;
  for (let phase = 0; phase < 40; phase += 1) {
    const names = Array.from(
      { length: 1 + random(400) },
      (_, at) => `controller_${phase % 3}_${at}`,
    );
    const setOf10 = random(11);
    for (let step = 0; step < 500; step += 1) {
      const name = pick(random, names);
      if (random(10) < setOf10) {
        table.set(name, step);
        map.set(name, step);
      } else {
        table.delete(name);
        map.delete(name);
      }
      const asked = pick(random, names);
      expect(table.get(asked), message).toBe(map.get(asked) ?? null);
    }
    expect(table.count, message).toBe(map.size);
    expect([...table.values()].sort(), message).toEqual([...map.values()].sort());
  }
});

test("holds nothing that was deleted, so that a young collection frees it", () => {
  const table = new NameTable<Float32Array>();
  const churn = (count: number) => {
    for (let number = 0; number < count; number += 1) {
      table.set(`snapshot_${number}`, new Float32Array(4));
      table.delete(`snapshot_${number - 50}`);
    }
    for (let number = 0; number < count; number += 1) table.delete(`snapshot_${number}`);
  };
  const kept = () => heapStats().objectTypeCounts.Float32Array ?? 0;
  churn(2000);
  fullGC();
  const before = kept();

  churn(20_000);
  edenGC();

  // What stands on the stack may still be held.
  expect(kept() - before).toBeLessThan(200);
});
