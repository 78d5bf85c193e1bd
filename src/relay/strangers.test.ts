import { expect, test } from "bun:test";
import { strangersBeyondMax, strangersMax, strangersOfOneMax } from "./limits.ts";
import { Strangers } from "./strangers.ts";

/** Numbered in the order in which they came; `refused` has those that were turned away. */
function crowd() {
  const strangers = new Strangers();
  const refused: number[] = [];
  let count = 0;
  return {
    strangers,
    refused,
    come(address: string | null) {
      const number = count;
      count += 1;
      const one = {
        address,
        refuse() {
          refused.push(number);
          strangers.remove(one);
        },
      };
      strangers.add(one);
      return one;
    },
  };
}

test("of one address the oldest makes way, and another address's do not", () => {
  const { come, refused, strangers } = crowd();
  come("192.0.2.7");
  for (let count = 0; count < strangersOfOneMax; count += 1) come("192.0.2.1");

  come("192.0.2.1");
  come("192.0.2.1");

  expect(refused).toEqual([1, 2]);
  expect(strangers.size).toBe(strangersOfOneMax + 1);
});

test("a crowd from beyond the machine does not push out this machine's own", () => {
  const { come, refused, strangers } = crowd();
  for (let count = 0; count < 10; count += 1) come(null);
  for (let count = 0; count < strangersBeyondMax + 5; count += 1) come(`192.0.2.${count}`);

  expect(refused).toEqual([10, 11, 12, 13, 14]);
  expect(strangers.size).toBe(strangersBeyondMax + 10);
});

test("of all, the oldest makes way, and who has left counts no more", () => {
  const { come, refused, strangers } = crowd();
  const first = come("192.0.2.1");
  strangers.remove(first);
  strangers.remove(first);
  for (let count = 0; count < strangersMax; count += 1) come(null);
  come(null);

  expect(refused).toEqual([1]);
  for (let count = 0; count < strangersOfOneMax; count += 1) come("192.0.2.1");
  expect(refused.length).toBe(1 + strangersOfOneMax);
});
