/** Goal: a node runs no more instances than it may, and only who is idle makes way. Method: real processes, a pushed clock. */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { type Evictable, goesBefore } from "./eviction.ts";
import { holdTimeoutMs } from "./limits.ts";
import type { Pool } from "./pool.ts";
import {
  bodyOf,
  codeOf,
  draining,
  gone,
  isRunning,
  type SpecChange,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

/** So many pools of the app that behaves, on a node of `instancesMax` places. */
function setup(instancesMax: number, poolsCount: number, change: SpecChange = {}) {
  const t = new TestPools(0, undefined, instancesMax);
  const pools = Array.from({ length: poolsCount }, () => t.pool("behaves", change));
  return {
    t,
    pools: pools as [Pool, Pool, Pool, Pool],
    states: () => pools.map(({ state }) => state),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

const idle: Evictable = { isSuperseded: false, mayStop: false, idleSinceMs: 1000, isFrozen: false };

test.each([
  ["used longer ago", { ...idle, idleSinceMs: 999, isFrozen: false }, { ...idle, isFrozen: true }],
  ["frozen, at equal age", { ...idle, isFrozen: true }, idle],
  ["that may be stopped", { ...idle, mayStop: true, idleSinceMs: 2000 }, idle],
  ["live nowhere", { ...idle, isSuperseded: true, idleSinceMs: 2000 }, { ...idle, isFrozen: true }],
])("who is %s goes first", (_who, first, second) => {
  expect([goesBefore(first, second), goesBefore(second, first)]).toEqual([true, false]);
  expect(goesBefore(first, first)).toBe(false);
});

describe("when all places are taken, a start ends", () => {
  test("the instance whose last request is longest ago, whatever was started first", async () => {
    await using s = setup(2, 3);
    const [a, b, c] = s.pools;
    await bodyOf(a);
    await bodyOf(b);
    await bodyOf(a);

    expect(await bodyOf(c)).toBe("hello");

    expect(s.states()).toEqual(["warm", "stopped", "warm"]);
    expect(b.facts(0)).toMatchObject({ evictions: 1, starts: 1, failures: 0 });
    await until(() => s.t.events(b).includes("stop"));
    expect(s.t.events(b)).toEqual(["start", "evict", "stop"]);
    expect(await bodyOf(b, "/count")).toBe("1");
    expect(s.states()).toEqual(["stopped", "warm", "warm"]);
  });

  test("a frozen one with its children, and nothing is left of it", async () => {
    await using s = setup(1, 2);
    const [a, b] = s.pools;
    const child = Number(await bodyOf(a, "/child"));
    const { pid } = a.facts(0);
    await until(() => a.freeze());

    expect(await bodyOf(b)).toBe("hello");

    await Promise.all([gone(pid!), gone(child)]);
    await until(() => s.t.folders().length === 1);
  });

  test("a version that is live nowhere before one that is", async () => {
    await using s = setup(2, 3);
    const [a, b, c] = s.pools;
    await bodyOf(a);
    await bodyOf(b);
    b.isSuperseded = true;

    await bodyOf(c);

    expect(s.states()).toEqual(["warm", "stopped", "warm"]);
  });

  test("no more at once than may be on their way out", async () => {
    await using t = new TestPools(0, undefined, 2);
    const stubborn = t.pool("ignores-sigterm");
    await bodyOf(stubborn);
    const { pid } = stubborn.facts(0);
    const [b, c, d] = [t.pool("behaves"), t.pool("behaves"), t.pool("behaves")];
    await bodyOf(b);
    expect(await bodyOf(c)).toBe("hello");

    const asked = submit(d);
    t.pass(1);

    expect([stubborn.state, b.state, c.state]).toEqual(["stopped", "warm", "warm"]);
    expect([await isRunning(pid!), asked.hasEnded, t.pools.places.waiting]).toEqual([
      true,
      false,
      1,
    ]);
    process.kill(pid!, "SIGKILL");
    expect(await asked.outcome).toMatchObject({ kind: "answered" });
    expect([b.state, c.state]).toEqual(["stopped", "warm"]);
  });
});

describe("what is in use is not ended", () => {
  const uses: [string, string, SpecChange][] = [
    ["a request that runs", "/never", {}],
    ["an answer that streams", "/stream", {}],
    ["a WebSocket", "/socket", {}],
  ];

  const isPending = (pool: Pool, path: string) =>
    path === "/never" && pool.facts(0).requestsInFlight === 1;

  test.each(uses)("%s: who needs a place waits until it is over", async (_what, path, change) => {
    await using s = setup(1, 2, change);
    const [a, b] = s.pools;
    const open = submit(a, path, { upgrade: path === "/socket" });
    await until(() => open.isTunnel || open.body !== "" || isPending(a, path));

    const asked = submit(b);
    s.t.pass(holdTimeoutMs - 1);

    expect([a.state, b.state, asked.hasEnded, open.hasEnded]).toEqual([
      "warm",
      "stopped",
      false,
      false,
    ]);
    a.cancel(open);
    expect(await asked.outcome).toMatchObject({ kind: "answered", body: "hello" });
    expect(s.states()).toEqual(["stopped", "warm"]);
  });

  test("one that starts", async () => {
    await using t = new TestPools(0, undefined, 1);
    const a = t.pool("slow-boot", { env: { BOOT_MS: "300" } });
    const b = t.pool("behaves");

    const answers = await Promise.all([bodyOf(a), bodyOf(b)]);

    expect(answers).toEqual(["hello", "hello"]);
    expect([a.facts(0).failures, b.facts(0).failures]).toEqual([0, 0]);
  });
});

describe("who waits for a place", () => {
  /** One place, which is in use for ever. */
  async function full() {
    const s = setup(1, 3);
    const open = submit(s.pools[0], "/never");
    await open.opened;
    return { ...s, open, [Symbol.asyncDispose]: () => s[Symbol.asyncDispose]() };
  }

  test("gets one in the order of arrival", async () => {
    await using s = await full();
    const order: number[] = [];
    const [a, b, c] = s.pools;
    const both = [c, b].map((pool, index) => bodyOf(pool).then(() => order.push(index)));

    a.cancel(s.open);
    await Promise.all(both);

    expect(order).toEqual([0, 1]);
  });

  test("is told so when its time is over, and it counts", async () => {
    await using s = await full();
    const [, b] = s.pools;
    const asked = submit(b);

    const { code, message } = b.heldTooLong();
    b.cancel(asked);

    expect(code).toBe("INSTANCES_FULL");
    expect(message).toContain("all 1 places of the node are taken");
    expect(b.facts(0)).toMatchObject({ misses: 1, holds: 1, refusals: { INSTANCES_FULL: 1 } });
  });

  test("and gives up takes none later, and can come again", async () => {
    await using s = await full();
    const [a, b, c] = s.pools;
    b.cancel(submit(b));
    const asked = submit(c);

    a.cancel(s.open);
    await asked.outcome;

    expect(b.facts(0)).toMatchObject({ state: "stopped", starts: 0 });
    expect(await bodyOf(b)).toBe("hello");
  });

  test("without a request, as a boot check, is told after the same time", async () => {
    await using s = await full();
    const started = s.pools[1].start();
    const told = started.then(
      () => "started",
      ({ code }) => code,
    );

    s.t.pass(holdTimeoutMs);

    expect(await told).toBe("INSTANCES_FULL");
  });

  test("and is stopped is told why", async () => {
    await using s = await full();
    const asked = submit(s.pools[1]);

    await s.pools[1].stop(60_000, draining);

    expect(await codeOf(asked.outcome)).toBe("NODE_DRAINING");
    expect(s.t.pools.places.waiting).toBe(0);
  });
});

test("a place is given back by a start that fails, a crash and an idle time", async () => {
  await using t = new TestPools(0, undefined, 1);
  const bad = t.pool("throws-at-boot");
  const crashes = t.pool("kills-itself");
  const sleeper = t.pool("behaves", { idleStopMs: 1000 });

  await codeOf(submit(bad).outcome);
  expect(t.pools.places.taken).toBe(0);
  await codeOf(submit(crashes, "/kill").outcome);
  await until(() => t.pools.places.taken === 0);
  const pid = Number(await bodyOf(sleeper, "/pid"));
  expect(t.pools.places.taken).toBe(1);
  t.pass(1000);

  await until(() => t.pools.places.taken === 0);
  await until(async () => !(await isRunning(pid)));
});
