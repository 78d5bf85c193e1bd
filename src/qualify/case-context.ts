/**
 * What a case has to work with, inside the process that runs it.
 *
 * Imports nothing, as all that a case is made of: it runs on the Bun that is being tested, which may be older than the
 * one Levain needs.
 */

/** A number that a case has found, for the table and for comparing runtimes. */
export interface Measure {
  name: string;
  value: number;
  /** `MiB`, `ms`, `count`, `MiB/step` or nothing. */
  unit: string;
}

export interface CaseContext {
  /** Less of everything, for a first look. */
  isQuick: boolean;
  /** Address of the other side, which runs in a process of its own on the node's Bun; empty when the case needs none. */
  peer: string;
  /** Notes a number. */
  measure(name: string, value: number, unit: string): void;
}

/** The case cannot be tried here. Thrown by the default export of a case's module, which throws anything else as a failure. */
export class SkipCase extends Error {
  override readonly name = "SkipCase";
}

/** What a case process leaves in the file that it was given. */
export interface CaseOutcome {
  status: "pass" | "fail" | "skip";
  /** Why, unless it passed. */
  reason: string | null;
  measures: Measure[];
}

const mebibyte = 1024 * 1024;

/** What was claimed of the runtime does not hold: the words say all there is to say. */
export class CaseFailed extends Error {
  override readonly name = "CaseFailed";
}

/** @throws {CaseFailed} with these words when it does not hold */
export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new CaseFailed(otherwise);
}

/** Memory of this process in MiB, after everything that can be collected was. */
export async function settledMemory(): Promise<{ rss: number; heap: number }> {
  for (let round = 0; round < 3; round++) {
    Bun.gc(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return memoryNow();
}

function memoryNow(): { rss: number; heap: number } {
  const { rss, heapUsed } = process.memoryUsage();
  return { rss: rss / mebibyte, heap: heapUsed / mebibyte };
}

export interface GrowthBounds {
  /** Steps that are made. Count. */
  steps: number;
  /** Those that do not count, until everything has its usual size. Count. */
  warmUpSteps: number;
  /** What is native may be so much more than at the end of the warm-up. MiB. */
  growthMaxMib: number;
  /** So much may be added by each step in the second half. MiB. */
  slopeMaxMib: number;
}

/**
 * Repeats a step and watches what the process holds beside the JS heap, with everything collected after each step. Stops
 * as soon as it is too much: a leak need not be waited for.
 */
export async function watchGrowth(
  context: CaseContext,
  { steps, warmUpSteps, growthMaxMib, slopeMaxMib }: GrowthBounds,
  step: (index: number) => Promise<void>,
): Promise<void> {
  let base = 0;
  const native: number[] = [];
  for (let index = 0; index < steps + warmUpSteps; index++) {
    await step(index);
    Bun.gc(true);
    const { rss, heap } = memoryNow();
    if (index === warmUpSteps) base = rss - heap;
    if (index < warmUpSteps) continue;
    native.push(rss - heap - base);
    if (native.at(-1)! > growthMaxMib) break;
  }
  const { rss, heap } = await settledMemory();
  const growth = Math.min(rss - heap - base, Math.max(...native));
  const slope = slopeOf(native.slice(Math.floor(native.length / 2)));
  context.measure("native growth", growth, "MiB");
  context.measure("slope", slope, "MiB/step");
  context.measure("JS heap", heap, "MiB");
  context.measure("steps", native.length, "count");
  must(
    growth <= growthMaxMib,
    `memory outside of the JS heap grew by ${growth.toFixed(0)} MiB in ${native.length} steps, at most ${growthMaxMib}`,
  );
  must(
    slope <= slopeMaxMib || growth < slopeMaxMib * 8,
    `memory outside of the JS heap grows by ${slope.toFixed(2)} MiB with each step, at most ${slopeMaxMib} (${growth.toFixed(0)} MiB so far)`,
  );
}

/** Of a line through the values that is as near as can be, per value. Pure. */
export function slopeOf(values: readonly number[]): number {
  const count = values.length;
  if (count < 2) return 0;
  const middle = (count - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  let above = 0;
  let below = 0;
  for (const [at, value] of values.entries()) {
    above += (at - middle) * (value - mean);
    below += (at - middle) ** 2;
  }
  return above / below;
}

/** Rejects when it takes longer. Milliseconds. */
export async function within<Value>(
  timeoutMs: number,
  what: string,
  work: Promise<Value>,
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until it is so. Milliseconds. */
export async function becomes(
  timeoutMs: number,
  what: string,
  claim: () => boolean | Promise<boolean>,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await claim())) {
    must(performance.now() < endMs, `${what}: not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Asks the peer to do something to us, and how that went. */
export async function askPeer<Answer>(
  { peer }: CaseContext,
  path: string,
  asked: object = {},
): Promise<Answer> {
  const response = await fetch(`${peer}${path}`, { method: "POST", body: JSON.stringify(asked) });
  must(response.ok, `the other side: ${response.status} ${await response.clone().text()}`);
  return (await response.json()) as Answer;
}
