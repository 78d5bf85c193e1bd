/** What somebody should look at in branches' databases now, one line each. Pure. */
import { longTransactionMs } from "../relay/limits.ts";
import type { RelayFacts } from "../relay/relay-api.ts";
import { lockWaitReportMs } from "./limits.ts";
import type { LockWaits } from "./lock-watch.ts";

export function databaseAlerts(
  facts: RelayFacts | null,
  locks: ReadonlyMap<string, LockWaits>,
): string[] {
  const alerts: string[] = [];
  for (const { name, oldestTransactionMs, waiting, serverConnections } of facts?.databases ?? []) {
    const lock = locks.get(name);
    if (lock !== undefined && lock.longestMs >= lockWaitReportMs) {
      const statements = `${lock.waiting} statement${lock.waiting === 1 ? " waits" : "s wait"}`;
      alerts.push(`${name}: ${statements} for a lock, the longest for ${seconds(lock.longestMs)}`);
    }
    if (oldestTransactionMs !== null && oldestTransactionMs >= longTransactionMs) {
      alerts.push(`${name}: a transaction has been open for ${seconds(oldestTransactionMs)}`);
    }
    if (waiting > 0) {
      alerts.push(`${name}: ${waiting} waiting for one of ${serverConnections} connections`);
    }
  }
  return alerts;
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
