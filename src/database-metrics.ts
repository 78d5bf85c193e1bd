/** Families of metrics about branches' databases, as the relay and the server see them; see `metrics.ts`. */
import type { LockWaits } from "./database/lock-watch.ts";
import type { MetricsSource } from "./metrics.ts";
import type { RelayDatabaseFacts } from "./relay/relay-api.ts";
import { labelSet, type MetricFamily, withLabel } from "./telemetry/exposition.ts";
import { LatencyHistogram, shownBoundsMs } from "./telemetry/latency-histogram.ts";

type Family = MetricFamily<MetricsSource>;

/** A branch's database and who waits for locks in it. */
export interface DatabaseUse {
  facts: RelayDatabaseFacts;
  locks: LockWaits;
}

const labels = ["app", "branch"];

/** A family with one sample for each database. */
function perDatabase(
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (use: DatabaseUse) => number,
): Family {
  return {
    name: `levain_database_${name}`,
    type,
    help,
    labels,
    *samples({ databases }) {
      for (const use of databases) yield { labels: labelsOf(use), value: read(use) };
    },
  };
}

const labelsOf = ({ facts: { app, branch } }: DatabaseUse): string => labelSet({ app, branch });

const gauge = (name: string, help: string, read: (use: DatabaseUse) => number) =>
  perDatabase(name, "gauge", help, read);
const counter = (
  name: string,
  help: string,
  key: Exclude<keyof RelayDatabaseFacts["counters"], symbol>,
) => perDatabase(`${name}_total`, "counter", help, ({ facts }) => facts.counters[key]);

const duration: Family = {
  name: "levain_database_query_duration_seconds",
  type: "histogram",
  help: "From what a client sends up to a Query or Sync until the end of its answer.",
  labels,
  *samples({ databases }) {
    for (const use of databases) {
      const latency = new LatencyHistogram();
      latency.addAll(use.facts.latency);
      const own = labelsOf(use);
      let index = 0;
      for (const value of latency.cumulative(shownBoundsMs)) {
        const le = String(shownBoundsMs[index++]! / 1000);
        yield { labels: withLabel(own, "le", le), value, suffix: "_bucket" };
      }
      yield { labels: withLabel(own, "le", "+Inf"), value: latency.count, suffix: "_bucket" };
      yield { labels: own, value: latency.sumMs / 1000, suffix: "_sum" };
      yield { labels: own, value: latency.count, suffix: "_count" };
    }
  },
};

export const databaseFamilies: readonly Family[] = [
  gauge("sessions", "Sessions of clients at the relay.", ({ facts }) => facts.sessions),
  gauge(
    "server_connections",
    "Connections of the relay to PostgreSQL.",
    ({ facts }) => facts.serverConnections,
  ),
  gauge(
    "pinned_sessions",
    "Sessions that keep their server connection, since they have what cannot be made anew.",
    ({ facts }) => facts.pinned,
  ),
  gauge("transactions", "Sessions in a transaction.", ({ facts }) => facts.inTransaction),
  gauge(
    "oldest_transaction_seconds",
    "Age of the oldest open transaction; 0 for none.",
    ({ facts }) => (facts.oldestTransactionMs ?? 0) / 1000,
  ),
  gauge("waiting", "Queries that wait for a server connection.", ({ facts }) => facts.waiting),
  gauge("lock_waits", "Statements that wait for a lock.", ({ locks }) => locks.waiting),
  gauge(
    "lock_wait_seconds",
    "How long the one of them that waits longest has waited; 0 for none.",
    ({ locks }) => locks.longestMs / 1000,
  ),
  counter("queries", "What clients have sent up to a Query or Sync.", "queries"),
  duration,
  counter("errors", "Errors that PostgreSQL answered with.", "errors"),
  counter("relay_errors", "Errors that the relay answered with.", "relayErrors"),
  counter("retries", "Queries that were run again on another connection.", "retries"),
  counter(
    "reconnects",
    "Server connections that sessions got in the place of one that was lost.",
    "reconnects",
  ),
  counter("releases", "Server connections that idle sessions gave back.", "releases"),
  counter(
    "lapsed_waits",
    "Waits for PostgreSQL or a server connection that took too long.",
    "lapsedWaits",
  ),
  counter("slow_statements", "Statements that took longer than slowStatementMs.", "slowStatements"),
  counter(
    "over_budget",
    "Requests of the app that made more queries than queriesPerRequestMax.",
    "overBudget",
  ),
  counter(
    "timeouts",
    "Statements that the relay cancelled, since PostgreSQL did not end them in time.",
    "timeouts",
  ),
  counter(
    "ended_transactions",
    "Transactions that were ended after transactionTimeoutMs.",
    "endedTransactions",
  ),
  counter(
    "refusals",
    "Statements that transaction pooling or the read-only switch does not allow.",
    "refusals",
  ),
  counter("received_bytes", "Bytes from clients.", "bytesFromClients"),
  counter("sent_bytes", "Bytes to clients.", "bytesToClients"),
];
