/** Goal: a process that has had its requests is replaced, and nobody notices. Method: real processes, a pushed clock. */

import { describe, expect, test } from "bun:test";
import type { DatabaseSpec } from "../base/database-spec.ts";
import { defaultPermissions } from "../base/permissions.ts";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { drainTimeoutMsMin, holdTimeoutMs } from "./limits.ts";
import type { Pool } from "./pool.ts";
import {
  ask,
  bodyOf,
  codeOf,
  draining,
  gone,
  type SpecChange,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

/** A warm pool whose processes are replaced after ten requests. */
async function setup(change: SpecChange = {}, instancesMax = 100) {
  const t = new TestPools(0, undefined, instancesMax);
  const limits = { requestsMax: 10, ...change.limits };
  const pool = t.pool("behaves", { ...change, limits });
  const pid = Number(await bodyOf(pool, "/pid"));
  return { t, pool, pid, [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

async function askTimes(pool: Pool, count: number): Promise<void> {
  for (let asked = 0; asked < count; asked++) await bodyOf(pool);
}

/** Looks at the pool until another process takes its requests. */
async function replaced({ t, pool, pid }: { t: TestPools; pool: Pool; pid: number }) {
  await until(async () => {
    t.pass(1);
    return Number(await bodyOf(pool, "/pid")) !== pid;
  });
}

describe("a process that has had its requests", () => {
  test("is replaced, and not before", async () => {
    await using s = await setup();
    await askTimes(s.pool, 8);
    s.t.pass(1000);
    expect(s.pool.counters).toMatchObject({ starts: 1, recycles: 0 });

    await askTimes(s.pool, 1);
    await replaced(s);

    expect(s.pool.counters).toMatchObject({ starts: 2, recycles: 1, misses: 1, failures: 0 });
    await gone(s.pid);
    await until(() => s.t.events(s.pool).includes("stop"));
    expect(s.t.events(s.pool)).toEqual(["start", "start", "recycle", "stop"]);
    await until(() => s.t.folders().length === 1);
    expect(s.t.pools.places.taken).toBe(1);
  });

  test("takes requests until the next one is warm", async () => {
    await using s = await setup({ env: { BOOT_MS: "0" } });
    await askTimes(s.pool, 10);
    s.t.pass(1);

    // The next one is being started; nobody waits for it.
    const answers: string[] = [];
    while (s.pool.counters.recycles === 0) answers.push(await bodyOf(s.pool, "/pid"));

    expect(answers.length).toBeGreaterThan(0);
    expect(new Set(answers.slice(0, -1))).toEqual(new Set([String(s.pid)]));
    expect(s.pool.counters).toMatchObject({ misses: 1, holds: 1 });
  });

  test("finishes what it has, and is ended with its last request", async () => {
    await using s = await setup();
    const slow = submit(s.pool, "/after?ms=300");
    const body = submit(s.pool, "/bytes?count=3000000");
    await slow.opened;
    await askTimes(s.pool, 10);
    await replaced(s);

    expect(await body.outcome).toMatchObject({ kind: "answered" });
    expect(await slow.outcome).toMatchObject({ kind: "answered", body: "after" });
    await gone(s.pid);
  });

  test("keeps its WebSockets and streams until their time to drain is over", async () => {
    await using s = await setup();
    const socket = submit(s.pool, "/socket", { upgrade: true });
    const stream = submit(s.pool, "/stream");
    await until(() => socket.isTunnel && stream.body !== "");
    await askTimes(s.pool, 10);
    await replaced(s);

    s.t.pass(drainTimeoutMsMin - 5000);
    expect([socket.hasEnded, stream.hasEnded]).toEqual([false, false]);
    s.t.pass(6000);

    expect(await codeOf(socket.outcome)).toBe("APP_EXITED");
    expect(await codeOf(stream.outcome)).toBe("APP_EXITED");
    await gone(s.pid);
    expect(s.pool.counters.failures).toBe(0);
  });

  test("is alone while an earlier one still has something open: processes do not add up", async () => {
    await using s = await setup();
    const stream = submit(s.pool, "/stream");
    await until(() => stream.body !== "");
    await askTimes(s.pool, 10);
    await replaced(s);

    for (let round = 0; round < 5; round++) {
      await askTimes(s.pool, 20);
      s.t.pass(1);
    }
    expect(s.pool.facts(0).processes.map(({ state }) => state)).toEqual(["retired", "warm"]);
    expect(s.pool.counters.starts).toBe(2);
    s.pool.cancel(stream);
    await gone(s.pid);
    s.t.pass(1);

    await until(() => s.pool.counters.recycles === 2);
  });

  test("goes on when the next one does not start", async () => {
    await using t = new TestPools();
    const pool = t.pool("boots-once", {
      env: { MARK: `${t.runDir}/mark` },
      permissions: { ...defaultPermissions, write: [t.runDir] },
      limits: { requestsMax: 5 },
    });
    await askTimes(pool, 20);

    t.pass(1);
    await until(() => pool.counters.failures > 0);
    t.pass(1);

    expect(await ask(pool)).toMatchObject({ kind: "answered" });
    expect(pool.counters).toMatchObject({ recycles: 0, misses: 1 });
    expect(pool.state).toBe("warm");
  });

  test("gets its successor a place like any other start, and goes on while there is none", async () => {
    await using s = await setup({}, 2);
    const other = s.t.pool("behaves");
    const busy = submit(other, "/never");
    await busy.opened;
    const open = submit(s.pool, "/stream");
    await askTimes(s.pool, 10);

    s.t.pass(1);
    await until(() => s.t.pools.places.waiting === 1);
    s.t.pass(holdTimeoutMs / 2);
    expect([await bodyOf(s.pool), s.pool.counters.recycles]).toEqual(["hello", 0]);
    other.cancel(busy);

    await until(() => s.pool.counters.recycles === 1);
    expect(other.counters.evictions).toBe(1);
    s.pool.cancel(open);
    await gone(s.pid);
  });

  test("is stopped in the middle of it like at any other time", async () => {
    await using s = await setup();
    await askTimes(s.pool, 10);
    s.t.pass(1);

    await s.pool.stop(1000, draining);

    expect([s.t.folders(), s.t.pools.places.taken]).toEqual([[], 0]);
  });
});

describe("when a branch's database is dropped", () => {
  const database = {} as DatabaseSpec;

  test("what runs finishes what it has, and the next request starts anew", async () => {
    await using s = await setup({ database });
    const slow = submit(s.pool, "/after?ms=300");
    await slow.opened;

    s.t.pools.databaseDropped(s.pool.spec.app, s.pool.spec.branch);

    expect(Number(await bodyOf(s.pool, "/pid"))).not.toBe(s.pid);
    expect(await slow.outcome).toMatchObject({ kind: "answered", body: "after" });
    await gone(s.pid);
  });

  test("what is frozen is not woken again, and another branch's goes on", async () => {
    await using s = await setup({ database });
    s.t.pools.databaseDropped(s.pool.spec.app, "another-branch");
    expect(Number(await bodyOf(s.pool, "/pid"))).toBe(s.pid);
    expect(s.pool.freeze()).toBe(true);

    s.t.pools.databaseDropped(s.pool.spec.app, s.pool.spec.branch);

    await gone(s.pid);
    expect(Number(await bodyOf(s.pool, "/pid"))).not.toBe(s.pid);
  });
});

test("hundreds of requests over dozens of replacements are all answered, and leave one process", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  await using s = await setup({ limits: { requestsMax: 7 } });
  const paths = ["/", "/count", "/after?ms=5", "/after?ms=40", "/bytes?count=200000"];
  const asked = [];

  while (s.pool.counters.recycles < 20) {
    const { requestsInFlight } = s.pool.facts(0);
    for (let count = random(10); count > 0 && requestsInFlight < 50; count--) {
      asked.push(ask(s.pool, paths[random(paths.length)]));
    }
    s.t.pass(random(20));
    await new Promise((resolve) => setTimeout(resolve, random(5)));
    expect(s.pool.facts(0).processes.length, `seed ${seed}`).toBeLessThanOrEqual(4);
    expect(s.t.pools.places.taken, `seed ${seed}`).toBeLessThanOrEqual(2);
  }

  const outcomes = await Promise.all(asked);
  const bad = outcomes.filter(({ kind }) => kind !== "answered");
  expect(bad, `seed ${seed}`).toEqual([]);
  expect(s.pool.counters, `seed ${seed}`).toMatchObject({ misses: 1, failures: 0 });
  await until(() => s.t.folders().length <= 2);
}, 30_000);
