/** What the relay and the server see of a branch's database, as the admin API says it. Pure. */
import type { RelayFacts } from "../database/connections.ts";
import type { LockWaits } from "../database/lock-watch.ts";
import { LatencyHistogram } from "../telemetry/latency-histogram.ts";
import type { DatabaseInfo } from "./api.ts";

export function useOf(
  facts: RelayFacts["databases"][number],
  locks: LockWaits | undefined,
): NonNullable<DatabaseInfo["use"]> {
  const { sessions, serverConnections, pinned, inTransaction, waiting, oldestTransactionMs } =
    facts;
  const { bytesFromClients, bytesToClients, ...counters } = facts.counters;
  const latency = new LatencyHistogram();
  latency.addAll(facts.latency);
  return {
    sessions,
    serverConnections,
    pinned,
    inTransaction,
    oldestTransactionMs,
    waiting,
    lockWaits: locks?.waiting ?? 0,
    longestLockWaitMs: locks?.longestMs ?? null,
    p50Ms: latency.quantileMs(0.5),
    p99Ms: latency.quantileMs(0.99),
    ...counters,
    receivedBytes: bytesFromClients,
    sentBytes: bytesToClients,
  };
}
