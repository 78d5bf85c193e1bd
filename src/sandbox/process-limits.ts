/** What the kernel holds one process to, as it says itself; proc_pid_limits(5). */
import { readFileSync } from "node:fs";

export interface ProcessLimit {
  /** The kernel's own word, such as `open files`. */
  name: string;
  /** Null: any. */
  soft: number | null;
  /** To what the process may raise the soft one; null: any. */
  hard: number | null;
  /** `bytes`, `files`, `processes` …; empty for a bare number. */
  unit: string;
}

/** Null when the process is gone. */
export function processLimits(pid: number): ProcessLimit[] | null {
  try {
    return parseLimits(readFileSync(`/proc/${pid}/limits`, "latin1"));
  } catch {
    return null;
  }
}

/** Lines that are no limits are left out. */
export function parseLimits(text: string): ProcessLimit[] {
  return text.split("\n").flatMap((line) => {
    const [, name, soft, hard, unit] =
      /^Max (.+?) +(\d+|unlimited) +(\d+|unlimited) *(\w*) *$/.exec(line) ?? [];
    if (name === undefined || soft === undefined || hard === undefined) return [];
    return [{ name, soft: boundOf(soft), hard: boundOf(hard), unit: unit ?? "" }];
  });
}

function boundOf(text: string): number | null {
  return text === "unlimited" ? null : Number(text);
}
