/** Whether frozen apps can be handed to swap here, and what is in the way when not. Looked at once, at the start. */

import { closeSync } from "node:fs";
import type { ReadText } from "./host-memory.ts";
import { openPidfd, pageOutRange } from "./libc.ts";
import { swapAreas } from "./swap.ts";
import { systemFiles } from "./system-files.ts";

export interface PagingSources {
  read: ReadText;
  /** What `process_madvise` answers about our own process: null, or a symbolic errno. */
  askKernel(): string | null;
}

export interface PagingObstacle {
  kind: "no-swap" | "no-right" | "kernel";
  /** For a person: what is missing. */
  text: string;
}

/** What keeps this node from paging apps out; null when it can. Pure. */
export function pagingObstacle({ read, askKernel }: PagingSources): PagingObstacle | null {
  const errno = askKernel();
  if (errno !== null) {
    return { kind: "kernel", text: `this kernel has no process_madvise for us (${errno})` };
  }
  if (!hasCapability(read("/proc/self/status"), CAP_SYS_NICE)) {
    return { kind: "no-right", text: "this user may not page out other processes (CAP_SYS_NICE)" };
  }
  if (swapAreas(read).length === 0) return { kind: "no-swap", text: "this machine has no swap" };
  return null;
}

/** Asks this machine. */
export function pagingSources(): PagingSources {
  return {
    read: systemFiles.read,
    askKernel() {
      try {
        const descriptor = openPidfd(process.pid);
        try {
          pageOutRange(descriptor, 0, 0);
        } finally {
          closeSync(descriptor);
        }
        return null;
      } catch (error) {
        return (error as { code?: string }).code ?? "unknown";
      }
    },
  };
}

/** Whether this process has a right, by its number in capabilities(7). Pure. */
export function hasCapability(status: string | null, ...capabilities: number[]): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  if (mask === undefined) return false;
  const effective = BigInt(`0x${mask}`);
  return capabilities.every((capability) => (effective & (1n << BigInt(capability))) !== 0n);
}

const CAP_SYS_NICE = 23;
