import { expect, test } from "bun:test";
import { type Busyness, leastBusy } from "./ready.ts";

const warm = (running: number): Busyness => ({ isAsleep: false, running });
const frozen: Busyness = { isAsleep: true, running: 0 };

const cases: [string, number, readonly Busyness[], number][] = [
  ["alone", 0, [warm(9)], 0],
  ["with the fewest requests", 2, [warm(3), warm(2), warm(1)], 0],
  ["next in turn among equals", 1, [warm(1), warm(1), warm(1)], 1],
  ["first in turn again after the last", 0, [warm(1), warm(1), warm(1)], 3],
  ["warm rather than frozen", 1, [frozen, warm(0)], 0],
  ["frozen rather than busy", 0, [frozen, warm(1)], 1],
];

test.each(cases)("the one %s takes the next request", (_which, expected, instances, turn) => {
  expect(leastBusy(instances, turn)).toBe(expected);
});

test("equal ones take turns", () => {
  const instances = [warm(0), warm(0), warm(0)];
  const taken = [0, 0, 0];
  let turn = 0;
  for (let request = 0; request < 30; request++) {
    const index = leastBusy(instances, turn);
    taken[index]! += 1;
    turn = index + 1;
  }

  expect(taken).toEqual([10, 10, 10]);
});
