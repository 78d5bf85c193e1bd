/** Goal: a version starts once, for all who wait, or tells each of them why not. Method: real processes. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { until } from "../base/until-for-tests.ts";
import { hasEnded } from "../sandbox/process-facts.ts";
import { backOffMsMin, freeCrashes, holdsMax } from "./limits.ts";
import {
  type Asked,
  ask,
  bodyOf,
  codeOf,
  draining,
  gone,
  holdUp,
  holdUpUntil,
  submit,
  TestPools,
} from "./pool-for-tests.ts";

describe("a first request", () => {
  test("starts the process, and 200 at once start one", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves");

    const pids = await Promise.all(Array.from({ length: 200 }, () => bodyOf(pool, "/pid")));

    expect(new Set(pids).size).toBe(1);
    expect(pool.facts(0)).toMatchObject({ state: "warm", starts: 1, failures: 0, requests: 200 });
    expect(t.events(pool)).toEqual(["start"]);
  });

  test("with a body is held with it", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves");

    const answers = await Promise.all([
      ask(pool, "/digest", { method: "POST", body: "x".repeat(50_000) }),
      ask(pool, "/digest", { method: "POST", body: "y" }),
    ]);

    expect(answers.map((answer) => answer.kind === "answered" && answer.body)).toEqual([
      "50000",
      "1",
    ]);
  });

  test("that nobody waits for any more is not sent", async () => {
    await using t = new TestPools();
    const pool = t.pool("behaves");
    const stream = submit(pool, "/count");

    pool.cancel(stream);
    pool.cancel(stream);

    expect(await bodyOf(pool, "/count")).toBe("1");
    expect(stream.hasEnded).toBe(false);
  });

  test("is one too many when too many are held", async () => {
    await using t = new TestPools();
    const pool = t.pool("slow-boot", { env: { BOOT_MS: "300" }, limits: { queueMax: 0 } });

    const held = Array.from({ length: holdsMax }, () => submit(pool));
    const refused = submit(pool);

    expect(await codeOf(refused.outcome)).toBe("HOLD_QUEUE_FULL");
    const outcomes = await Promise.all(held.map(({ outcome }) => outcome));
    expect(outcomes.every(({ kind }) => kind === "answered")).toBe(true);
  });

  test("is one too many when those that are held are too large", async () => {
    await using t = new TestPools();
    const pool = t.pool("slow-boot", { env: { BOOT_MS: "300" } });
    const body = "x".repeat(60_000);

    const asked = Array.from({ length: 400 }, () => submit(pool, "/", { method: "POST", body }));

    const refused = asked.filter(({ hasEnded }) => hasEnded);
    expect(refused.length).toBeGreaterThan(0);
    expect(await codeOf(refused[0]!.outcome)).toBe("HOLD_QUEUE_FULL");
    for (const stream of asked) pool.cancel(stream);
  });
});

describe("a version that does not start", () => {
  const failures: [string, string, string][] = [
    ["exits-at-boot", "BOOT_CRASHED", "exit code 7"],
    ["throws-at-boot", "BOOT_CRASHED", "no connection"],
    ["misses-a-module", "MODULE_MISSING", "levain-no-such-module"],
    ["has-no-handler", "NO_HANDLER", "has-no-handler.ts"],
  ];

  test.each(failures)("because it %s has the cause %s", async (fixture, code, text) => {
    await using t = new TestPools();
    const pool = t.pool(fixture);

    const error = await pool.start().catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(PlatformError);
    expect((error as PlatformError).code).toBe(code as "BOOT_CRASHED");
    expect((error as PlatformError).message).toContain(text);
    expect(pool.state).toBe("failed");
    expect(t.events(pool)).toContain("error");
    expect(pool.facts(0).cause).toContain(text);
  });

  test.each([
    ["several", "SERVERS_SEVERAL", "8001, 8002"],
    ["tls", "SERVER_TLS", "8443"],
    ["tcp", "SERVER_RAW", "8004"],
    ["cluster", "SERVER_CLUSTER", "node:cluster"],
  ])(
    "because of how it listens (%s) has the cause %s",
    async (how, code, text) => {
      await using t = new TestPools();
      const pool = t.pool("listens-badly", { env: { HOW: how } });

      const error = await pool.start().catch((thrown: unknown) => thrown);

      expect((error as PlatformError).code).toBe(code as "SERVER_RAW");
      expect((error as PlatformError).message).toContain(text);
    },
    60_000,
  );

  test("because it listens with node:http and is ephemeral says so", async () => {
    await using t = new TestPools();
    const pool = t.pool("listens-with-node-http", { ephemeral: true });

    const error = await pool.start().catch((thrown: unknown) => thrown);

    expect((error as PlatformError).code).toBe("NODE_SERVER_UNSUPPORTED");
  });

  test("because its time is over is ended", async () => {
    await using t = new TestPools();
    const pool = t.pool("never-serves", { limits: { bootTimeoutMs: 300 } });
    const start = pool.start();
    await until(() => pool.facts(0).pid !== null);
    const { pid } = pool.facts(0);

    expect(await start.catch(({ code }: PlatformError) => code)).toBe("NEVER_LISTENED");

    await gone(pid!);
    expect(pool.hasProcess).toBe(false);
  });

  test("gives its last lines as evidence", async () => {
    await using t = new TestPools();
    const pool = t.pool("exits-at-boot");

    const error = (await pool.start().catch((thrown: unknown) => thrown)) as PlatformError;

    expect(error.detail?.["lastLines"]).toContain("cannot start today");
  });

  test("fails all who wait with the code of the cause, and tells them nothing of the app's", async () => {
    await using t = new TestPools();
    const pool = t.pool("throws-at-boot");

    const outcomes = await Promise.all([ask(pool), ask(pool), ask(pool)]);

    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ kind: "lost", code: "APP_START_FAILED" });
      expect(JSON.stringify(outcome)).toContain("BOOT_CRASHED");
      expect(JSON.stringify(outcome)).not.toContain("secret");
    }
    expect(pool.facts(0).starts).toBe(1);
  });

  test("is tried anew for who asks again as soon as it was told", async () => {
    await using t = new TestPools();
    const pool = t.pool("exits-at-boot");
    const again = Promise.withResolvers<Asked>();
    const first = submit(pool);
    const { onLost } = first;
    first.onLost = (error) => {
      onLost.call(first, error);
      // The start is not quite over then.
      queueMicrotask(() => again.resolve(submit(pool)));
    };

    const codes = [await codeOf(first.outcome), await codeOf((await again.promise).outcome)];

    expect(codes).toEqual(["APP_START_FAILED", "APP_START_FAILED"]);
    expect(pool.facts(0).starts).toBe(2);
  });

  test("again and again is not tried for a while, and serves when its cause is gone", async () => {
    await using t = new TestPools();
    const folder = mkdtempSync(join(tmpdir(), "levain-allowed-"));
    const allowed = join(folder, "allowed");
    const pool = t.pool("exits-at-boot", { env: { ALLOWED: allowed } });
    for (let crash = 0; crash <= freeCrashes; crash++) {
      expect(await codeOf(ask(pool))).toBe("APP_START_FAILED");
    }
    const { starts } = pool.facts(0);

    // Within its wait it is answered at once, without a start.
    expect(await codeOf(ask(pool))).toBe("APP_START_FAILED");
    expect(pool.facts(0)).toMatchObject({ starts, state: "failed" });
    writeFileSync(allowed, "");
    t.clock.push(backOffMsMin);

    expect(await bodyOf(pool)).toBe("hello");
    expect(pool.facts(0)).toMatchObject({ starts: starts + 1, state: "warm", cause: null });
    rmSync(folder, { recursive: true });
  });
});

describe("the environment of a process", () => {
  test("is the version's own, and nothing of the node's", async () => {
    process.env["LEVAIN_SECRET_OF_THE_NODE"] = "secret";
    await using t = new TestPools(1);
    t.spares.refill();
    await until(() => t.spares.ready === 1);
    const pool = t.pool("behaves", { env: { MINE: "1", PATH: "/mine" } });

    const env = JSON.parse(await bodyOf(pool, "/env"));
    delete process.env["LEVAIN_SECRET_OF_THE_NODE"];

    expect(Object.keys(env).sort()).toEqual([
      "HOME",
      "LANG",
      "LEVAIN_APP",
      "MINE",
      "PATH",
      "PORT",
      // For the resolver of the app and of what it starts: datagrams are refused.
      "RES_OPTIONS",
      "TMPDIR",
    ]);
    expect(env).toMatchObject({ MINE: "1", PATH: "/mine", LEVAIN_APP: "behaves" });
    expect(env.TMPDIR).toStartWith(t.runDir);
    expect(env.HOME).toStartWith(t.runDir);
  });
});

test("an app that ends when it has just loaded is started again by the next request", async () => {
  await using t = new TestPools();
  const pool = t.pool("exits-after-load");
  const start = pool.start().then(
    () => "started",
    ({ code }: PlatformError) => code,
  );
  await until(() => pool.facts(0).pid !== null);

  // What it said and its end are seen at once, in whatever order.
  holdUp(300);

  expect(["started", "BOOT_CRASHED"]).toContain(await start);
  await until(() => !pool.hasProcess);
  expect(["stopped", "failed"]).toContain(pool.state);
  expect(["APP_EXITED", "APP_START_FAILED"]).toContain(await codeOf(ask(pool, "/never")));
});

describe("spares", () => {
  test("are used, and others take their place", async () => {
    await using t = new TestPools(2);
    t.spares.refill();
    await until(() => t.spares.ready === 2);
    const folders = t.folders();

    await Promise.all([bodyOf(t.pool("behaves")), bodyOf(t.pool("behaves"))]);
    await until(() => t.spares.ready === 2);

    expect(t.folders()).toHaveLength(4);
    expect(t.folders()).toEqual(expect.arrayContaining(folders));
  });

  test("that are being started are used too, and a burst does not queue behind them", async () => {
    await using t = new TestPools(2);
    t.spares.refill();
    const noted = t.folders().map((name) => join(t.runDir, name, "process.json"));
    const spares = await Promise.all(noted.map(async (path) => (await Bun.file(path).json()).pid));
    const pools = Array.from({ length: 6 }, () => t.pool("behaves"));

    const pids = await Promise.all(pools.map((pool) => bodyOf(pool, "/pid")));

    expect(spares).toHaveLength(2);
    expect(pids).toEqual(expect.arrayContaining(spares.map(String)));
    expect(new Set(pids).size).toBe(6);
    await until(() => t.spares.ready === 2);
    expect(t.folders()).toHaveLength(8);
  });

  test("that die while they are started fail nobody", async () => {
    await using t = new TestPools(1);
    t.spares.refill();
    const { pid } = await Bun.file(join(t.runDir, t.folders()[0]!, "process.json")).json();
    const answer = bodyOf(t.pool("behaves"));
    process.kill(pid, "SIGKILL");

    expect(await answer).toBe("hello");
  });

  test("that died while they waited are not given to an app", async () => {
    await using t = new TestPools(1);
    t.spares.refill();
    await until(() => t.spares.ready === 1);
    const { pid } = await Bun.file(join(t.runDir, t.folders()[0]!, "process.json")).json();

    process.kill(pid, "SIGKILL");
    await until(() => t.spares.ready === 0);

    expect(await bodyOf(t.pool("behaves"))).toBe("hello");
    await until(() => t.spares.ready === 1);
  });

  test("that have just died are not given to an app, also when the node has not heard of it", async () => {
    await using t = new TestPools(1);
    t.spares.refill();
    await until(() => t.spares.ready === 1);
    const [pid] = t.spares.pids;

    process.kill(pid!, "SIGKILL");
    holdUpUntil(() => hasEnded(pid!));
    expect(t.spares.ready).toBe(1);

    expect(await bodyOf(t.pool("behaves"))).toBe("hello");
  });

  test("are gone when stop has ended, also those that were starting", async () => {
    await using t = new TestPools(3);
    t.spares.refill();

    await t.spares.stop();
    await t.spares.stop();
    t.spares.refill();

    expect(t.folders()).toEqual([]);
    expect(t.spares.ready).toBe(0);
  });
});

describe("stop during a start", () => {
  test("leaves no process, and tells those who waited", async () => {
    await using t = new TestPools();
    const pool = t.pool("slow-boot", { env: { BOOT_MS: "10000" } });
    const asked = submit(pool);
    await until(() => pool.facts(0).pid !== null);
    const { pid } = pool.facts(0);

    await pool.stop(0, draining);

    expect(await codeOf(asked.outcome)).toBe("NODE_DRAINING");
    expect(await codeOf(ask(pool))).toBe("NODE_DRAINING");
    expect(pool.state).toBe("stopped");
    expect(t.folders()).toEqual([]);
    await gone(pid!);
  });

  test("before there is a process leaves none either, and does not wait for a slow app", async () => {
    await using t = new TestPools();
    const pool = t.pool("slow-boot", {
      env: { BOOT_MS: "60000" },
      limits: { bootTimeoutMs: 60_000 },
    });
    const start = pool.start().catch(({ code }: PlatformError) => code);

    await pool.stop(0, draining);
    await pool.stop(0, draining);

    expect(await start).toBe("NODE_DRAINING");
    expect(pool.hasProcess).toBe(false);
    expect(t.folders()).toEqual([]);
  });
});
