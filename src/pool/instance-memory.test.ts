/** Goal: a start gets memory before it gets a process, and gives it back when the process is gone. Method: real processes. */
import { expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { holdBytesTotalMax, holdTimeoutMs } from "./limits.ts";
import { bodyOf, codeOf, draining, submit, TestPools } from "./pool-for-tests.ts";

const MiB = 1024 * 1024;

test("an app that can never fit is refused at once, and is asked again with the next request", async () => {
  await using t = new TestPools();
  const app = t.pool("behaves");
  t.pools.room.budgetBytes = MiB;

  expect(await codeOf(submit(app).outcome)).toBe("HOST_MEMORY_FULL");
  expect(app.facts(0)).toMatchObject({ state: "stopped", starts: 0 });
  t.pools.room.budgetBytes = 100 * MiB;

  expect(await bodyOf(app)).toBe("hello");
});

test("an app that does not fit waits until another one is gone", async () => {
  await using t = new TestPools();
  const [first, second] = [t.pool("behaves"), t.pool("behaves", { number: 99 })];
  t.pools.room.budgetBytes = 40 * MiB;
  await bodyOf(first);

  const asked = submit(second);
  await until(() => t.pools.room.waiting === 1);
  const facts = second.facts(0);
  expect([facts.state, facts.requestsHeld]).toEqual(["stopped", 1]);
  void first.stop(0, draining);

  expect(await asked.outcome).toMatchObject({ kind: "answered", body: "hello" });
});

test("who waits for memory in vain is told so, and nothing is held for it any more", async () => {
  await using t = new TestPools();
  const [first, second] = [t.pool("behaves"), t.pool("behaves", { number: 99 })];
  t.pools.room.budgetBytes = 40 * MiB;
  await bodyOf(first);

  const asked = submit(second);
  await until(() => t.pools.room.waiting === 1);
  const error = second.heldTooLong();
  second.cancel(asked);
  t.pass(holdTimeoutMs);

  expect(error.code).toBe("HOST_MEMORY_FULL");
  await until(() => t.pools.room.waiting === 0);
  expect(t.pools.places.taken).toBe(1);
  expect(await bodyOf(first)).toBe("hello");
});

test("a process that crashes gives its memory back", async () => {
  await using t = new TestPools();
  const app = t.pool("exits-at-boot");

  await submit(app).outcome;

  await until(() => t.pools.room.usedBytes === 0);
});

test("no request is held while those of all versions together are as large as they may be", async () => {
  await using t = new TestPools();
  const app = t.pool("behaves");
  const { held } = t.pools.room;

  held.bytes = holdBytesTotalMax;
  expect(await codeOf(submit(app).outcome)).toBe("HOLD_QUEUE_FULL");
  held.bytes = 0;

  const asked = submit(app);
  expect(held.bytes).toBeGreaterThan(0);
  expect(await asked.outcome).toMatchObject({ kind: "answered" });
  expect(held.bytes).toBe(0);
});
