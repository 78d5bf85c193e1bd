/** Goal: several instances serve as one, and each is on its own. Method: real processes, a clock that is pushed. */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { backOffMsMin, busyMsMin, freeCrashes, surplusMsMin, tickMs } from "./limits.ts";
import type { Pool } from "./pool.ts";
import {
  ask,
  bodyOf,
  codeOf,
  draining,
  gone,
  isRunning,
  type SpecChange,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

const minuteMs = 60_000;
const pids = (pool: Pool) => pool.facts(0).processes.map(({ pid }) => pid);
const states = (pool: Pool) => pool.facts(0).processes.map(({ state }) => state);

/** A version with so many instances, all of them warm. */
async function setup(count: number, fixture = "behaves", change: SpecChange = {}) {
  const t = new TestPools();
  const pool = t.pool(fixture, { instances: { min: count, max: count }, ...change });
  await bodyOf(pool);
  await up(pool, count);
  return { t, pool, pids: pids(pool), [Symbol.asyncDispose]: () => t[Symbol.asyncDispose]() };
}

/** Resolves when so many are warm. */
const up = (pool: Pool, count: number) =>
  until(() => states(pool).filter((state) => state === "warm").length === count);

describe("instances", () => {
  test("are as many as there should be at least, after the first request", async () => {
    await using s = await setup(3);

    expect(new Set(s.pids).size).toBe(3);
    expect(s.pool.facts(0)).toMatchObject({ state: "warm", pid: s.pids[0]!, starts: 3 });
  });

  test("take turns", async () => {
    await using s = await setup(2);

    const served = await Promise.all(Array.from({ length: 20 }, () => bodyOf(s.pool, "/pid")));

    for (const pid of s.pids) expect(served.filter((one) => one === String(pid))).toHaveLength(10);
  });

  test("are spared while they have more to do than others", async () => {
    await using s = await setup(2);
    const slow = [submit(s.pool, "/never"), submit(s.pool, "/never"), submit(s.pool, "/never")];
    s.pool.cancel(slow[1]!);
    await until(() => s.pool.facts(0).requestsInFlight === 2);
    const busy = s.pool.facts(0).processes.find(({ requestsInFlight }) => requestsInFlight === 2)!;

    const served = await Promise.all([1, 2].map(() => bodyOf(s.pool, "/pid")));

    expect(served).not.toContain(String(busy.pid));
    for (const one of slow) s.pool.cancel(one);
  });

  test("have memory of their own", async () => {
    await using s = await setup(2);

    const counts = [await bodyOf(s.pool, "/count"), await bodyOf(s.pool, "/count")];

    expect(counts).toEqual(["1", "1"]);
  });

  test("have room for `concurrencyMax` each", async () => {
    await using s = await setup(2, "behaves", { limits: { concurrencyMax: 1, queueMax: 1 } });
    const running = [submit(s.pool, "/never"), submit(s.pool, "/never")];
    await Promise.all(running.map(({ opened }) => opened));
    const waiting = submit(s.pool, "/pid");

    const before = s.pool.facts(0).hits;

    expect(await submit(s.pool).outcome).toMatchObject({
      code: "APP_BUSY",
      message: expect.stringContaining(": 2 are running"),
    });
    expect(s.pool.facts(0).hits, "a refused request is no hit").toBe(before);
    s.pool.cancel(running[1]!);
    expect(await waiting.outcome).toMatchObject({ kind: "answered" });
    s.pool.cancel(running[0]!);
  });
});

describe("another instance", () => {
  test("is started while all are busy, up to as many as there may be", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves", { instances: { min: 1, max: 2 } });
    await bodyOf(pool);
    const startedAtMs = performance.now();
    const served = new Set<string>();
    let asked = 0;
    const keepBusy = async () => {
      while (asked < 1000 && (served.size < 2 || performance.now() - startedAtMs < 2 * busyMsMin)) {
        asked += 1;
        served.add(await bodyOf(pool, "/block?ms=30"));
      }
    };

    await Promise.all([keepBusy(), keepBusy(), keepBusy(), keepBusy()]);

    expect(served.size).toBe(2);
    expect(pool.facts(0)).toMatchObject({ starts: 2, failures: 0 });
  });

  test("is not started for requests that only wait", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves", { instances: { min: 1, max: 2 } });
    await bodyOf(pool);

    const waiting = Array.from({ length: 50 }, () => bodyOf(pool, "/after?ms=1000"));
    await Promise.all(waiting);

    expect(pool.facts(0).starts).toBe(1);
  });

  test("takes those that found no room", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves", {
      instances: { max: 2, min: 1 },
      limits: { concurrencyMax: 1 },
    });
    const first = submit(pool, "/never");
    await first.opened;

    expect(await bodyOf(pool, "/count")).toBe("1");

    expect(pool.facts(0).starts).toBe(2);
    pool.cancel(first);
  });

  test("is given back when one is enough, and not in the middle of a request", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves", {
      instances: { max: 2, min: 1 },
      limits: { concurrencyMax: 1 },
    });
    const first = submit(pool, "/never");
    await first.opened;
    const second = submit(pool, "/until-signal");
    await second.opened;
    pool.cancel(first);
    await until(() => pool.facts(0).requestsInFlight === 1);
    // Both are busy enough to be missed.
    expect(pool.facts(0).processes).toHaveLength(2);
    for (const pid of pids(pool)) process.kill(pid, "SIGUSR2");
    expect(await second.outcome).toMatchObject({ kind: "answered", body: "after" });

    for (let passedMs = 0; passedMs < surplusMsMin + 5000; passedMs += 1000) t.pass(1000);

    await until(() => pids(pool).length === 1);
    expect(pool.facts(0)).toMatchObject({ state: "warm", failures: 0 });
    expect(await bodyOf(pool)).toBe("hello");
    expect(t.events(pool)).toEqual(["start", "start", "drain", "stop"]);
  });
});

describe("the end of one instance", () => {
  test("loses its own requests only, and another one takes its place", async () => {
    await using s = await setup(2);
    const open = [submit(s.pool, "/until-signal"), submit(s.pool, "/until-signal")];
    await Promise.all(open.map(({ opened }) => opened));

    process.kill(s.pids[0]!, "SIGKILL");
    process.kill(s.pids[1]!, "SIGUSR2");
    const outcomes = await Promise.all(open.map(({ outcome }) => outcome));

    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["answered", "lost"]);
    expect(await bodyOf(s.pool, "/pid")).toBe(String(s.pids[1]));
    await up(s.pool, 2);
    expect(pids(s.pool)).not.toContain(s.pids[0]!);
    expect(s.pool.facts(0)).toMatchObject({ starts: 3, failures: 1 });
  });

  test("again and again leaves the others to serve, and is followed by a pause", async () => {
    await using s = await setup(2);
    for (let crash = 0; crash <= freeCrashes; crash++) {
      await up(s.pool, 2);
      process.kill(pids(s.pool)[1]!, "SIGKILL");
      await until(() => s.pool.facts(0).failures === crash + 1);
    }
    const { starts } = s.pool.facts(0);

    s.t.pass(tickMs);
    expect(await bodyOf(s.pool, "/pid")).toBe(String(s.pids[0]));
    expect(s.pool.facts(0)).toMatchObject({ state: "warm", starts });
    s.t.pass(backOffMsMin);

    await up(s.pool, 2);
    expect(s.pool.facts(0).starts).toBe(starts + 1);
  });

  test("does not turn requests away while another one that may serve them starts", async () => {
    await using s = await setup(2, "slow-boot", { env: { BOOT_MS: "300" } });
    for (let crash = 0; crash < freeCrashes; crash++) {
      await up(s.pool, 2);
      process.kill(pids(s.pool)[1]!, "SIGKILL");
      await until(() => s.pool.facts(0).failures === crash + 1);
    }
    await until(() => states(s.pool).join() === "warm,starting");

    process.kill(pids(s.pool)[0]!, "SIGKILL");
    await until(() => s.pool.facts(0).failures === freeCrashes + 1);

    expect(states(s.pool)).toEqual(["starting"]);
    expect(await bodyOf(s.pool)).toBe("hello");
  });

  test("is the end of the version when there is no other", async () => {
    await using s = await setup(2, "kills-itself");
    const codes: string[] = [];
    for (let tries = 0; tries < 20 && !codes.includes("APP_START_FAILED"); tries++) {
      codes.push(await codeOf(ask(s.pool, "/kill")));
    }

    expect(codes.slice(0, -1)).toEqual(Array(codes.length - 1).fill("APP_EXITED"));
    // The other one may still be on its way out.
    await until(() => s.pool.facts(0).processes.length === 0);
    expect(s.pool.facts(0).state).toBe("failed");
    s.t.clock.push(minuteMs);
    expect(await bodyOf(s.pool)).toBe("hello");
  });
});

describe("idle instances", () => {
  const idle: SpecChange = { idleFreezeMs: minuteMs, idleStopMs: 60 * minuteMs };

  test("are all frozen, and only as many woken as there is work for", async () => {
    await using s = await setup(2, "behaves", idle);
    s.t.pass(2 * minuteMs);
    expect(s.pool.state).toBe("frozen");
    expect(states(s.pool)).toEqual(["frozen", "frozen"]);

    const served = [await bodyOf(s.pool, "/pid"), await bodyOf(s.pool, "/pid")];

    expect(served[0]).toBe(served[1]!);
    expect(states(s.pool).sort()).toEqual(["frozen", "warm"]);
    await Promise.all([bodyOf(s.pool, "/after?ms=5"), bodyOf(s.pool, "/after?ms=5")]);
    expect(states(s.pool)).toEqual(["warm", "warm"]);
  });

  test("are stopped together", async () => {
    await using s = await setup(2, "behaves", idle);
    s.t.pass(2 * minuteMs);
    await bodyOf(s.pool);
    s.t.pass(59 * minuteMs);
    expect(pids(s.pool)).toEqual(s.pids);

    s.t.pass(2 * minuteMs);

    await Promise.all(s.pids.map(gone));
    expect(s.pool.facts(0)).toMatchObject({ state: "stopped", failures: 0 });
  });

  test("of a superseded version are stopped, and none takes their place", async () => {
    await using s = await setup(2);
    s.pool.isSuperseded = true;

    s.t.pass(10_000);

    await Promise.all(s.pids.map(gone));
    for (let tick = 0; tick < 5; tick++) s.t.pass(tickMs);
    expect(s.pool.facts(0)).toMatchObject({ state: "stopped", starts: 2 });
  });
});

describe("stop", () => {
  test("lets each finish, and ends all of them", async () => {
    await using s = await setup(3);
    const open = s.pids.map(() => submit(s.pool, "/after?ms=50"));
    const endless = submit(s.pool, "/never");

    await s.pool.stop(500, draining);

    for (const { outcome } of open) expect(await outcome).toMatchObject({ kind: "answered" });
    expect(await codeOf(endless.outcome)).toBe("NODE_DRAINING");
    for (const pid of s.pids) expect(await isRunning(pid)).toBe(false);
    expect(s.t.folders()).toEqual([]);
  });

  test("during the start of a second one leaves none", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves", { instances: { min: 2, max: 2 } });
    await bodyOf(pool);
    t.pass(tickMs);

    await pool.stop(0, draining);

    expect(pool.hasProcess).toBe(false);
    expect(t.folders()).toEqual([]);
  });
});
