/**
 * Goal: an app that sleeps for long has its memory handed to swap, and a request that comes at any moment of that is
 * answered by the same process. Method: real processes, a clock that is pushed, a machine that claims to have swap.
 */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { pagingObstacle, pagingSources } from "../sandbox/paging-way.ts";
import { bodyOf, draining, gone, type SpecChange, TestPools } from "./pool-for-tests.ts";

const KIB = 1024;
/** Less than a tenth of what a process without an app has. */
const LITTLE = 205 * KIB;

/** An ordinary user may not page out other processes. */
const mayPage = !["no-right", "kernel"].includes(pagingObstacle(pagingSources())?.kind ?? "");

/** A pool with a count in its memory, frozen; a second later it may be paged. */
async function setup(change: SpecChange = {}) {
  const t = new TestPools();
  const pool = t.pool("behaves", { idleFreezeMs: 1000, idlePageMs: 2000, ...change });
  await bodyOf(pool, "/count");
  t.pass(1000);
  return {
    t,
    pool,
    pid: pool.facts(0).pid!,
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

/** Pages and wakes it, and lets it sleep until it is paged again, with so much in RAM then. */
async function pagedAgain(s: Awaited<ReturnType<typeof setup>>, residentBytes: number) {
  await s.pool.page();
  expect(await bodyOf(s.pool, "/count")).toBe("2");
  s.t.pass(1000);
  expect(s.pool.state).toBe("frozen");
  s.t.residentBytes = residentBytes;
  s.t.pass(1000);
  await until(() => s.pool.state === "paged");
}

describe.skipIf(!mayPage)("a frozen process", () => {
  test("is paged after its time, and woken by a request with its memory", async () => {
    await using s = await setup();
    expect(s.pool.state).toBe("frozen");

    s.t.pass(1000);
    await until(() => s.pool.state === "paged");

    expect(s.pool.facts(0).processes).toMatchObject([{ state: "paged" }]);
    expect(await bodyOf(s.pool, "/count")).toBe("2");
    expect(s.pool.facts(0)).toMatchObject({ state: "warm", pid: s.pid, starts: 1 });
    expect(s.t.events(s.pool)).toEqual(["start", "freeze", "page", "wake"]);
    expect(s.t.records.at(-1)?.fields).toMatchObject({ from: "paged" });
  });

  test("is paged again after it was woken", async () => {
    await using s = await setup();
    for (let round = 2; round < 5; round++) {
      s.t.pass(1000);
      await until(() => s.pool.state === "paged");
      expect(await bodyOf(s.pool, "/count")).toBe(String(round));
      s.t.pass(1000);
      expect(s.pool.state).toBe("frozen");
    }
  });

  test("keeps what its last wake brought back, and counts as paged", async () => {
    await using s = await setup();
    await pagedAgain(s, LITTLE);

    expect(s.pool.facts(0).processes).toMatchObject([{ state: "paged" }]);
    expect(s.t.events(s.pool)).toEqual(["start", "freeze", "page", "wake", "freeze", "page"]);
    expect(s.t.records.at(-1)).toMatchObject({
      message: expect.stringContaining("the 0.2 MiB that its requests use stay in RAM"),
      fields: { memoryBytes: 0 },
    });
    s.t.pass(60_000);
    expect(await s.pool.page()).toBe(0);
    expect(await bodyOf(s.pool, "/count")).toBe("3");
    expect(s.t.records.at(-1)?.fields).toMatchObject({ from: "paged" });
  });

  test("is paged anew when it has more than that", async () => {
    await using s = await setup();

    await pagedAgain(s, 1024 * 1024 * KIB);

    expect(s.t.records.at(-1)?.message).toContain("handed to swap");
  });

  test("gives that too when memory is short, once", async () => {
    await using s = await setup();
    const relieve = async () => {
      const [share] = s.t.pools.room.shares;
      const could = share!.holder!.canPage;
      await share!.holder!.relieve("page", "memory is short");
      return could;
    };
    await pagedAgain(s, LITTLE);

    expect(await relieve()).toBe(true);
    expect(s.t.records.at(-1)?.message).toEndWith("handed to swap: memory is short");
    expect(s.pool.state).toBe("paged");
    const { length } = s.t.records;
    expect(await relieve()).toBe(false);

    expect(s.t.records).toHaveLength(length);
    expect(await bodyOf(s.pool, "/count")).toBe("3");
  });

  test("keeps nothing before it was paged once", async () => {
    await using s = await setup();
    s.t.residentBytes = 0;

    s.t.pass(1000);
    await until(() => s.pool.state === "paged");

    expect(s.t.records.at(-1)?.message).toContain("handed to swap");
  });

  test("is woken in the middle of being paged, and is not called paged then", async () => {
    await using s = await setup();

    s.t.pass(1000);
    expect(s.pool.state).toBe("frozen");
    const body = bodyOf(s.pool, "/count");
    expect(s.pool.state).toBe("warm");

    expect(await body).toBe("2");
    // One at a time: when another one is done, so is this.
    const other = s.t.pool("behaves");
    await bodyOf(other);
    other.freeze();
    await other.page();
    expect(other.state).toBe("paged");
    expect(s.t.events(s.pool)).not.toContain("page");
  });

  test("that is ended in the middle of being paged is gone", async () => {
    await using s = await setup();

    s.t.pass(1000);
    await s.t.pools.remove(s.pool.spec, 0, draining);

    await gone(s.pid);
    expect(s.t.events(s.pool)).toEqual(["start", "freeze", "stop"]);
  });

  test("that is killed while it is paged is started anew by the next request", async () => {
    await using s = await setup();
    await s.pool.page();
    expect(s.pool.state).toBe("paged");

    process.kill(s.pid, "SIGKILL");
    await gone(s.pid);
    await until(() => s.pool.facts(0).pid === null);

    expect(await bodyOf(s.pool, "/count")).toBe("1");
  });

  test("is stopped after its time also when it is paged", async () => {
    await using s = await setup({ idleStopMs: 3000 });
    await s.pool.page();

    s.t.pass(2000);

    await gone(s.pid);
    await until(() => s.pool.state === "stopped");
  });

  test("is paged when that is asked for, once", async () => {
    await using s = await setup({ idlePageMs: 0 });

    s.t.pass(60_000);
    expect(s.pool.state).toBe("frozen");
    await s.pool.page();

    expect(s.pool.state).toBe("paged");
    expect(await s.pool.page()).toBe(0);
  });
});

test("a frozen process stays so while swap has no room", async () => {
  await using s = await setup();
  s.t.swapFreeBytes = 0;

  s.t.pass(60_000);
  expect(await s.pool.page()).toBe(0);

  expect(s.pool.state).toBe("frozen");
  expect(await bodyOf(s.pool, "/count")).toBe("2");
});
