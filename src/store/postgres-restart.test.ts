import { expect, test } from "bun:test";
import { postgresHealthyMs, postgresRestartMs, postgresRestartMsMax } from "./limits.ts";
import { lastComplaint } from "./postgres-log.ts";
import { failuresAfter, restartDelayMs } from "./postgres-restart.ts";

test("the pause doubles with each failure in a row and stays within its bound", () => {
  const delays = [1, 2, 3, 4, 100].map(restartDelayMs);

  expect(delays).toEqual([
    postgresRestartMs,
    postgresRestartMs * 2,
    postgresRestartMs * 4,
    postgresRestartMs * 8,
    postgresRestartMsMax,
  ]);
});

test("a server that was healthy long enough starts the count anew", () => {
  expect(failuresAfter(7, postgresHealthyMs - 1)).toBe(8);
  expect(failuresAfter(7, postgresHealthyMs)).toBe(1);
});

test("the complaint of a log is its last fatal line without time and pid", () => {
  const lines = [
    '2026-01-01 00:00:00.000 UTC [7] FATAL:  could not open file "a"',
    '2026-01-01 00:00:00.001 UTC [7] PANIC:  could not open file "global/pg_control"',
    "2026-01-01 00:00:00.002 UTC [7] LOG:  database system is shut down",
  ];

  expect(lastComplaint(lines)).toBe('could not open file "global/pg_control"');
  expect(lastComplaint(lines.slice(2))).toBeNull();
});
