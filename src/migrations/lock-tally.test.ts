import { expect, test } from "bun:test";
import { type LockSeen, LockTally } from "./lock-tally.ts";

const lock = (change: Partial<LockSeen> = {}): LockSeen => ({
  pid: 1,
  relation: "public.orders",
  mode: "AccessExclusiveLock",
  isGranted: true,
  statement: "ALTER TABLE orders …",
  during: "1_orders",
  ...change,
});

test("a lock is as long as it was seen without a gap, and the longest is kept with its first statement", () => {
  const tally = new LockTally();

  tally.look([lock()], 0, 1000);
  tally.look([lock({ statement: "UPDATE …" })], 300, 1000);
  tally.look([], 400, 1000);
  tally.look([lock()], 500, 1000);
  tally.look([lock()], 600, 1000);

  expect(tally.held).toEqual({
    relation: "public.orders",
    mode: "ACCESS EXCLUSIVE",
    blocks: "reads and writes",
    ms: 300,
    statement: "ALTER TABLE orders …",
    during: "1_orders",
  });
  expect(tally.waited).toBeNull();
});

test("waiting and holding are two things, and a session over its budget is named with the worse", () => {
  const tally = new LockTally();
  const waiting = lock({ isGranted: false, relation: "public.lines", mode: "ShareLock" });

  tally.look([lock(), waiting], 0, 100);
  const within = tally.look([lock(), waiting], 100, 100);
  const over = tally.look([lock(), waiting], 150, 100);
  tally.look([lock(), { ...waiting, isGranted: true }], 200, 100);

  expect(within.size).toBe(0);
  expect(over.get(1)).toMatchObject({ relation: "public.orders", isWaiting: false, ms: 150 });
  expect(tally.waited).toMatchObject({ ms: 150, blocks: "writes", mode: "SHARE" });
  expect(tally.held).toMatchObject({ ms: 200 });
});

test("of two locks that were held as long, the one that keeps readers out is told", () => {
  const tally = new LockTally();
  const weaker = lock({ relation: "public.a", mode: "ShareRowExclusiveLock" });

  tally.look([weaker, lock()], 0, 100);
  tally.look([weaker, lock()], 50, 100);

  expect(tally.held?.relation).toBe("public.orders");
});

test("locks that hold nobody up are not counted", () => {
  const tally = new LockTally();

  for (const ms of [0, 100]) tally.look([lock({ mode: "ShareUpdateExclusiveLock" })], ms, 10);

  expect(tally.held).toBeNull();
});
