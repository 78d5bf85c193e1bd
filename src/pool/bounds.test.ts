/**
 * Goal: an app that takes more than it may is ended or refused with the cause, and its neighbour notices nothing.
 * Method: real processes that hoard, next to one that does not; with cgroups where this machine lets us make some, and
 * without.
 */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import { Cgroups } from "../sandbox/cgroups.ts";
import { tickMs } from "./limits.ts";
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

const MiB = 1024 * 1024;
// Processes that fill memory and disks take their time on a busy machine.
setDefaultTimeout(30_000);
const dir = mkdtempSync(join(tmpdir(), "levain-bounds-"));
const cgroups = Cgroups.open(join(dir, "cgroups.json"));

afterAll(async () => {
  await cgroups?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A pool of the app that hoards, and a neighbour's. */
async function setup(groups: Cgroups | null, limits: SpecChange["limits"] = {}) {
  const t = new TestPools(0, undefined, 100, groups);
  const pool = t.pool("hoards", { limits });
  const neighbour = t.pool("behaves");
  await bodyOf(pool);
  await bodyOf(neighbour);
  const neighbourPid = neighbour.facts(0).pid;
  return {
    t,
    pool,
    pid: pool.facts(0).pid!,
    /** Lets time pass faster than it does, but not so fast that it looks like a pause of the node. */
    passUntil: (claim: () => boolean) =>
      until(() => {
        t.pass(5 * tickMs);
        return claim();
      }, 20_000),
    records: (event: string) =>
      t.records.filter((record) => record.event === event && record.app === "hoards"),
    async [Symbol.asyncDispose]() {
      expect(await bodyOf(neighbour)).toBe("hello");
      expect(neighbour.facts(0)).toMatchObject({ pid: neighbourPid, failures: 0 });
      await t[Symbol.asyncDispose]();
    },
  };
}

const kinds: [string, Cgroups | null][] = [["without cgroups", null]];
if (cgroups !== null) kinds.push(["with cgroups", cgroups]);

describe.each(kinds)("an app %s", (_name, groups) => {
  test("that takes too much memory is ended, and told so with its last samples", async () => {
    await using s = await setup(groups, { memoryBytesMax: 128 * MiB });
    const pending = submit(s.pool, "/never");
    await pending.opened;

    void ask(s.pool, "/heap?count=400");

    expect(await codeOf(pending.outcome)).toBe("OUT_OF_MEMORY");
    await until(() => s.records("exit").length > 0);
    const { fields } = s.records("exit")[0]!;
    expect(fields).toMatchObject({ code: "OUT_OF_MEMORY", memoryBytesMax: 128 * MiB });
    expect(fields!["peakBytes"]).toBeGreaterThanOrEqual(128 * MiB);
    expect(s.pool.facts(0).cause).toContain(`it may have ${128 * MiB}`);
    expect(await bodyOf(s.pool)).toBe("hello");
  });

  test("that hides memory in files that no process has mapped is ended as well", async () => {
    await using s = await setup(groups, { memoryBytesMax: 128 * MiB });
    const pending = submit(s.pool, "/never");

    void ask(s.pool, "/memfd?count=300");

    expect(await codeOf(pending.outcome)).toBe("OUT_OF_MEMORY");
  });

  test("whose child takes too much memory is ended with it", async () => {
    await using s = await setup(groups, { memoryBytesMax: 128 * MiB });
    const pending = submit(s.pool, "/never");

    void ask(s.pool, "/child");

    expect(await codeOf(pending.outcome)).toBe("OUT_OF_MEMORY");
    await gone(s.pid);
  });

  test("opens no more files than it may", async () => {
    await using s = await setup(groups, { openFilesMax: 128 });

    expect(await bodyOf(s.pool, "/files")).toMatch(/^EMFILE after \d{2,3}$/);
    expect(await bodyOf(s.pool)).toBe("hello");
  });

  test("that starts too many processes has PROCESSES_EXCEEDED in its log", async () => {
    await using s = await setup(groups, { processesMax: 100 });

    const answer = ask(s.pool, "/forks?count=200");
    await until(() => s.records(groups === null ? "exit" : "limit").length > 0);

    const [record] = s.records(groups === null ? "exit" : "limit");
    expect(record?.fields).toMatchObject({ code: "PROCESSES_EXCEEDED", processesMax: 100 });
    if (groups === null) return;
    expect(await answer).toMatchObject({
      kind: "answered",
      body: expect.stringContaining("EAGAIN"),
    });
  });

  test("that fills its folders is ended, by bytes and by files", async () => {
    for (const [limits, path] of [
      [{ diskBytesMax: 4 * MiB }, `/disk?count=20&bytes=${MiB}`],
      [{ diskFilesMax: 100 }, "/disk?count=2000&bytes=0"],
    ] as const) {
      await using s = await setup(groups, limits);
      const pending = submit(s.pool, "/never");
      await pending.opened;

      await ask(s.pool, path);

      expect(await codeOf(pending.outcome)).toBe("DISK_EXCEEDED");
      expect(s.pool.facts(0).cause).toContain("more in its folders");
      expect(await bodyOf(s.pool)).toBe("hello");
    }
  });

  test("leaves no core file and writes no file larger than its disk", async () => {
    await using s = await setup(groups, { diskBytesMax: MiB });
    const limits = readFileSync(`/proc/${s.pid}/limits`, "latin1");

    expect(limits).toMatch(/^Max core file size\s+0\s+0/m);
    expect(limits).toMatch(new RegExp(`^Max file size\\s+${MiB}\\s+${MiB}`, "m"));
  });
});

test.skipIf(!cgroups?.powers.has("freezer"))(
  "a daemon that hides from us in every way is gone with its app, however that ends",
  async () => {
    for (const end of ["crash", "stop"]) {
      await using t = new TestPools(0, undefined, 100, cgroups);
      const pool = t.pool("forks-a-daemon");
      const daemon = Number(await bodyOf(pool, "/hidden"));

      if (end === "crash") process.kill(pool.facts(0).pid!, "SIGKILL");
      else await pool.stop(0, draining);

      await gone(daemon);
    }
  },
);

test("an app that loops is ended at its request's deadline, and starts anew for the next", async () => {
  const requestTimeoutMs = 5000;
  await using s = await setup(cgroups, { requestTimeoutMs });
  const beganAtMs = s.t.clock.nowMs();
  const looping = submit(s.pool, "/loop");
  await looping.opened;

  await s.passUntil(() => {
    // What the edge does then.
    if (s.t.clock.nowMs() - beganAtMs >= requestTimeoutMs) looping.cancel();
    return s.records("exit").length > 0;
  });

  const tookMs = s.t.clock.nowMs() - beganAtMs;
  expect(s.records("exit")[0]?.fields).toMatchObject({ code: "APP_UNRESPONSIVE" });
  expect(tookMs).toBeGreaterThanOrEqual(requestTimeoutMs);
  expect(await bodyOf(s.pool)).toBe("hello");
});

test.skipIf(!cgroups?.powers.has("cpu"))(
  "an app that computes more than its share is told so, and no other is slowed",
  async () => {
    await using s = await setup(cgroups, { cpuCoresMax: 0.05 });
    const looping = submit(s.pool, "/loop");

    await until(() => s.records("limit").length > 0, 20_000);

    expect(s.records("limit")[0]?.fields).toMatchObject({ code: "CPU_STARVED", cpuCoresMax: 0.05 });
    expect(looping.hasEnded).toBe(false);
  },
);
