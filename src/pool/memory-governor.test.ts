/**
 * Goal: when memory runs short, idle apps give theirs, those in use keep it, and who waits is let in or told why. Method:
 * real processes that hold memory, measured as on a node; a machine that says what the test says, and a pushed clock.
 */
import { expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import type { HostMemory } from "../sandbox/host-memory.ts";
import { treeMemory } from "../sandbox/process-memory.ts";
import { holdTimeoutMs, memoryFreshMs } from "./limits.ts";
import { zramPart } from "./memory-facts.ts";
import { MemoryGovernor } from "./memory-governor.ts";
import type { Pool } from "./pool.ts";
import { bodyOf, isRunning, submit, TestPools } from "./pool-for-tests.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** Pools with a governor, and a machine with plenty of memory. */
function setup({ swapFreeBytes = 0 } = {}) {
  const t = new TestPools();
  t.swapFreeBytes = swapFreeBytes;
  const { room } = t.pools;
  const notes: string[] = [];
  const machine: HostMemory = {
    totalBytes: 8 * GiB,
    availableBytes: 6 * GiB,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
    zramBytes: 0,
    pressure: { some: 0, full: 0 },
  };
  const looks = new Map<number, number>();
  const governor = new MemoryGovernor({
    room,
    clock: t.clock,
    budgetBytes: 6 * GiB,
    reserveBytes: GiB,
    host: () => machine,
    measure(pid) {
      looks.set(pid, (looks.get(pid) ?? 0) + 1);
      return treeMemory(pid);
    },
    others: async () => 0,
    builds: () => 0,
    note: (line) => void notes.push(line),
  });
  return {
    t,
    room,
    governor,
    notes,
    machine,
    looks,
    /** An app that holds 40 MiB, idle for as long as a look counts. */
    async holding(standby: "keep-memory" | "stop-allowed", number: number): Promise<Pool> {
      const pool = t.pool("leaks-per-request", { number, standby });
      for (let count = 0; count < 5; count += 1) await bodyOf(pool);
      return pool;
    },
    /** Measures all, and then has the node use so much of what it may. */
    async useUp(share: number): Promise<void> {
      t.clock.push(memoryFreshMs);
      await governor.look();
      room.budgetBytes = room.usedBytes / share;
      await governor.look();
    },
    /** What was logged of the pool's app, with why. */
    messages: ({ spec }: Pool) =>
      t.records.filter((one) => one.version === spec.number).map(({ message }) => message),
    async [Symbol.asyncDispose]() {
      await governor.stop();
      await t[Symbol.asyncDispose]();
    },
  };
}

test("what is short is taken from idle apps that may be stopped; others are frozen and keep it", async () => {
  await using s = setup();
  const dispensable = await s.holding("stop-allowed", 1);
  const keeper = await s.holding("keep-memory", 2);

  await s.useUp(0.95);

  await until(() => s.t.events(dispensable).includes("stop"));
  expect(s.t.events(dispensable)).toEqual(["start", "freeze", "evict", "stop"]);
  expect(s.t.events(keeper)).toEqual(["start", "freeze"]);
  expect(s.governor.level).toBe("calm");
  expect(s.governor.reliefs).toEqual({ freeze: 2, page: 0, stop: 1 });
  // Nothing is lost of the one that was frozen.
  expect(await bodyOf(keeper)).toBe("6");
});

test("what is frozen is paged before anybody is stopped, where there is swap", async () => {
  await using s = setup({ swapFreeBytes: GiB });
  const [first, second] = [await s.holding("keep-memory", 1), await s.holding("keep-memory", 2)];
  await until(() => first.freeze());

  await s.useUp(0.95);

  await until(() => s.t.events(second).includes("page"));
  expect(s.t.events(first)).toEqual(["start", "freeze", "page"]);
  expect(s.t.events(second)).toEqual(["start", "freeze", "page"]);
  expect(s.messages(first)[1]).not.toContain("early");
  expect(s.messages(second)[1]).toContain("early");
  expect(s.governor.reliefs).toEqual({ freeze: 1, page: 2, stop: 0 });
  // The process that pages is started first.
}, 30_000);

test("the logs of app and node say what was done, and why", async () => {
  await using s = setup();
  const app = await s.holding("stop-allowed", 1);

  await s.useUp(0.95);

  await until(() => s.t.events(app).includes("evict"));
  const [, frozen, evicted] = s.messages(app);
  const why = /\d+ MiB of \d+ MiB used, 6\.0 GiB of the machine free, pressure 0 %/;
  expect(frozen).toMatch(/Frozen: .* early, since memory is short \(/);
  expect(frozen).toMatch(why);
  expect(evicted).toMatch(/Stopped while idle: memory is short \(/);
  expect(evicted).toMatch(why);
  expect(s.notes[0]).toMatch(/^Memory is short: /);
  expect(s.notes[1]).toMatch(/^Memory is calm again: .* after \d+ s: 1 frozen, 1 stopped$/);
  expect(s.notes).toHaveLength(2);
});

test("what is in use is left alone however short memory is, and starts wait until it is not", async () => {
  await using s = setup();
  const busy = await s.holding("stop-allowed", 1);
  const request = submit(busy, "/never");
  await request.opened;
  const { pid } = busy.facts(0);
  const keeper = await s.holding("keep-memory", 2);

  // Over: whoever keeps its memory has to give it too.
  await s.useUp(1.02);
  await until(() => s.t.events(keeper).includes("stop"));
  s.room.budgetBytes = s.room.usedBytes / 1.02;
  const next = s.t.pool("behaves", { number: 3 });
  const held = submit(next);
  await until(() => s.room.waiting === 1);
  await s.governor.look();

  expect([s.governor.level, busy.state, await isRunning(pid!)]).toEqual(["over", "warm", true]);
  expect(next.facts(0)).toMatchObject({ state: "stopped", starts: 0, requestsHeld: 1 });

  busy.cancel(request);
  s.room.budgetBytes = 60 * MiB;
  await until(async () => {
    s.t.clock.push(1000);
    await s.governor.look();
    return held.hasEnded;
  });

  expect(await held.outcome).toMatchObject({ kind: "answered", body: "hello" });
  expect(s.t.events(busy)).toContain("evict");
});

test("a start that waits in vain is told that the node's memory is full", async () => {
  await using s = setup();
  const busy = await s.holding("stop-allowed", 1);
  const request = submit(busy, "/never");
  await request.opened;
  await s.useUp(0.95);

  const next = s.t.pool("behaves", { number: 2 });
  const held = submit(next);
  await until(() => s.room.waiting === 1);
  const { code, message } = next.heldTooLong();
  next.cancel(held);
  s.t.pass(holdTimeoutMs);

  expect(code).toBe("HOST_MEMORY_FULL");
  expect(message).toMatch(/expected to take 32 MiB, and \d+ MiB of the node's \d+ MiB are in use$/);
  await until(() => s.room.waiting === 0);
  // There is room again: the next one starts.
  s.room.budgetBytes = GiB;
  await s.governor.look();
  expect(await bodyOf(next)).toBe("hello");
});

test("a machine that suffers gets memory back though the node is within its budget", async () => {
  await using s = setup();
  const keeper = await s.holding("keep-memory", 1);
  s.t.clock.push(memoryFreshMs);

  s.machine.availableBytes = GiB;
  s.machine.pressure = { some: 0.4, full: 0.2 };
  await s.governor.look();

  await until(() => s.t.events(keeper).includes("stop"));
  expect(s.notes[0]).toMatch(/^Memory is over: .* 1\.0 GiB of the machine free, pressure 40 %$/);
});

test("of what is in zram, only what is of the node's apps counts", () => {
  const host: HostMemory = {
    totalBytes: 8 * GiB,
    availableBytes: 4 * GiB,
    swapTotalBytes: 4 * GiB,
    swapFreeBytes: 2 * GiB,
    zramBytes: 512 * MiB,
    pressure: null,
  };

  expect(zramPart(host, 0)).toBe(0);
  expect(zramPart(host, 1 * GiB)).toBe(256 * MiB);
  expect(zramPart(host, 3 * GiB)).toBe(512 * MiB);
  expect(zramPart({ ...host, swapFreeBytes: 4 * GiB }, 1 * GiB)).toBe(0);
});

test("memory that others of the machine have in zram is not the node's", async () => {
  await using s = setup();
  const app = await s.holding("stop-allowed", 1);

  Object.assign(s.machine, { swapTotalBytes: 8 * GiB, swapFreeBytes: GiB, zramBytes: 7 * GiB });
  s.t.clock.push(memoryFreshMs);
  await s.governor.look();

  expect([s.governor.level, s.governor.zramBytes]).toEqual(["calm", 0]);
  expect(s.t.events(app)).toEqual(["start"]);
});

test("a version that took much is expected to take it again", async () => {
  await using s = setup();
  const app = await s.holding("stop-allowed", 1);
  await s.useUp(0.95);
  await until(() => app.state === "stopped");
  await until(() => s.room.usedBytes === 0);

  s.room.budgetBytes = 40 * MiB;
  const outcome = await submit(app).outcome;

  expect(outcome).toMatchObject({ kind: "lost", code: "HOST_MEMORY_FULL" });
});

test("what sleeps is measured once, what runs again and again", async () => {
  await using s = setup();
  const asleep = await s.holding("keep-memory", 1);
  const awake = await s.holding("keep-memory", 2);
  await until(() => asleep.freeze());

  for (let count = 0; count < 5; count += 1) {
    s.t.clock.push(memoryFreshMs);
    await s.governor.look();
  }

  expect(s.looks.get(asleep.facts(0).pid!)).toBe(1);
  expect(s.looks.get(awake.facts(0).pid!)).toBe(5);
  const { memoryBytes, swapBytes } = asleep.facts(0);
  expect(memoryBytes).toBeGreaterThan(40 * MiB);
  expect(swapBytes).toBe(0);
});
