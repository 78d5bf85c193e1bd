/** What can be seen of the memory that instances take: sums by their state. Looking measures nothing. */
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
