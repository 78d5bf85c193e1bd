/** When backups are due. */
import { describe, expect, test } from "bun:test";
import { expiredBackups } from "./keep-rule.ts";
import { backupRetryMs, backupRetryMsMax } from "./limits.ts";
import { type BackupHistory, dueAtMs, emptyHistory, isOverdue } from "./schedule.ts";

const hour = 3_600_000;
const day = 24 * hour;
const at = (text: string) => Date.parse(`2026-11-${text}Z`);

function after(startedAtMs: number, more: Partial<BackupHistory> = {}): BackupHistory {
  const lastGood = { id: "x", where: "", startedAtMs, finishedAtMs: startedAtMs, bytes: 1 };
  return { ...emptyHistory(at("01T00:00")), lastGood, ...more };
}

const failed = (atMs: number, failures: number, history: BackupHistory): BackupHistory => ({
  ...history,
  lastFailure: { atMs, code: "BACKUP_FAILED", message: "no" },
  failures,
});

describe("the next backup", () => {
  test("is due at once with an interval and none yet, and an interval after the last good one", () => {
    expect(dueAtMs({ everyMs: hour }, emptyHistory(5))).toBe(5);
    expect(dueAtMs({ everyMs: hour }, after(at("02T10:00")))).toBe(at("02T11:00"));
  });

  test("is due at its time of the day that comes after the last one, or after the schedule was made", () => {
    expect(dueAtMs({ at: "03:30" }, emptyHistory(at("01T03:29")))).toBe(at("01T03:30"));
    expect(dueAtMs({ at: "03:30" }, emptyHistory(at("01T03:30")))).toBe(at("02T03:30"));
    expect(dueAtMs({ at: "03:30" }, after(at("05T03:30:01")))).toBe(at("06T03:30"));
    expect(dueAtMs({ at: "03:30" }, after(at("05T01:00")))).toBe(at("05T03:30"));
  });

  test("waits longer after each failure, up to a bound, and never less than the schedule says", () => {
    const history = after(at("02T10:00"));
    const now = at("02T12:00");

    expect(dueAtMs({ everyMs: hour }, failed(now, 1, history))).toBe(now + backupRetryMs);
    expect(dueAtMs({ everyMs: hour }, failed(now, 2, history))).toBe(now + 2 * backupRetryMs);
    expect(dueAtMs({ everyMs: hour }, failed(now, 50, history))).toBe(now + backupRetryMsMax);
    expect(dueAtMs({ everyMs: day }, failed(now, 1, history))).toBe(at("03T10:00"));
    expect(dueAtMs({}, history)).toBeNull();
  });

  test("is called overdue after one and a half intervals", () => {
    expect(isOverdue({ everyMs: hour }, after(0), 1.4 * hour)).toBe(false);
    expect(isOverdue({ everyMs: hour }, after(0), 1.6 * hour)).toBe(true);
    expect(isOverdue({ at: "03:30" }, emptyHistory(0), 1.6 * day)).toBe(true);
    expect(isOverdue({}, emptyHistory(0), 100 * day)).toBe(false);
  });
});

test("only scheduled backups of the same node make way, the oldest first", () => {
  const own = {
    postgres: { major: 18, systemId: "1", endLsn: "" },
    node: { hostname: "a", dataDir: "/d" },
  };
  const made = (id: string, more: object = {}) => ({
    id,
    trigger: "schedule" as const,
    ...own,
    ...more,
  });
  const all = [
    made("20261101T000000Z-000000"),
    made("20261103T000000Z-000000"),
    made("20261102T000000Z-000000"),
    made("20261001T000000Z-000001", { trigger: "command" }),
    made("20261001T000000Z-000002", { node: { hostname: "b", dataDir: "/d" } }),
    made("20261001T000000Z-000003", { postgres: { major: 18, systemId: "2", endLsn: "" } }),
  ];

  expect(expiredBackups(all, own, 1)).toEqual([
    "20261101T000000Z-000000",
    "20261102T000000Z-000000",
  ]);
  expect(expiredBackups(all, own, 3)).toEqual([]);
});
