/** What follows from how much a database is used and how large it is. Pure. */
import { PRODUCTION_BRANCH } from "../base/production-branch.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import { databaseRoomShare } from "./limits.ts";

/** Whether it is beyond its bound. It takes writes again only when it is well below. */
export function isOverNow({ spec, isOver }: StoredDatabase, bytes: number): boolean {
  if (spec.bytesMax === 0) return false;
  return bytes > spec.bytesMax * (isOver ? databaseRoomShare : 1);
}

/** Whether nobody used it for so long that it is to go. Production stays. */
export function isExpired(
  { branch, spec, serverDatabase, usedAtMs }: StoredDatabase,
  nowMs: number,
): boolean {
  if (branch === PRODUCTION_BRANCH || serverDatabase === null || spec.ttlMs === 0) return false;
  return nowMs - usedAtMs > spec.ttlMs;
}

/** `7 days`, `90 minutes`, for people. */
export function showAge(ms: number): string {
  const of = (count: number, unit: string) => `${count} ${unit}${count === 1 ? "" : "s"}`;
  if (ms >= 2 * 86_400_000) return of(Math.round(ms / 86_400_000), "day");
  if (ms >= 2 * 3_600_000) return of(Math.round(ms / 3_600_000), "hour");
  if (ms >= 2 * 60_000) return of(Math.round(ms / 60_000), "minute");
  return of(Math.round(ms / 1000), "second");
}
