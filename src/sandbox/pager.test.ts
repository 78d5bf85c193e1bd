/**
 * Goal: the memory of a sleeping process is handed to swap in the background, or not at all, and the process never suffers
 * by it. Method: real processes; where this machine has no swap, the kernel is asked all the same and keeps the pages.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StillClock } from "../base/clock-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { pagerPauseMs, swapLookMs, swapReserveBytes, swapWaitMs } from "./limits.ts";
import { Pager } from "./pager.ts";
import { pagingObstacle, pagingSources } from "./paging-way.ts";
import { childrenOf } from "./process-facts.ts";
import { freezeGroup, killProcess, thawGroup } from "./process-group.ts";

const obstacle = pagingObstacle(pagingSources())?.kind ?? null;
/** An ordinary user may not page out other processes. */
const mayPage = obstacle === null || obstacle === "no-swap";
const MIB = 1024 * 1024;

/** A pager, and a frozen process with 16 MiB of objects. */
async function setup(freeBytes = 1024 * MIB) {
  const clock = new StillClock();
  const notes: string[] = [];
  const swap = { freeBytes };
  const pager = new Pager({
    clock,
    mayPage: true,
    note: (line) => notes.push(line),
    read: (path) => (path === "/proc/meminfo" ? `SwapFree: ${swap.freeBytes / 1024} kB\n` : null),
  });
  const app = Bun.spawn(
    [process.execPath, join(import.meta.dir, "fixtures", "holds-objects.ts"), String(16 * MIB)],
    { stdin: "pipe", stdout: "pipe", detached: true },
  );
  const reader = app.stdout.getReader();
  const line = async () => new TextDecoder().decode((await reader.read()).value).trim();
  await line();
  freezeGroup(app.pid);
  return {
    pager,
    clock,
    notes,
    swap,
    pid: app.pid,
    /** Wakes it and has it touch what it holds. */
    async wake() {
      thawGroup(app.pid);
      app.stdin.write("go on\n");
      app.stdin.flush();
      return await line();
    },
    /** Of the process that pages, while there is one. */
    pagerPid: () => childrenOf(process.pid).find((pid) => nameOf(pid).includes("pager-process")),
    [Symbol.asyncDispose]: async () => {
      killProcess(app.pid);
      await Promise.all([app.exited, pager.stop()]);
    },
  };
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

describe.skipIf(!mayPage)("a job", () => {
  test("is done, and the process goes on with all it had", async () => {
    await using s = await setup();

    const paged = await s.pager.page(s.pid).done;

    expect(paged?.beforeBytes).toBeGreaterThan(16 * MIB);
    // Without swap the kernel keeps the pages.
    if (obstacle === null) expect(paged!.afterBytes).toBeLessThan(paged!.beforeBytes / 10);
    expect(await s.wake()).toBe(`number ${(16 * MIB) / 128 - 1}`);
  });

  test("that is cancelled ends early, and the process goes on with all it had", async () => {
    await using s = await setup();
    const job = s.pager.page(s.pid);
    const next = s.pager.page(s.pid);

    job.cancel();
    next.cancel();

    expect([await job.done, await next.done]).toEqual([null, null]);
    expect(await s.wake()).toStartWith("number");
    job.cancel();
    freezeGroup(s.pid);
    expect(await s.pager.page(s.pid).done).not.toBeNull();
  });

  test("for a process that is gone hands nothing back", async () => {
    await using s = await setup();
    killProcess(s.pid);
    await until(() => nameOf(s.pid) === "");

    expect(await s.pager.page(s.pid).done).toEqual({ beforeBytes: 0, afterBytes: 0 });
  });

  test("under way when the node stops ends, and leaves no process", async () => {
    await using s = await setup();
    const job = s.pager.page(s.pid);
    await until(() => s.pagerPid() !== undefined);

    await s.pager.stop();

    expect(await job.done).toBeNull();
    expect(s.pagerPid()).toBeUndefined();
    expect(s.pager.waitMs(0)).toBe(Infinity);
    expect(await s.pager.page(s.pid).done).toBeNull();
  });

  test("whose process is killed ends, and nothing is paged for a while", async () => {
    await using s = await setup();
    const jobs = [s.pager.page(s.pid), s.pager.page(s.pid)];
    await until(() => s.pagerPid() !== undefined);
    killProcess(s.pagerPid()!);

    expect(await Promise.all(jobs.map(({ done }) => done))).toEqual([null, null]);
    expect(s.pager.waitMs(pagerPauseMs - 1)).toBe(1);
    expect(s.pager.waitMs(pagerPauseMs)).toBe(0);
    expect(await s.pager.page(s.pid).done).not.toBeNull();
  });
});

describe.skipIf(mayPage)("a user who may not page", () => {
  test("is told so once, and nothing is tried again", async () => {
    await using s = await setup();

    expect(await s.pager.page(s.pid).done).toBeNull();
    expect(s.pager.waitMs(0)).toBe(Infinity);
    expect(s.notes).toHaveLength(1);
    expect(await s.wake()).toStartWith("number");
  });
});

test("nothing is paged while swap is full, and it is looked at now and then", async () => {
  await using s = await setup(swapReserveBytes);

  expect(s.pager.waitMs(0)).toBe(swapWaitMs);
  s.swap.freeBytes = 2 * swapReserveBytes;
  expect(s.pager.waitMs(swapLookMs - 1)).toBe(swapWaitMs);
  expect(s.pager.waitMs(swapLookMs)).toBe(0);
});

test("nothing is paged where the kernel does not let us", async () => {
  const pager = new Pager({
    clock: new StillClock(),
    mayPage: false,
    note: () => {},
    read: () => "SwapFree: 99999999 kB\n",
  });

  expect(pager.waitMs(0)).toBe(Infinity);
  expect(await pager.page(process.pid).done).toBeNull();
});
