/**
 * Frees what the kernel keeps of a process that was handed to swap on a disk.
 *
 * zram has a page as soon as the kernel has handed it over, and the page is free. A disk has it some milliseconds later,
 * when nobody is there any more to free it: it stays in the swap cache, which counts as used memory until something needs
 * the room. So, when the disk has them, the pages are looked at, which takes them from the cache and reads no disk, and
 * handed over once more: since nothing has changed in them they are free at once, and nothing is written.
 *
 * Only pages that were in RAM before the first time are looked at. Those that an earlier sleep has left on the disk would be
 * read from it.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { LibcError, ownPages, pageBytes, touchedMax, touchPages } from "./libc.ts";
import { pageTurnMs, writtenLookMs, writtenRoundsMax, writtenWaitMsMax } from "./limits.ts";
import { privateMemoryBytes } from "./process-facts.ts";

/** Start and end of a part of a process's memory. */
type Range = readonly [number, number];

/** What was handed over. */
export interface Written {
  pid: number;
  /** What was in RAM before; see `presentRanges`. */
  ranges: readonly Range[];
  /** Hands over what is in RAM. */
  pageOut(): Promise<void>;
}

/** What a process has in RAM of its own in these mappings. None where the kernel does not say, before Linux 6.7. */
export function presentRanges(
  pid: number,
  mappings: readonly { start: number; bytes: number }[],
): Range[] {
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  try {
    return mappings.flatMap(({ start, bytes }) => ownPages(pagemap, start, start + bytes));
  } catch (error) {
    if (error instanceof LibcError) return [];
    throw error;
  } finally {
    closeSync(pagemap);
  }
}

/** Pages of all processes that swap has and RAM too. Bytes. */
export function swapCachedBytes(): number {
  return memoryFact("SwapCached");
}

/**
 * Waits until the disk has what was handed over, and frees it. The process has to stand still.
 *
 * @param isCancelled asked again and again; what is in RAM then stays there
 * @throws {LibcError} when the kernel does not let us, or the process is gone
 */
export async function freeWritten(
  { pid, ranges, pageOut }: Written,
  isCancelled: () => boolean,
): Promise<void> {
  if (ranges.length === 0) return;
  const leastBytes = privateMemoryBytes(pid) ?? 0;
  await written(isCancelled);
  await touchAll(pid, ranges, isCancelled);
  for (let round = 0; round < writtenRoundsMax && !isCancelled(); round++) {
    await pageOut();
    const bytes = privateMemoryBytes(pid) ?? 0;
    if (bytes <= 2 * leastBytes) return;
    // What was on its way to the disk is not free.
    await written(isCancelled);
  }
}

async function touchAll(
  pid: number,
  ranges: readonly Range[],
  isCancelled: () => boolean,
): Promise<void> {
  const size = pageBytes();
  let turnMs = performance.now();
  for (const [start, end] of ranges) {
    for (let at = start; at < end; at += touchedMax * size) {
      if (isCancelled()) return;
      touchPages(pid, at, Math.min(end - at, touchedMax * size), size);
      if (performance.now() - turnMs < pageTurnMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnMs = performance.now();
    }
  }
}

/** Resolves when nothing is being written, or the time is over: others write too. */
async function written(isCancelled: () => boolean): Promise<void> {
  const endMs = performance.now() + writtenWaitMsMax;
  do await Bun.sleep(writtenLookMs);
  while (!isCancelled() && performance.now() < endMs && memoryFact("Writeback") > 0);
}

/** A line of /proc/meminfo. Bytes. */
function memoryFact(name: string): number {
  const text = readFileSync("/proc/meminfo", "latin1");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) * 1024;
}
