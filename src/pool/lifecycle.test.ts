/**
 * Goal: an app decides when it may sleep and hears of it, within bounds, and one that says nothing pays nothing. Method:
 * real processes, a clock that is pushed.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { PushedClock } from "../base/clock-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { keepAwakeMsMax, standbyTimeoutMs, waitUntilMsMax } from "../wire/limits.ts";
import { bundledFixture } from "./bundled-fixture-for-tests.ts";
import { Lifecycle } from "./lifecycle.ts";
import { lifecycleMessagesPerTickMax, settlingGraceMs } from "./limits.ts";
import {
  ask,
  bodyOf,
  draining,
  gone,
  holdUpUntil,
  type SpecChange,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

const minuteMs = 60_000;

/** A warm pool of an app that behaves so, and freezes after a minute. */
async function setup(how: string, change: SpecChange = {}, instancesMax = 100) {
  const { folder, entry } = await bundledFixture("sleeps");
  const t = new TestPools(0, undefined, instancesMax);
  const app = { digest: folder, entry, idleFreezeMs: minuteMs, env: { HOW: how } };
  const pool = t.pool("sleeps", { ...app, ...change });
  await bodyOf(pool);
  const facts = () => pool.facts(t.clock.nowMs());
  return {
    t,
    pool,
    facts,
    pid: facts().pid!,
    events: async (): Promise<string[]> => JSON.parse(await bodyOf(pool)),
    isFrozen: () => pool.state === "frozen",
    /** Lets the hooks run until it is frozen. */
    frozen: () => until(() => t.pass(1) === undefined && pool.state === "frozen"),
    names: () => facts().processes.flatMap(({ holders }) => holders.map(({ name }) => name)),
    message: (event: string) => t.records.find((record) => record.event === event)?.message,
    [Symbol.asyncDispose]: () => t[Symbol.asyncDispose](),
  };
}

describe("work that an app has given to waitUntil", () => {
  test("keeps it awake until it is done, and is shown by its name and age", async () => {
    await using s = await setup("no-hooks");
    await bodyOf(s.pool, "/begin?name=mail");

    for (let round = 0; round < 5; round++) s.t.pass(2 * minuteMs);

    expect(s.pool.state).toBe("warm");
    expect(s.facts().idleMs).toBeNull();
    const [{ holders, holdersOpen }] = s.facts().processes as never as [
      { holders: unknown[]; holdersOpen: number },
    ];
    expect(holdersOpen).toBe(1);
    expect(holders).toEqual([
      { kind: "waitUntil", name: "mail", ageMs: expect.closeTo(10 * minuteMs, -4), isSpent: false },
    ]);
    await bodyOf(s.pool, "/end?name=mail");
    await until(() => s.names().length === 0);
    s.t.pass(minuteMs - 2000);
    expect(s.pool.state).toBe("warm");
    s.t.pass(3000);
    expect(s.pool.state).toBe("frozen");
  });

  test("lets the whole idle time begin when it ends by itself, after its request", async () => {
    await using s = await setup("no-hooks");
    await bodyOf(s.pool, "/work-until-signal?name=brief");
    s.t.pass(2 * minuteMs);
    expect(s.pool.state).toBe("warm");

    process.kill(s.pid, "SIGUSR2");
    await until(() => s.names().length === 0);

    expect(s.facts().idleMs).toBeLessThan(minuteMs);
    s.t.pass(2 * minuteMs);
    expect(s.pool.state).toBe("frozen");
  });

  test("counts for so long and no longer, which is logged; what it is shows on", async () => {
    await using s = await setup("no-hooks");
    await bodyOf(s.pool, "/begin?name=forgotten");
    await bodyOf(s.pool, "/awake?name=import");

    s.t.pass(waitUntilMsMax + 1000);
    expect(s.message("holder")).toBe(
      'v1: waitUntil "forgotten" is open for 901 s: it no longer keeps the app awake',
    );
    await bodyOf(s.pool, "/release?name=import");
    await until(() => s.names().length === 1);
    s.t.pass(2 * minuteMs);

    expect(s.pool.state).toBe("frozen");
    expect(s.facts().processes[0]!.holders).toMatchObject([{ name: "forgotten", isSpent: true }]);
    await bodyOf(s.pool, "/end?name=forgotten");
    await until(() => s.names().length === 0);
  });

  test("keeps its place from others, and makes way when it is done", async () => {
    await using s = await setup("no-hooks", {}, 1);
    await bodyOf(s.pool, "/begin?name=mail");
    const other = submit(s.t.pool("behaves"));
    s.t.pass(minuteMs / 10);
    expect([other.hasEnded, s.pool.state]).toEqual([false, "warm"]);

    await bodyOf(s.pool, "/end?name=mail");

    expect((await other.outcome).kind).toBe("answered");
    expect(s.t.events(s.pool)).toContain("evict");
  });

  test("counts however often the app has said something just before", async () => {
    await using s = await setup("no-hooks");

    await bodyOf(s.pool, "/flood?name=100");
    await bodyOf(s.pool, "/begin?name=mail");

    await until(() => s.t.pass(1) === undefined && s.names().includes("mail"));
    s.t.pass(2 * minuteMs);
    expect(s.pool.state).toBe("warm");
  });

  test("is waited for when the app is stopped", async () => {
    await using s = await setup("no-hooks");
    await bodyOf(s.pool, "/work-until-signal?name=mail");

    const stopped = s.pool.stop(minuteMs, draining);
    process.kill(s.pid, "SIGUSR2");
    await stopped;

    expect(s.t.records.map(({ message }) => message)).toContain("mail is done");
    expect(s.message("drain")).toBe('v1: Ending within 60000 ms: waits for waitUntil "mail"');
  });

  test("is not waited for longer than there is time", async () => {
    await using s = await setup("no-hooks");
    await bodyOf(s.pool, "/begin?name=mail");

    await s.pool.stop(50, draining);

    await gone(s.pid);
  });

  test("of which the node hears when it has just frozen the process wakes it again", async () => {
    await using s = await setup("no-hooks");
    const said = await bodyOf(s.pool, "/begin-at-signal?name=import");
    process.kill(s.pid, "SIGUSR2");
    // What the process says meanwhile lies in the socket.
    holdUpUntil(() => existsSync(said));
    expect(s.pool.freeze()).toBeTrue();

    await until(() => s.names().length === 1);

    expect([s.pool.freeze(), s.pool.state]).toEqual([false, "warm"]);
    await until(() => s.t.events(s.pool).includes("wake"));
  });
});

describe("an app that keeps itself awake", () => {
  test("is awake until it lets go, and an hour at most", async () => {
    await using s = await setup("no-hooks");
    await bodyOf(s.pool, "/awake?name=import");

    s.t.pass(keepAwakeMsMax - minuteMs);
    expect(s.pool.state).toBe("warm");
    s.t.pass(2 * minuteMs);
    s.t.pass(2 * minuteMs);

    expect(s.pool.state).toBe("frozen");
    expect(s.message("holder")).toStartWith('v1: keepAwake "import" is open for 36');
  });

  test("does not do so by timers or by what it asks of others", async () => {
    await using s = await setup("busy-outbound");
    await until(async () => Number(await bodyOf(s.pool, "/fetched")) > 2);

    s.t.pass(2 * minuteMs);

    await s.frozen();
  });
});

describe("an app with hooks", () => {
  test("is told before it is frozen, and when it goes on before its next request", async () => {
    await using s = await setup("waits");
    s.t.pass(2 * minuteMs);
    expect(s.pool.state).toBe("warm");
    await s.frozen();

    expect(await s.events()).toEqual(["standby", "resume", "request"]);

    expect(s.t.events(s.pool)).toEqual(["start", "freeze", "wake"]);
    expect(s.facts()).toMatchObject({ starts: 1, pid: s.pid });
  });

  test("is not frozen when a request comes before its hooks have run; the request waits for them", async () => {
    await using s = await setup("waits");
    s.t.pass(2 * minuteMs);

    expect(await s.events()).toEqual(["standby", "resume without a nap", "request"]);

    expect(s.t.events(s.pool)).toEqual(["start"]);
    // And it can sleep again later.
    s.t.pass(2 * minuteMs);
    await s.frozen();
    expect(await s.events()).toEqual(["standby", "resume", "request"]);
  });

  test("is not frozen when its hooks hold it awake, and goes on", async () => {
    await using s = await setup("holds");
    s.t.pass(2 * minuteMs);
    await until(() => s.names().length === 1);
    s.t.pass(1000);

    await until(async () => (await s.events()).includes("resume"));
    expect(s.pool.state).toBe("warm");
  });

  test("that throw is frozen all the same, and its log says why", async () => {
    await using s = await setup("throws");
    s.t.pass(2 * minuteMs);
    await s.frozen();

    expect(await s.events()).toEqual(["standby", "resume", "request"]);
    const lines = s.t.records.map(({ message }) => message).join("\n");
    expect(lines).toMatch(/^onStandby:[\s\S]*not now/m);
  });

  test("that hang is frozen all the same, and its log says why", async () => {
    await using s = await setup("hangs");
    s.t.pass(2 * minuteMs);
    await until(() => s.pool.freeze());

    expect(await s.events()).toEqual(["standby", "resume", "request"]);
    const lines = s.t.records.map(({ message }) => message);
    expect(lines).toContain("onStandby: it takes longer than 2000 ms and is not waited for");
  });

  test("that do not let go of the event loop is frozen all the same", async () => {
    await using s = await setup("blocks");
    s.t.pass(2 * minuteMs);
    s.t.pass(standbyTimeoutMs + settlingGraceMs);

    expect(s.pool.state).toBe("frozen");
    expect(s.message("standby")).toContain("Frozen before its onStandby hooks had ended");
  });

  test("does not hear of its sleep when it is ended: SIGTERM tells it that", async () => {
    await using s = await setup("waits");
    s.t.pass(2 * minuteMs);
    await s.frozen();

    await s.pool.stop(minuteMs, draining);

    expect(s.t.records.map(({ message }) => message)).toContain("SIGTERM after standby");
  });

  test("hears it in each of its processes", async () => {
    await using s = await setup("waits", { instances: { min: 3, max: 3 } });
    await until(() => s.facts().processes.filter(({ state }) => state === "warm").length === 3);
    s.t.pass(2 * minuteMs);
    await s.frozen();

    const answers = await Promise.all(Array.from({ length: 3 }, () => s.events()));

    for (const events of answers)
      expect(events.slice(-3)).toEqual(["standby", "resume", "request"]);
  });
});

describe("a request", () => {
  test("knows that it has started an instance, or woken one, and no other does", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves");

    const first = submit(pool);
    const second = submit(pool);
    await Promise.all([first.outcome, second.outcome]);
    expect([first.wake?.from, second.wake]).toEqual(["started", null]);
    await until(() => pool.freeze());
    const third = submit(pool);
    const fourth = submit(pool);
    await Promise.all([third.outcome, fourth.outcome]);

    expect([third.wake?.from, fourth.wake]).toEqual(["frozen", null]);
    expect(third.wake?.headerLine).toMatch(/^levain-wake: frozen;[0-9.]+ms\r\n$/);
    const wake = t.records.find(({ event }) => event === "wake")!;
    expect(wake.fields).toEqual({
      from: "frozen",
      wakeMs: third.wake!.ms,
      frozenMs: expect.any(Number),
    });
    expect((await ask(pool)).kind).toBe("answered");
  });

  test("wakes an app without hooks in one turn: the signal, and one write", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves");
    await bodyOf(pool);
    await until(() => pool.freeze());
    const { pid } = pool.facts(0);
    await until(() => readFileSync(`/proc/${pid}/stat`, "latin1").includes(") T "));

    const asked = submit(pool);

    // It runs before this turn has ended, and its request leaves with the turn.
    expect(pool.state).toBe("warm");
    expect(asked.channel).not.toBeNull();
    expect((await asked.outcome).kind).toBe("answered");
  });
});

test("a process that has something to say all the time is heard a few times in a tick", () => {
  let heard = 0;
  let id = 0;
  const instance = {
    isAsleep: false,
    onStreamClosed() {},
    channel: { control: () => (heard += 1) },
  };
  const lifecycle = new Lifecycle(instance as never, {} as never, new PushedClock());
  /** Says something whenever it may. */
  const say = () => {
    for (let answered = -1; answered < heard; ) {
      answered = heard;
      id += 1;
      const taken = [{ id, kind: "keepAwake" as const, name: "" }];
      lifecycle.onEvent({ type: "lifecycle", taken, released: [id - 1], hasHooks: false });
    }
  };

  say();
  expect(heard).toBe(lifecycleMessagesPerTickMax);
  // What it would say next is not known, so it is not frozen.
  expect(lifecycle.isSettled(0)).toBeFalse();
  lifecycle.tick(100);
  expect([heard, lifecycle.isSettled(100)]).toEqual([lifecycleMessagesPerTickMax + 1, true]);
  say();

  expect(heard).toBe(2 * lifecycleMessagesPerTickMax + 1);
});
