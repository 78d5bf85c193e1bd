/** Goal: a version goes live when it has answered a request, and else says why not. Method: real processes. */
import { describe, expect, test } from "bun:test";
import type { PlatformError } from "../base/errors.ts";
import { until } from "../base/until-for-tests.ts";
import { bootCheck } from "./boot-check.ts";
import type { Pool } from "./pool.ts";
import { bodyOf, type SpecChange, TestPools } from "./pool-for-tests.ts";

const never = new AbortController().signal;
const host = "v1--behaves.localhost";

/** The error that the check ends with, or null. */
async function check(pool: Pool, signal = never): Promise<PlatformError | null> {
  return bootCheck(pool, host, signal).then(
    () => null,
    (error: PlatformError) => error,
  );
}

describe("a version is taken live", () => {
  const paths = ["/", "/status?code=404", "/status?code=301", "/stream", "/bytes?count=5000000"];

  test.each(paths)("when it answers %s, and its process stays", async (healthPath) => {
    await using t = new TestPools();
    const pool = t.pool("behaves", { healthPath });

    expect(await check(pool)).toBeNull();

    expect(pool.facts(0)).toMatchObject({ state: "warm", starts: 1, requests: 1 });
    await until(() => pool.facts(0).requestsInFlight === 0);
    expect(await bodyOf(pool)).toBe("hello");
  });

  test("when it is ephemeral", async () => {
    await using t = new TestPools();

    expect(await check(t.pool("counts-anew", { ephemeral: true }))).toBeNull();
  });
});

describe("a version is not taken live", () => {
  const failures: [string, string, SpecChange][] = [
    ["behaves", "BOOT_UNHEALTHY", { healthPath: "/status?code=500" }],
    ["behaves", "BOOT_UNHEALTHY", { healthPath: "/status?code=503" }],
    ["behaves", "BOOT_TIMEOUT", { healthPath: "/never", limits: { bootTimeoutMs: 500 } }],
    ["kills-itself", "BOOT_CRASHED", { healthPath: "/exit" }],
    ["kills-itself", "BOOT_CRASHED", { healthPath: "/kill" }],
    ["exits-at-boot", "BOOT_CRASHED", {}],
    ["misses-a-module", "MODULE_MISSING", {}],
  ];

  test.each(failures)("when it %s: %s", async (fixture, code, change) => {
    await using t = new TestPools();
    const pool = t.pool(fixture, change);

    expect((await check(pool))?.code).toBe(code as "BOOT_CRASHED");
    expect(pool.facts(0).requestsInFlight).toBeLessThanOrEqual(1);
  });

  test("when its handler throws, which counts as status 500", async () => {
    await using t = new TestPools();

    const error = await check(t.pool("throws-per-request"));

    expect(error?.message).toContain("500");
    expect(error?.code).toBe("BOOT_UNHEALTHY");
  });

  test("when the deploy is called off, before or while it starts or answers", async () => {
    await using t = new TestPools();
    const early = new AbortController();
    early.abort(new Error("called off"));
    const late = new AbortController();
    const waiting = new AbortController();
    const slow = t.pool("slow-boot", { env: { BOOT_MS: "10000" } });
    const silent = t.pool("behaves", { healthPath: "/never" });

    expect((await check(t.pool("behaves"), early.signal))?.message).toBe("called off");
    const starting = check(slow, late.signal);
    const answering = check(silent, waiting.signal);
    await until(() => slow.state === "starting" && silent.facts(0).requests === 1);
    late.abort(new Error("called off"));
    waiting.abort(new Error("called off"));

    expect((await starting)?.message).toBe("called off");
    expect((await answering)?.cause).toMatchObject({ message: "called off" });
  });
});
