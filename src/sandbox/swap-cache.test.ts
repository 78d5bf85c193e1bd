/** Goal: a process whose pages are looked at from outside goes on as if nothing had been. Method: a real, frozen one. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { privateMappings } from "./page-out.ts";
import { privateMemoryBytes } from "./process-facts.ts";
import { freezeGroup, killProcess, thawGroup } from "./process-group.ts";
import { freeWritten, presentRanges, swapCachedBytes } from "./swap-cache.ts";

const MIB = 1024 * 1024;

/** A frozen process with 16 MiB of objects. */
async function setup() {
  const app = Bun.spawn(
    [process.execPath, join(import.meta.dir, "fixtures", "holds-objects.ts"), String(16 * MIB)],
    { stdin: "pipe", stdout: "pipe", detached: true },
  );
  const reader = app.stdout.getReader();
  const line = async () => new TextDecoder().decode((await reader.read()).value).trim();
  await line();
  freezeGroup(app.pid);
  const mappings = privateMappings(readFileSync(`/proc/${app.pid}/smaps`, "latin1"));
  const ranges = presentRanges(app.pid, mappings);
  return {
    pid: app.pid,
    ranges,
    bytes: ranges.reduce((sum, [start, end]) => sum + end - start, 0),
    async wake() {
      thawGroup(app.pid);
      app.stdin.write("go on\n");
      app.stdin.flush();
      return await line();
    },
    async [Symbol.asyncDispose]() {
      killProcess(app.pid);
      await app.exited;
    },
  };
}

/** Linux 6.7 says which pages are there. */
await using probe = await setup();
const isKnown = probe.bytes > 0;

test.skipIf(!isKnown)(
  "what a process has in RAM of its own is found, and nothing else",
  async () => {
    await using s = await setup();

    const privateBytes = privateMemoryBytes(s.pid)!;

    expect(s.bytes).toBeGreaterThan(16 * MIB);
    expect(s.bytes / privateBytes).toBeCloseTo(1, 1);
  },
);

test.skipIf(!isKnown)("its pages are looked at and handed over again, and it goes on", async () => {
  await using s = await setup();
  let times = 0;
  const pageOut = async () => {
    times += 1;
  };

  await freeWritten({ pid: s.pid, ranges: s.ranges, pageOut }, () => false);

  expect(times).toBe(1);
  expect(await s.wake()).toBe(`number ${(16 * MIB) / 128 - 1}`);
});

test("nothing is handed over again once it is cancelled", async () => {
  await using s = await setup();
  const pageOut = () => Promise.reject(new Error("handed over"));

  await freeWritten({ pid: s.pid, ranges: s.ranges, pageOut }, () => true);

  expect(await s.wake()).toStartWith("number");
});

test("the kernel says what of its swap is in RAM too", () => {
  expect(swapCachedBytes()).toBeGreaterThanOrEqual(0);
});
