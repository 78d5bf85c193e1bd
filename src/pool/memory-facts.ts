/** What can be seen of the memory that instances take: sums by their state. Looking measures nothing. */
import type { HostMemory } from "../sandbox/host-memory.ts";
import type { MemoryShare } from "./memory-room.ts";

export interface AppsMemory {
  /** Of those that start, run or end. Bytes in RAM. */
  warmBytes: number;
  frozenBytes: number;
  /** What is left in RAM of those that are paged. */
  pagedBytes: number;
  /** Moved out to swap, of all; as large as it was in RAM. Bytes. */
  swapBytes: number;
}

export function appsMemory(shares: Iterable<MemoryShare>): AppsMemory {
  const sums: AppsMemory = { warmBytes: 0, frozenBytes: 0, pagedBytes: 0, swapBytes: 0 };
  for (const { holder, ramBytes, memory } of shares) {
    const { state = "starting" } = holder ?? {};
    if (state === "frozen") sums.frozenBytes += ramBytes;
    else if (state === "paged") sums.pagedBytes += ramBytes;
    else sums.warmBytes += ramBytes;
    sums.swapBytes += memory?.swapBytes ?? 0;
  }
  return sums;
}

/**
 * RAM that the compressed pages of so much swapped memory take: zram holds those of the whole machine, and they count for
 * whose they are. Bytes.
 */
export function zramPart(host: HostMemory, swapBytes: number): number {
  const usedBytes = host.swapTotalBytes - host.swapFreeBytes;
  return usedBytes <= 0 ? 0 : host.zramBytes * Math.min(1, swapBytes / usedBytes);
}
