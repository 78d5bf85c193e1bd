/**
 * How much memory a process takes up, as the kernel counts it in `smaps_rollup`: what it shares is divided among those
 * that share it, so that the sum over processes is what they take together.
 *
 * A look walks the page tables: half a millisecond for a small Bun. Ask for it in turns, never for each request.
 */
import { readFile } from "node:fs/promises";
import { processesPerLookMax } from "./limits.ts";
import { childrenOf, privateMemoryBytes } from "./process-facts.ts";

export interface ProcessMemory {
  /** In RAM: its own, and its part of what it shares. Bytes. */
  ramBytes: number;
  /** Moved out to swap, as large as it was in RAM. Bytes. */
  swapBytes: number;
}

/**
 * Memory of one process; does not hold up the event loop. Where the kernel keeps `smaps_rollup` from this user, what is
 * the process's own alone: shared pages are left out then.
 *
 * @returns null when the process is gone
 */
export async function processMemory(pid: number): Promise<ProcessMemory | null> {
  try {
    return parseRollup(await readFile(`/proc/${pid}/smaps_rollup`, "latin1"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EACCES" && code !== "EPERM") return null;
  }
  try {
    return parseStatus(await readFile(`/proc/${pid}/status`, "latin1"));
  } catch {
    return null;
  }
}

/**
 * Memory of a process and of all that descend from it, of which so many are looked at as `processesPerLookMax` says.
 *
 * @returns null when the process is gone
 */
export async function treeMemory(pid: number): Promise<ProcessMemory | null> {
  const sum = await processMemory(pid);
  if (sum === null) return null;
  for (const child of treeOf(pid).slice(1)) {
    const memory = await processMemory(child);
    sum.ramBytes += memory?.ramBytes ?? 0;
    sum.swapBytes += memory?.swapBytes ?? 0;
  }
  return sum;
}

/** The memory in RAM that is a process's own alone, and that of all that descend from it, as many as above. Bytes. */
export function privateTreeBytes(pid: number): number {
  return treeOf(pid).reduce((sum, one) => sum + (privateMemoryBytes(one) ?? 0), 0);
}

/** A process, and all that descend from it, of which so many are looked at. */
function treeOf(pid: number): number[] {
  const pids = [pid];
  for (let at = 0; at < pids.length && pids.length < processesPerLookMax; at += 1) {
    pids.push(...childrenOf(pids[at]!));
  }
  return pids.slice(0, processesPerLookMax);
}

/** The text of `/proc/<pid>/smaps_rollup`. Pure. */
export function parseRollup(text: string): ProcessMemory | null {
  // A process that is about to be gone has an empty one.
  const ramBytes = bytesOf(text, "Pss");
  if (ramBytes === null) return null;
  return { ramBytes, swapBytes: bytesOf(text, "SwapPss") ?? bytesOf(text, "Swap") ?? 0 };
}

/** The text of `/proc/<pid>/status`, which every user may read. Pure. */
export function parseStatus(text: string): ProcessMemory | null {
  const anonymousBytes = bytesOf(text, "RssAnon");
  if (anonymousBytes === null) return null;
  const ramBytes = anonymousBytes + (bytesOf(text, "RssShmem") ?? 0);
  return { ramBytes, swapBytes: bytesOf(text, "VmSwap") ?? 0 };
}

function bytesOf(text: string, name: string): number | null {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
