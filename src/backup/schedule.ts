/** When the next backup is due, and when the last one is too old. Pure; times are wall-clock milliseconds. */
import { z } from "zod";
import { backupRetryMs, backupRetryMsMax, overdueFactor } from "./limits.ts";

const dayMs = 86_400_000;

/** One of both, or none: then nothing is due. */
export interface Schedule {
  /** After the last good one was begun. Milliseconds. */
  everyMs?: number | undefined;
  /** Each day, `03:30`, UTC. */
  at?: string | undefined;
}

/** What is known of earlier ones; in `backups.json` of the data directory. */
export const backupHistory = z.object({
  /** When the schedule was first seen: what was due before is nobody's debt. */
  sinceMs: z.number(),
  lastGood: z
    .object({
      id: z.string(),
      where: z.string(),
      startedAtMs: z.number(),
      finishedAtMs: z.number(),
      bytes: z.number(),
    })
    .nullable(),
  lastFailure: z.object({ atMs: z.number(), code: z.string(), message: z.string() }).nullable(),
  /** In a row. Count. */
  failures: z.int().min(0),
});
export type BackupHistory = z.infer<typeof backupHistory>;

export function emptyHistory(nowMs: number): BackupHistory {
  return { sinceMs: nowMs, lastGood: null, lastFailure: null, failures: 0 };
}

/** Null without a schedule. A time that is over is due now: a node that was away makes up for it, once. */
export function dueAtMs({ everyMs, at }: Schedule, history: BackupHistory): number | null {
  const { lastGood, lastFailure, failures, sinceMs } = history;
  const plannedMs =
    everyMs !== undefined
      ? lastGood === null
        ? sinceMs
        : lastGood.startedAtMs + everyMs
      : at !== undefined
        ? nextAtMs(at, lastGood?.startedAtMs ?? sinceMs)
        : null;
  if (plannedMs === null || lastFailure === null || failures === 0) return plannedMs;
  const pauseMs = Math.min(backupRetryMs * 2 ** (failures - 1), backupRetryMsMax);
  return Math.max(plannedMs, lastFailure.atMs + pauseMs);
}

export function isOverdue(schedule: Schedule, history: BackupHistory, nowMs: number): boolean {
  const { everyMs, at } = schedule;
  const intervalMs = everyMs ?? (at === undefined ? null : dayMs);
  if (intervalMs === null) return false;
  const lastMs = history.lastGood?.startedAtMs ?? history.sinceMs;
  return nowMs - lastMs > intervalMs * overdueFactor;
}

/** The first such time of day after a moment. */
function nextAtMs(at: string, afterMs: number): number {
  const [hours = 0, minutes = 0] = at.split(":").map(Number);
  const midnightMs = Math.floor(afterMs / dayMs) * dayMs;
  const sameDayMs = midnightMs + (hours * 60 + minutes) * 60_000;
  return sameDayMs > afterMs ? sameDayMs : sameDayMs + dayMs;
}
