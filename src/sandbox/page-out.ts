/**
 * Hands the memory of a sleeping process to swap: its private writable mappings, slice by slice, so that it can be
 * broken off between two of them. What is shared, such as the text of Bun, stays: other processes use it.
 *
 * Takes about 2.5 ms of CPU per MiB, all of it in the kernel: never on a thread that has requests to serve. Swap on a disk
 * takes as much again, see `swap-cache.ts`.
 */
import { closeSync, readFileSync } from "node:fs";
import { LibcError, openPidfd, pageOutRange } from "./libc.ts";
import { pageSliceBytesMax, pageTurnMs, swapCachedShareMax } from "./limits.ts";
import { privateMemoryBytes } from "./process-facts.ts";
import { freeWritten, presentRanges, swapCachedBytes } from "./swap-cache.ts";

/** A private writable mapping with memory behind it. Addresses fit into a number: user space ends at 2^47. */
export interface Mapping {
  start: number;
  bytes: number;
  residentBytes: number;
}

export interface PagedOut {
  /** In RAM, the process's own, before and after. Bytes. */
  beforeBytes: number;
  afterBytes: number;
}

/** Those of a text of `/proc/<pid>/smaps` that have something in RAM. Pure. */
export function privateMappings(smaps: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const [, from = "", to = "", kilobytes = "0"] of smaps.matchAll(MAPPING)) {
    const start = Number.parseInt(from, 16);
    const residentBytes = Number(kilobytes) * 1024;
    if (residentBytes > 0) {
      mappings.push({ start, bytes: Number.parseInt(to, 16) - start, residentBytes });
    }
  }
  return mappings;
}

/**
 * Parts of a mapping that are short to work on. One with little in it is a single slice, however large: the kernel steps
 * over what is empty. Pure.
 */
export function* slicesOf({ start, bytes, residentBytes }: Mapping): Generator<[number, number]> {
  if (residentBytes <= pageSliceBytesMax) return yield [start, bytes];
  const end = start + bytes;
  for (let at = start; at < end; ) {
    const next = Math.min(end, at + pageSliceBytesMax - (at % pageSliceBytesMax));
    yield [at, next - at];
    at = next;
  }
}

/**
 * Pages one process out. Gives way to other events of this thread every `pageTurnMs`.
 *
 * @param isCancelled asked before each slice
 * @returns null when the process is gone
 * @throws {LibcError} `EPERM`, `ENOSYS` and others, when the kernel does not let us
 */
export async function pageOut(pid: number, isCancelled: () => boolean): Promise<PagedOut | null> {
  const beforeBytes = privateMemoryBytes(pid);
  if (beforeBytes === null) return null;
  try {
    const descriptor = openPidfd(pid);
    try {
      await pageOutWith(descriptor, pid, beforeBytes, isCancelled);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const { code = "" } = error as { code?: string };
    if (!["ESRCH", "ENOENT"].includes(code)) throw error;
  }
  return { beforeBytes, afterBytes: privateMemoryBytes(pid) ?? 0 };
}

async function pageOutWith(
  descriptor: number,
  pid: number,
  beforeBytes: number,
  isCancelled: () => boolean,
): Promise<void> {
  const mappings = privateMappings(readFileSync(`/proc/${pid}/smaps`, "latin1"));
  const ranges = presentRanges(pid, mappings);
  const cachedBytes = swapCachedBytes();
  await pageOutAll(descriptor, mappings, isCancelled);
  const handedBytes = beforeBytes - (privateMemoryBytes(pid) ?? 0);
  // Swap on a disk: it is written, and still there.
  if (swapCachedBytes() - cachedBytes <= swapCachedShareMax * handedBytes) return;
  await freeWritten(
    { pid, ranges, pageOut: () => pageOutAll(descriptor, mappings, isCancelled) },
    isCancelled,
  );
}

async function pageOutAll(
  descriptor: number,
  mappings: readonly Mapping[],
  isCancelled: () => boolean,
): Promise<void> {
  let turnMs = performance.now();
  for (const mapping of mappings) {
    for (const [start, bytes] of slicesOf(mapping)) {
      if (isCancelled()) return;
      try {
        pageOutRange(descriptor, start, bytes);
      } catch (error) {
        // It is not frozen, or not all of it, and has given this part back meanwhile.
        if (!(error instanceof LibcError) || error.code !== "ENOMEM") throw error;
      }
      if (performance.now() - turnMs < pageTurnMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnMs = performance.now();
    }
  }
}

/** Address range, rights `?w?p`, and the first `Rss` after it. */
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) .w.p [^\n]*\n(?:[A-Z][^\n]*\n)*?Rss:\s+(\d+) kB/gm;
