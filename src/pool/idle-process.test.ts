/** Goal: a process that nobody uses costs nothing, and nothing is lost by it. Method: real processes, a clock that is pushed. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { until } from "../base/until-for-tests.ts";
import { drainTimeoutMsMin, stopTimeoutMs, supersededIdleMs } from "./limits.ts";
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

/** A warm pool of a version that freezes after a minute and stops after an hour. */
async function setup(change: SpecChange = {}) {
  const t = new TestPools();
  const pool = t.pool("behaves", { idleFreezeMs: minuteMs, idleStopMs: 60 * minuteMs, ...change });
  await bodyOf(pool);
  return {
    t,
    pool,
    pid: pool.facts(0).pid!,
    pass: (ms: number) => t.pass(ms),
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

/** The state letter of the process: `T` is stopped. */
function processState(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2)[0]!;
}

function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

describe("an idle process", () => {
  test("is frozen after its time, with its children, and not before", async () => {
    await using s = await setup();
    const child = Number(await bodyOf(s.pool, "/child"));

    s.pass(minuteMs - 2000);
    expect(s.pool.state).toBe("warm");
    s.pass(3000);

    expect(s.pool.state).toBe("frozen");
    await until(() => processState(s.pid) === "T" && processState(child) === "T");
    expect(s.t.events(s.pool)).toEqual(["start", "freeze"]);
  });

  test("has its whole time again after each request, until it is frozen and until it is stopped", async () => {
    await using s = await setup();
    for (let round = 0; round < 5; round++) {
      s.pass(minuteMs - 5000);
      expect([s.pool.state, await bodyOf(s.pool)]).toEqual(["warm", "hello"]);
    }
    // Waking counts as use: the time until the stop begins anew as well.
    for (let round = 0; round < 3; round++) {
      s.pass(40 * minuteMs);
      expect(s.pool.state).toBe("frozen");
      expect(await bodyOf(s.pool)).toBe("hello");
    }
    expect(s.pool.facts(0)).toMatchObject({ starts: 1, pid: s.pid });

    s.pass(60 * minuteMs);

    await gone(s.pid);
  });

  test("is woken by a request, with its memory", async () => {
    await using s = await setup();
    await bodyOf(s.pool, "/count");
    await bodyOf(s.pool, "/count");
    s.pass(2 * minuteMs);
    expect(s.pool.state).toBe("frozen");

    expect(await bodyOf(s.pool, "/count")).toBe("3");

    expect(s.pool.facts(0)).toMatchObject({ state: "warm", pid: s.pid, starts: 1 });
    expect(s.t.events(s.pool)).toEqual(["start", "freeze", "wake"]);
  });

  test("is not woken by looking at it", async () => {
    await using s = await setup();
    s.pass(2 * minuteMs);
    // The kernel may take a moment to carry it out.
    await until(() => processState(s.pid) === "T");
    const ticks = cpuTicks(s.pid);

    for (let count = 0; count < 100; count++) s.pool.facts(s.t.clock.nowMs());
    s.pass(minuteMs);

    expect(s.pool.facts(s.t.clock.nowMs())).toMatchObject({ state: "frozen", pid: s.pid });
    expect(s.pool.facts(s.t.clock.nowMs()).memoryBytes).toBeGreaterThan(0);
    expect(s.pool.facts(s.t.clock.nowMs()).idleMs).toBeGreaterThan(2 * minuteMs);
    expect(cpuTicks(s.pid)).toBe(ticks);
    expect(processState(s.pid)).toBe("T");
  });

  test("that is not frozen for long is not taken for a hung one", async () => {
    await using s = await setup({ limits: { requestTimeoutMs: 1 } });

    for (let round = 0; round < 3; round++) {
      s.pass(2 * minuteMs);
      expect(s.pool.state).toBe("frozen");
      expect(await bodyOf(s.pool)).toBe("hello");
      s.pass(1000);
    }

    expect(s.pool.facts(0)).toMatchObject({ starts: 1, failures: 0 });
  });

  test("is stopped after its longer time, frozen as it is, and started again by a request", async () => {
    await using s = await setup();
    s.pass(2 * minuteMs);

    s.pass(60 * minuteMs);
    await gone(s.pid);

    await until(() => s.t.events(s.pool).includes("stop"));
    expect(s.pool.facts(0)).toMatchObject({ state: "stopped", failures: 0 });
    expect(await bodyOf(s.pool, "/count")).toBe("1");
    expect(s.pool.facts(0).starts).toBe(2);
  });

  test("is stopped and started in one when a request comes while it is on its way out", async () => {
    await using s = await setup({ idleFreezeMs: 0 });

    s.pass(61 * minuteMs);

    expect([s.pool.state, s.pool.hasProcess]).toEqual(["stopped", true]);
    expect(await bodyOf(s.pool)).toBe("hello");
    expect(s.pool.facts(0)).toMatchObject({ state: "warm", starts: 2, failures: 0 });
  });

  test("stays as it is when both times are 0", async () => {
    await using s = await setup({ idleFreezeMs: 0, idleStopMs: 0 });

    s.pass(1000 * 60 * minuteMs);

    expect(s.pool.state).toBe("warm");
  });
});

describe("a process in use is not frozen", () => {
  test("while a request is pending, however long", async () => {
    await using s = await setup();
    const asked = submit(s.pool, "/never");
    await asked.opened;

    s.pass(10 * minuteMs);

    expect([s.pool.state, s.pool.freeze()]).toEqual(["warm", false]);
  });

  test("while an answer streams", async () => {
    await using s = await setup();
    const asked = submit(s.pool, "/stream");
    await until(() => asked.body !== "");

    s.pass(10 * minuteMs);

    expect(s.pool.state).toBe("warm");
    const { length } = asked.body;
    await until(() => asked.body.length > length);
  });

  test("while a socket is open, which is no request that runs", async () => {
    await using s = await setup({ limits: { concurrencyMax: 1 } });
    const asked = submit(s.pool, "/socket", { upgrade: true });
    await until(() => asked.isTunnel);

    s.pass(10 * minuteMs);

    expect(s.pool.state).toBe("warm");
    expect(await bodyOf(s.pool)).toBe("hello");
    asked.cancel();
    await until(() => s.pool.facts(0).requestsInFlight === 0);
    s.pass(2 * minuteMs);
    expect(s.pool.state).toBe("frozen");
  });
});

test("requests that race with the freeze are never lost", async () => {
  await using s = await setup();

  for (let round = 0; round < 200; round++) {
    expect(s.pool.freeze()).toBe(true);
    const answers = await Promise.all([bodyOf(s.pool, "/count"), bodyOf(s.pool, "/count")]);
    expect(answers).toEqual([String(2 * round + 1), String(2 * round + 2)]);
  }

  expect(s.pool.facts(0)).toMatchObject({ starts: 1, failures: 0 });
});

describe("a version that is superseded", () => {
  test("gives its process back when it is idle", async () => {
    await using s = await setup({ idleStopMs: 0 });
    s.pool.isSuperseded = true;

    s.pass(supersededIdleMs);

    await gone(s.pid);
  });

  test("keeps what is open until its time to drain is over, and is then stopped", async () => {
    await using s = await setup();
    const stream = submit(s.pool, "/stream");
    const socket = submit(s.pool, "/socket", { upgrade: true });
    await until(() => stream.body !== "" && socket.isTunnel);
    s.pool.isSuperseded = true;

    s.pass(drainTimeoutMsMin - 5000);
    expect([s.pool.state, stream.hasEnded]).toEqual(["warm", false]);
    s.pass(6000);

    expect(await codeOf(stream.outcome)).toBe("APP_EXITED");
    expect(await codeOf(socket.outcome)).toBe("APP_EXITED");
    await gone(s.pid);
    expect(s.pool.facts(0)).toMatchObject({ state: "stopped", failures: 0 });
  });

  test("starts again for its own URL, and is not cut off there", async () => {
    await using s = await setup();
    s.pool.isSuperseded = true;
    s.pass(2 * drainTimeoutMsMin);
    await gone(s.pid);

    const stream = submit(s.pool, "/stream");
    await until(() => stream.body !== "");
    s.pass(2 * drainTimeoutMsMin);

    expect([s.pool.state, stream.hasEnded]).toEqual(["warm", false]);
  });

  test("that is live again is left alone", async () => {
    await using s = await setup({ idleFreezeMs: 0, idleStopMs: 0 });
    s.pool.isSuperseded = true;
    s.pool.isSuperseded = false;

    s.pass(10 * drainTimeoutMsMin);

    expect(s.pool.facts(0)).toMatchObject({ state: "warm", pid: s.pid });
  });
});

describe("stop", () => {
  test("waits for what is open", async () => {
    await using s = await setup();
    const asked = submit(s.pool, "/after?ms=100");
    await asked.opened;

    const stopped = s.pool.stop(10_000, draining);

    expect(await codeOf(ask(s.pool))).toBe("NODE_DRAINING");
    expect(await asked.outcome).toMatchObject({ kind: "answered", body: "after" });
    await stopped;
    expect([s.t.folders(), await isRunning(s.pid)]).toEqual([[], false]);
    expect(s.t.events(s.pool)).toEqual(["start", "drain", "stop"]);
  });

  test("ends what is open when its time is over, or when it is called again with less", async () => {
    for (const again of [false, true]) {
      await using s = await setup();
      const asked = submit(s.pool, "/never");
      await asked.opened;

      const stopped = s.pool.stop(again ? 60_000 : 100, draining);
      if (again) await s.pool.stop(0, draining);
      await stopped;

      expect(await codeOf(asked.outcome)).toBe("NODE_DRAINING");
      expect([s.t.folders(), await isRunning(s.pid)]).toEqual([[], false]);
    }
  });

  test("wakes a frozen process to end it, with its children", async () => {
    await using s = await setup();
    const child = Number(await bodyOf(s.pool, "/child"));
    await until(() => s.pool.freeze());

    await s.pool.stop(0, draining);

    expect(s.t.events(s.pool)).toEqual(["start", "freeze", "stop"]);
    await gone(child);
  });

  test("ends a process that ignores SIGTERM", async () => {
    await using t = new TestPools();
    const pool = t.pool("ignores-sigterm");
    await bodyOf(pool);
    const { pid } = pool.facts(0);
    const beganAtMs = performance.now();

    await pool.stop(0, draining);

    expect(performance.now() - beganAtMs).toBeGreaterThan(stopTimeoutMs - 100);
    expect(await isRunning(pid!)).toBe(false);
    const stop = t.records.find(({ event }) => event === "stop");
    expect(stop?.fields).toMatchObject({ signal: "SIGKILL" });
  }, 60_000);

  test("of a pool that was never used does nothing", async () => {
    await using t = new TestPools();
    const pool: Pool = t.pool("behaves");

    await pool.stop(1000, draining);

    expect(t.records).toEqual([]);
  });
});

test("a number that is used again stops the process of its first bytes", async () => {
  await using s = await setup();

  const again = s.t.pools.of({ ...s.pool.spec, digest: `${s.pool.spec.digest}/` });

  expect(again).not.toBe(s.pool);
  await gone(s.pid);
  await s.t.pools.stop(0, draining);
  expect(s.t.folders()).toEqual([]);
});
