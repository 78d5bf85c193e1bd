/** What the kernel says about a process, read from /proc. */
import { readFileSync } from "node:fs";

/**
 * Memory that is the process's own: anonymous and shared-anonymous pages, without what it shares with every Bun.
 *
 * @returns bytes, or null when the process is gone.
 */
export function privateMemoryBytes(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return (kilobytes(status, "RssAnon") + kilobytes(status, "RssShmem")) * 1024;
  } catch {
    return null;
  }
}

/**
 * When the process started, in clock ticks since boot: with the pid it names one process for good, since pids are used
 * again.
 *
 * @returns null when the process is gone.
 */
export function processStartTicks(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; the fields after it are numbers.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return null;
  }
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
}
