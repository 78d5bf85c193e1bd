/**
 * Goal: whatever an app does to itself, its own requests get an answer with the cause, and nobody else notices.
 * Method: real processes that misbehave, and one next to them that does not.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { until } from "../base/until-for-tests.ts";
import { backOffMsMin, freeCrashes, outputGraceMs, tickMs } from "./limits.ts";
import type { Pool } from "./pool.ts";
import {
  ask,
  bodyOf,
  codeOf,
  gone,
  holdUp,
  isRunning,
  type Outcome,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

const messageOf = async (outcome: Promise<Outcome>) => {
  const result = await outcome;
  return result.kind === "lost" ? `${result.code} ${result.message}` : result.kind;
};

/** Lets time pass faster than it does, but not so fast that it looks like a pause of the node. */
const passUntil = (t: TestPools, claim: () => boolean) =>
  until(() => {
    t.pass(5 * tickMs);
    return claim();
  });

describe("an app that ends during a request", () => {
  const ends: [string, string][] = [
    ["/kill", "signal SIGKILL"],
    ["/exit", "exit code 3"],
    ["/reject", "exit code 1"],
  ];

  test.each(ends)("by %s fails that request with how it ended: %s", async (path, how) => {
    await using t = new TestPools();
    const pool = t.pool("kills-itself");

    expect(await messageOf(ask(pool, path))).toStartWith(`APP_EXITED `);
    expect(t.records.find(({ event }) => event === "exit")?.message).toContain(how);
    expect(await bodyOf(pool)).toBe("hello");
    expect(pool.facts(0)).toMatchObject({ state: "warm", starts: 2, failures: 1 });
  });

  test("loses the rest of an answer it had begun", async () => {
    await using t = new TestPools();
    const pool = t.pool("exits-mid-response");

    expect(await ask(pool, "/cut")).toMatchObject({
      kind: "lost",
      code: "APP_EXITED",
      body: "the first half",
    });
  });

  test("loses no answer that it had given", async () => {
    await using t = new TestPools();
    const pool = t.pool("exits-mid-response");

    for (let round = 0; round < freeCrashes; round++) {
      await pool.start();
      const asked = submit(pool, "/after");
      await new Promise((resolve) => setTimeout(resolve, 1));

      // Its answer and its end are seen at once, in whatever order.
      holdUp(200);

      expect(await asked.outcome).toMatchObject({ kind: "answered", body: "the whole answer" });
      await until(() => !pool.hasProcess);
    }
  });

  test("takes its folder, its group and what it printed last with it", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves");
    const child = Number(await bodyOf(pool, "/child"));
    await bodyOf(pool, "/fill");

    process.kill(pool.facts(0).pid!, "SIGKILL");

    await gone(child);
    await until(() => t.folders().length === 0);
    expect(pool.state).toBe("stopped");
  });
});

describe("an app that keeps crashing", () => {
  test("is refused with its cause for a while, and then tried again", async () => {
    await using t = new TestPools();
    const pool = t.pool("kills-itself");
    for (let crash = 0; crash <= freeCrashes; crash++) {
      expect(await codeOf(ask(pool, "/exit"))).toBe("APP_EXITED");
    }

    await until(() => pool.state === "failed");
    expect(await messageOf(ask(pool))).toContain("APP_START_FAILED");
    expect(pool.facts(0).cause).toContain("exit code 3");
    t.clock.push(backOffMsMin);

    expect(await bodyOf(pool)).toBe("hello");
    expect(pool.facts(0).cause).toBeNull();
  });
});

describe("an app whose event loop hangs", () => {
  test("is ended and its requests fail with the cause, those queued behind them do not", async () => {
    await using t = new TestPools();
    const limits = { requestTimeoutMs: 1, concurrencyMax: 1 };
    const pool = t.pool("loops-endlessly", { limits });
    await bodyOf(pool);

    const looping = submit(pool, "/loop");
    const queued = ask(pool, "/");
    await passUntil(t, () => looping.hasEnded);

    expect(await codeOf(looping.outcome)).toBe("APP_UNRESPONSIVE");
    expect(await queued).toMatchObject({ kind: "answered", body: "hello" });
    const exit = t.records.find(({ event }) => event === "exit");
    expect(exit?.fields).toMatchObject({ code: "APP_UNRESPONSIVE", signal: "SIGKILL" });
  });

  test("because it stopped itself is ended too", async () => {
    await using t = new TestPools();
    const pool = t.pool("stops-itself", { limits: { requestTimeoutMs: 1 } });
    const asked = submit(pool, "/stop");

    await passUntil(t, () => asked.hasEnded);

    expect(await codeOf(asked.outcome)).toBe("APP_UNRESPONSIVE");
    expect(await bodyOf(pool)).toBe("hello");
  });
});

test("an app that needs too much memory is ended, and its requests fail with the numbers", async () => {
  await using t = new TestPools();
  const pool = t.pool("leaks-per-request", { limits: { memoryBytesMax: 128 * 1024 * 1024 } });
  await bodyOf(pool);
  const pending = submit(pool, "/never");

  while (!pending.hasEnded) await ask(pool);

  expect(await messageOf(pending.outcome)).toStartWith("OUT_OF_MEMORY ");
  expect(await messageOf(pending.outcome)).toContain(String(128 * 1024 * 1024));
  // The last request of the loop may have met the next process already.
  expect(["1", "2"]).toContain(await bodyOf(pool));
  expect(pool.facts(0)).toMatchObject({ starts: 2, failures: 1 });
});

describe("an app that touches the wire", () => {
  test("by closing it is ended, and started anew", async () => {
    await using t = new TestPools();
    const pool = t.pool("closes-fd-3");

    expect(["answered", "lost"]).toContain((await ask(pool, "/close")).kind);
    await until(() => pool.state !== "warm");

    expect(await bodyOf(pool)).toBe("hello");
  });

  test("by writing to it is ended for it, and nothing of that reaches an answer", async () => {
    await using t = new TestPools();
    const pool = t.pool("writes-garbage-to-fd-3");

    const outcome = await ask(pool, "/write");
    expect(JSON.stringify(outcome)).not.toContain("garbage ");
    await until(() => t.events(pool).includes("exit"));

    const exit = t.records.find(({ event }) => event === "exit");
    expect(exit?.fields).toMatchObject({ code: "APP_PROTOCOL_BROKEN" });
    expect(await bodyOf(pool)).toBe("hello");
  });
});

test("a daemon that left the group and holds the wire is gone with its app", async () => {
  await using t = new TestPools();
  const pool = t.pool("forks-a-daemon");
  const daemon = Number(await bodyOf(pool));

  process.kill(pool.facts(0).pid!, "SIGKILL");

  await until(() => t.events(pool).includes("exit"));
  await gone(daemon);
  await until(() => t.folders().length === 0, 5000 + outputGraceMs);
});

test("a daemon that hides from us keeps nothing of the node's", async () => {
  await using t = new TestPools();
  const files = () => readdirSync("/proc/self/fd").length;
  await bodyOf(t.pool("behaves"));
  const before = files();
  const pool = t.pool("forks-a-daemon");
  const daemon = Number(await bodyOf(pool, "/hidden"));
  await until(() => groupOf(daemon) === daemon);

  process.kill(pool.facts(0).pid!, "SIGKILL");
  await until(() => t.folders().length === 1);
  await until(() => files() <= before);

  expect(await isRunning(daemon)).toBe(true);
  process.kill(daemon, "SIGKILL");
});

/** The process group of a process. */
function groupOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

/** Asks until told to stop; every answer has to be the right one. */
function load(pool: Pool): () => Promise<number> {
  let isOver = false;
  const done = (async () => {
    let answers = 0;
    while (!isOver) {
      const bodies = await Promise.all(Array.from({ length: 10 }, () => bodyOf(pool)));
      if (!bodies.every((body) => body === "hello")) throw new Error(`answered ${bodies}`);
      answers += bodies.length;
    }
    return answers;
  })();
  return () => {
    isOver = true;
    return done;
  };
}

test("a neighbour under load sees nothing of crashes, loops, floods and kills", async () => {
  await using t = new TestPools();
  const neighbour = t.pool("behaves");
  const stop = load(neighbour);
  const flood = t.pool("floods-stdout");
  await bodyOf(flood);

  const apps = [t.pool("kills-itself"), t.pool("writes-garbage-to-fd-3"), t.pool("closes-fd-3")];
  const paths = ["/kill", "/write", "/close"];
  await Promise.all(apps.map((app, index) => ask(app, paths[index])));
  await codeOf(ask(t.pool("loops-endlessly", { limits: { requestTimeoutMs: 1 } }), "/loop"));

  expect(await stop()).toBeGreaterThan(100);
  expect(neighbour.facts(0)).toMatchObject({ state: "warm", starts: 1, failures: 0 });
});

test("a process killed under load fails only what it had, and the rest is answered by the next", async () => {
  await using t = new TestPools();
  const pool = t.pool("behaves");
  const clients = 20;
  const kinds: string[] = [];
  await bodyOf(pool);

  const load = Array.from({ length: clients }, async () => {
    for (let count = 0; count < 50; count++) {
      const outcome = await ask(pool, "/after?ms=1");
      kinds.push(outcome.kind === "lost" ? outcome.code : outcome.kind);
    }
  });
  await until(() => kinds.length > 10 * clients);
  process.kill(pool.facts(0).pid!, "SIGKILL");
  await Promise.all(load);

  const lost = kinds.filter((kind) => kind === "APP_EXITED").length;
  expect(kinds.filter((kind) => kind === "answered")).toHaveLength(50 * clients - lost);
  // Each client has one request at a time, and what it asks after the loss is held for the next process.
  expect(lost).toBeLessThanOrEqual(clients);
  expect(lost).toBeGreaterThan(0);
  expect(pool.facts(0)).toMatchObject({ state: "warm", starts: 2, failures: 1 });
});

test("a flood of output is slowed: the app's pipe is full, the node's memory and the log are not", async () => {
  await using t = new TestPools();
  const pool = t.pool("floods-stdout");
  await bodyOf(pool);
  await until(() => t.events(pool).includes("throttle"));
  const linesBefore = t.records.length;
  const rssBefore = process.memoryUsage.rss();

  await Bun.sleep(1000);

  // A line has 1 KB, and an app may print 1 MB a second.
  expect(t.records.length - linesBefore).toBeLessThan(4000);
  expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(64 * 1024 * 1024);
});
