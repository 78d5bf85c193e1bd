/** Goal: an app's output arrives whole, and one that floods is slowed. Method: real processes with real pipes. */
import { expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { outputLineCostBytes, outputLinesPerTurnMax } from "./limits.ts";
import type { OutputLine } from "./line-reader.ts";
import { OutputBudget } from "./output-budget.ts";
import { captureOutput } from "./process-output.ts";

const MIB = 1024 * 1024;

function spawn(script: string) {
  const child = Bun.spawn([process.execPath, "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  return {
    child,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

const plenty = () =>
  new OutputBudget(systemClock.nowMs(), { bytesPerSecond: 1000 * MIB, burstBytes: 1000 * MIB });

test("every line of stdout and stderr arrives, in order, with its request", async () => {
  await using process = spawn(`
    for (let index = 0; index < 20000; index++) console.log("line " + index);
    console.error("\\x1ereq-1\\x1foops");
    process.stdout.write("no line feed");
  `);
  const stdout: string[] = [];
  const stderr: OutputLine[] = [];
  const options = { budget: plenty(), clock: systemClock };

  await Promise.all([
    captureOutput(process.child.stdout, { ...options, onLine: ({ text }) => stdout.push(text) }),
    captureOutput(process.child.stderr, { ...options, onLine: (line) => stderr.push(line) }),
  ]);

  expect(stdout).toEqual([
    ...Array.from({ length: 20_000 }, (_, index) => `line ${index}`),
    "no line feed",
  ]);
  expect(stderr).toEqual([{ text: "oops", requestId: "req-1" }]);
});

test("a process that floods stdout waits in its own write, and this one's memory does not grow", async () => {
  await using process_ = spawn(`
    const { writeSync } = require("node:fs");
    const lines = Buffer.from(("x".repeat(1023) + "\\n").repeat(64));
    for (;;) writeSync(1, lines);
  `);
  const budget = new OutputBudget(systemClock.nowMs(), { bytesPerSecond: MIB, burstBytes: MIB });
  const stop = new AbortController();
  let bytes = 0;
  let slowed = 0;
  const memoryBefore = process.memoryUsage().rss;
  const startedAtMs = performance.now();

  const captured = captureOutput(process_.child.stdout, {
    budget,
    clock: systemClock,
    signal: stop.signal,
    onLine: ({ text }) => {
      bytes += text.length + 1;
      // Twice the burst: the second half came at the budget's rate.
      if (bytes > 2 * MIB) stop.abort();
    },
    onSlowed: () => {
      slowed += 1;
    },
  });
  const result = await captured;
  const elapsedMs = performance.now() - startedAtMs;

  expect(slowed).toBe(1);
  expect(result.slowedMs).toBeGreaterThan(0);
  // The burst, what the rate allowed since, and one piece of what a pipe holds.
  expect(result.bytes).toBeLessThan(MIB + (MIB * elapsedMs) / 1000 + MIB);
  expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(64 * MIB);
});

test("a process that is slowed loses nothing", async () => {
  await using process = spawn(
    `for (let index = 0; index < 3000; index++) console.log(String(index).padStart(99));`,
  );
  const budget = new OutputBudget(systemClock.nowMs(), { bytesPerSecond: MIB, burstBytes: 1000 });
  const numbers: number[] = [];

  const result = await captureOutput(process.child.stdout, {
    budget,
    clock: systemClock,
    onLine: ({ text }) => numbers.push(Number(text)),
  });

  expect(result.slowedMs).toBeGreaterThan(0);
  expect(numbers).toEqual(Array.from({ length: 3000 }, (_, index) => index));
});

test("reading a flood leaves the others their turn", async () => {
  await using process_ = spawn(`process.stdout.write("\\n".repeat(500_000))`);
  let lines = 0;
  let linesMax = 0;
  let isDone = false;
  const tick = () => {
    linesMax = Math.max(linesMax, lines);
    lines = 0;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);

  await captureOutput(process_.child.stdout, {
    budget: plenty(),
    clock: systemClock,
    onLine: () => {
      lines += 1;
    },
  });
  isDone = true;

  expect(linesMax).toBeGreaterThan(0);
  expect(linesMax).toBeLessThanOrEqual(2 * outputLinesPerTurnMax);
});

test("lines cost more than their bytes: nothing but line feeds is a flood too", async () => {
  await using process_ = spawn(`process.stdout.write("\\n".repeat(1000))`);
  const budget = new OutputBudget(0, { bytesPerSecond: 1, burstBytes: 1000 * MIB });

  await captureOutput(process_.child.stdout, {
    budget,
    clock: { ...systemClock, nowMs: () => 0 },
    onLine: () => {},
  });
  budget.take(1000 * MIB - 1000 * (1 + outputLineCostBytes), 0);

  expect(budget.waitMs(0)).toBe(1);
});

test("the signal gives up on a pipe that a child of the ended process holds open", async () => {
  await using process_ = spawn(`
    const { spawn } = require("node:child_process");
    const child = spawn("sleep", ["600"], { stdio: ["ignore", "inherit", "ignore"] });
    process.stdout.write(child.pid + "\\nlast words", () => process.exit(0));
  `);
  const lines: string[] = [];
  const stop = new AbortController();
  const firstLine = Promise.withResolvers<void>();
  let hasEnded = false;

  const captured = captureOutput(process_.child.stdout, {
    budget: plenty(),
    clock: systemClock,
    signal: stop.signal,
    onLine: ({ text }) => {
      lines.push(text);
      firstLine.resolve();
    },
  }).finally(() => {
    hasEnded = true;
  });
  await Promise.all([process_.child.exited, firstLine.promise]);
  using _holder = { [Symbol.dispose]: () => process.kill(Number(lines[0]), "SIGKILL") };
  expect(hasEnded).toBe(false);
  stop.abort();
  await captured;

  expect(lines.slice(1)).toEqual(["last words"]);
});

test("a signal that came before the start reads nothing", async () => {
  await using process = spawn(`console.log("unseen")`);
  const lines: string[] = [];

  const result = await captureOutput(process.child.stdout, {
    budget: plenty(),
    clock: systemClock,
    signal: AbortSignal.abort(),
    onLine: ({ text }) => lines.push(text),
  });

  expect({ lines, bytes: result.bytes }).toEqual({ lines: [], bytes: 0 });
});
