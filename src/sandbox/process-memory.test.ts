/** Goal: memory is counted as the kernel does, also of children and of processes that may not be looked into. */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { privateMemoryBytes } from "./process-facts.ts";
import {
  parseRollup,
  parseStatus,
  privateTreeBytes,
  processMemory,
  treeMemory,
} from "./process-memory.ts";

const MiB = 1024 * 1024;
const fixture = `${import.meta.dir}/fixtures/holds-memory.ts`;

/** A process that holds so much, and a child of it that does too. Dispose it. */
async function holding(bytes: number, childBytes = 0) {
  const child = Bun.spawn([process.execPath, fixture, String(bytes), String(childBytes)], {
    stdout: "pipe",
    stdin: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      // Its child ends with its input.
      child.stdin.end();
      await child.exited;
    },
  };
}

test("a process that holds 60 MiB more takes up 60 MiB more", async () => {
  await using small = await holding(0);
  await using large = await holding(60 * MiB);

  const [less, more] = [await processMemory(small.pid), await processMemory(large.pid)];

  const grownBytes = more!.ramBytes - less!.ramBytes;
  expect(grownBytes).toBeGreaterThan(50 * MiB);
  expect(grownBytes).toBeLessThan(75 * MiB);
});

test("a tree's memory has that of children in it", async () => {
  await using parent = await holding(0, 60 * MiB);

  await until(async () => (await treeMemory(parent.pid))!.ramBytes > 60 * MiB);

  expect((await processMemory(parent.pid))!.ramBytes).toBeLessThan(60 * MiB);
  await until(() => privateTreeBytes(parent.pid) > privateMemoryBytes(parent.pid)! + 60 * MiB);
});

test("a process that is gone has no memory", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;

  expect(await processMemory(child.pid)).toBeNull();
  expect(await treeMemory(child.pid)).toBeNull();
  expect(privateTreeBytes(child.pid)).toBe(0);
});

test.skipIf(process.getuid?.() !== 0)(
  "of a process of another user its own memory is known, though not what it shares",
  async () => {
    await using large = await holding(60 * MiB);
    const script = `
      import { processMemory } from ${JSON.stringify(`${import.meta.dir}/process-memory.ts`)};
      process.setgid(65534);
      process.setuid(65534);
      console.log(JSON.stringify(await processMemory(${large.pid})));
    `;

    const other = Bun.spawnSync([process.execPath, "-e", script], { stdout: "pipe" });

    const memory = JSON.parse(other.stdout.toString());
    expect(memory.ramBytes).toBeGreaterThan(55 * MiB);
    expect(memory.ramBytes).toBeLessThan(120 * MiB);
  },
);

describe("texts of the kernel", () => {
  test("shared memory counts by its part, swapped memory at the size it had", () => {
    const text =
      "1000-2000 ---p [rollup]\nRss: 900 kB\nPss:   120 kB\nPss_Anon: 80 kB\nSwap: 64 kB\nSwapPss: 32 kB\n";

    expect(parseRollup(text)).toEqual({ ramBytes: 120 * 1024, swapBytes: 32 * 1024 });
    expect(parseRollup("")).toBeNull();
  });

  test("what everybody may read counts what is the process's own", () => {
    const text =
      "Name:\tbun\nVmRSS:\t 900 kB\nRssAnon:\t 100 kB\nRssFile:\t 790 kB\nRssShmem:\t 10 kB\nVmSwap:\t 5 kB\n";

    expect(parseStatus(text)).toEqual({ ramBytes: 110 * 1024, swapBytes: 5 * 1024 });
    expect(parseStatus("Name:\tzombie\nState:\tZ (zombie)\n")).toBeNull();
  });
});
