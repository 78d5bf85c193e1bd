/**
 * What `GET /metrics` on the admin port shows, as one list of families. To show something more, add a row to the list of
 * its part: a function that yields samples. `docs/operating.md` has a table of them, which a test compares.
 *
 * Labels are the app and its version, and a state or a code of a fixed set: as many series as versions that this node has
 * had to do with, whatever is asked of it.
 */
import { setImmediate } from "node:timers/promises";
import { BROKER_FAMILIES } from "./broker/broker-metrics.ts";
import type { BrokerStatus } from "./broker/status-api.ts";
import type { NodeStatus } from "./control/api.ts";
import { type DatabaseUse, databaseFamilies } from "./database-metrics.ts";
import type { Lane } from "./lane.ts";
import { memoryFamilies } from "./memory-metrics.ts";
import type { PoolFacts } from "./pool/pool-facts.ts";
import { labelSet, type MetricFamily, renderFamily, withLabel } from "./telemetry/exposition.ts";
import { single } from "./telemetry/metric-kinds.ts";
import type { Traffic } from "./telemetry/traffic.ts";
import { trafficFamilies, unroutedFamily } from "./traffic-metrics.ts";

/** A version that was asked for or ran. */
export interface VersionSource {
  labels: string;
  facts: PoolFacts;
  traffic: Traffic;
}

/** What a node's samples are taken from. */
export interface MetricsSource {
  status: NodeStatus;
  lane: Lane;
  /** Requests to the admin API with a token that is not right. Count. */
  wrongTokens: number;
  versions: readonly VersionSource[];
  databases: readonly DatabaseUse[];
  /** Null: the node has none. */
  broker: BrokerStatus | null;
  /** CPU time of the node's own process. Microseconds. */
  cpu: { user: number; system: number };
}

type Family = MetricFamily<MetricsSource>;

const version = ["app", "version"];
const states = ["starting", "warm", "frozen", "paged", "retired", "going"] as const;

/** A family with a sample for each version. */
function perVersion(
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (facts: PoolFacts) => number,
): Family {
  return {
    name,
    type,
    help,
    labels: version,
    *samples({ versions }) {
      for (const { labels, facts } of versions) yield { labels, value: read(facts) };
    },
  };
}

const versionFamilies: readonly Family[] = [
  ...trafficFamilies,
  perVersion(
    "levain_admitted_total",
    "counter",
    "Requests that were given to an instance.",
    ({ requests }) => requests,
  ),
  perVersion(
    "levain_requests_in_flight",
    "gauge",
    "Requests, streams and WebSockets that are open.",
    ({ requestsInFlight }) => requestsInFlight,
  ),
  perVersion(
    "levain_requests_held",
    "gauge",
    "Requests that wait for an instance or for their turn.",
    ({ requestsHeld }) => requestsHeld,
  ),
  perVersion(
    "levain_hits_total",
    "counter",
    "Requests that found an instance, warm or frozen, and were not refused.",
    ({ hits }) => hits,
  ),
  perVersion(
    "levain_misses_total",
    "counter",
    "Requests that found no instance, and waited for one.",
    ({ misses }) => misses,
  ),
  perVersion(
    "levain_holds_total",
    "counter",
    "Requests that had to wait for an instance or for their turn.",
    ({ holds }) => holds,
  ),
  {
    name: "levain_refusals_total",
    type: "counter",
    help: "Requests that were turned away before an instance had them, by the code they were told.",
    labels: [...version, "code"],
    *samples({ versions }) {
      for (const { labels, facts } of versions) {
        for (const [code, value] of Object.entries(facts.refusals)) {
          yield { labels: withLabel(labels, "code", code), value };
        }
      }
    },
  },
  perVersion(
    "levain_starts_total",
    "counter",
    "Processes that were started, or tried to.",
    ({ starts }) => starts,
  ),
  perVersion(
    "levain_failures_total",
    "counter",
    "Starts that failed, and crashes.",
    ({ failures }) => failures,
  ),
  perVersion(
    "levain_evictions_total",
    "counter",
    "Idle instances that made way for another one.",
    ({ evictions }) => evictions,
  ),
  perVersion(
    "levain_recycles_total",
    "counter",
    "Instances that were replaced after limits.requestsMax requests.",
    ({ recycles }) => recycles,
  ),
  perVersion(
    "levain_holders",
    "gauge",
    "What apps have open that keeps them awake beside requests: waitUntil work, keepAwake.",
    ({ processes }) => processes.reduce((sum, { holdersOpen }) => sum + holdersOpen, 0),
  ),
  {
    name: "levain_instances",
    type: "gauge",
    help: "Instances by state.",
    labels: [...version, "state"],
    *samples({ versions }) {
      for (const { labels, facts } of versions) {
        for (const state of states) {
          const value = facts.processes.filter((one) => one.state === state).length;
          yield { labels: withLabel(labels, "state", state), value };
        }
      }
    },
  },
  perVersion(
    "levain_memory_bytes",
    "gauge",
    "Memory of the version's processes together in RAM, with its part of what processes share.",
    ({ memoryBytes }) => memoryBytes ?? 0,
  ),
  perVersion(
    "levain_swap_bytes",
    "gauge",
    "Memory of the version's processes that was moved out to swap.",
    ({ swapBytes }) => swapBytes,
  ),
];

const nodeFamilies: readonly Family[] = [
  {
    name: "levain_build_info",
    type: "gauge",
    help: "Always 1; the releases are in the labels.",
    labels: ["release", "bun"],
    *samples({ status }) {
      yield { labels: labelSet({ release: status.version, bun: status.bun }), value: 1 };
    },
  },
  single("levain_apps", "gauge", "Apps that are deployed.", ({ status }) => status.apps),
  single(
    "levain_places",
    "gauge",
    "Instances that may run at once (instancesMax).",
    ({ status }) => status.instancesMax,
  ),
  single(
    "levain_places_taken",
    "gauge",
    "Instances that run, frozen ones included.",
    ({ lane }) => lane.pools.places.taken,
  ),
  single(
    "levain_places_awaited",
    "gauge",
    "Starts that wait until an instance makes way.",
    ({ lane }) => lane.pools.places.waiting,
  ),
  single(
    "levain_store_ready",
    "gauge",
    "1 while PostgreSQL can be reached, else 0. Traffic does not depend on it.",
    ({ status }) => (status.store.state === "ready" ? 1 : 0),
  ),
  single(
    "levain_backup_last_timestamp_seconds",
    "gauge",
    "When the last good backup was begun, in seconds since 1970; 0: there was none.",
    ({ status }) => (status.backups.lastGood?.startedAtMs ?? 0) / 1000,
  ),
  single(
    "levain_backup_failed",
    "gauge",
    "1 while the last try to make a backup has failed, or one is overdue, else 0.",
    ({ status: { backups } }) => (backups.lastFailure !== null || backups.isOverdue ? 1 : 0),
  ),
  single(
    "process_start_time_seconds",
    "gauge",
    "When the node started, in seconds since 1970.",
    ({ status }) => status.startedAtMs / 1000,
  ),
  single(
    "process_cpu_seconds_total",
    "counter",
    "CPU time of the node's own process, in seconds.",
    ({ cpu }) => (cpu.user + cpu.system) / 1e6,
  ),
  single(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory of the node's own process.",
    ({ status }) => status.memoryBytes,
  ),
  single(
    "levain_admin_wrong_tokens_total",
    "counter",
    "Requests to the admin API with a token that is not right.",
    ({ wrongTokens }) => wrongTokens,
  ),
];

const edgeFamilies: readonly Family[] = [
  single(
    "levain_edge_connections",
    "gauge",
    "Client connections that are open.",
    ({ lane }) => lane.edge.counters.connections,
  ),
  single(
    "levain_edge_requests_total",
    "counter",
    "Requests that were read, also those that no app answers to.",
    ({ lane }) => lane.edge.counters.requests,
  ),
  single(
    "levain_edge_verdicts_total",
    "counter",
    "Answers of the platform's own with a status from 500 up.",
    ({ lane }) => lane.edge.counters.verdicts,
  ),
  unroutedFamily,
];

/** Those of a broker, which a node without one has no samples of. */
const brokerFamilies: readonly Family[] = BROKER_FAMILIES.map((family) => ({
  ...family,
  samples: ({ broker }) => (broker === null ? [] : family.samples(broker)),
}));

/** Everything that is shown, in its order. */
export const METRIC_FAMILIES: readonly Family[] = [
  ...nodeFamilies,
  ...memoryFamilies,
  ...edgeFamilies,
  ...versionFamilies,
  ...databaseFamilies,
  ...brokerFamilies,
];

/** What does not come from the lane. */
export interface OtherSources {
  wrongTokens?: number;
  /** Never throws: without an answer there are none. */
  databasesUse?: () => Promise<readonly DatabaseUse[]>;
  broker?: BrokerStatus | null;
}

/** Versions that are looked at in one turn; a look at a process reads a file of /proc. Count. */
const versionsPerTurn = 50;

/** The families one after the other, as text in pieces. Requests are served between them: a scrape of thousands of apps holds up nobody. */
export async function* nodeMetrics(
  lane: Lane,
  status: NodeStatus,
  nowMs: number,
  { wrongTokens = 0, databasesUse = async () => [], broker = null }: OtherSources = {},
): AsyncGenerator<string> {
  const versions: VersionSource[] = [];
  let looked = 0;
  for (const pool of [...lane.pools.all()]) {
    const { traffic, counters } = pool;
    const { hits, misses, starts } = counters;
    if (hits + misses + starts + traffic.answers.total === 0) continue;
    const { app, number } = pool.spec;
    const labels = labelSet({ app, version: `v${number}` });
    versions.push({ labels, facts: pool.facts(nowMs), traffic });
    looked += 1;
    if (looked % versionsPerTurn === 0) await setImmediate();
  }
  const databases = await databasesUse();
  const cpu = process.cpuUsage();
  const source = { status, lane, wrongTokens, versions, databases, broker, cpu };
  for (const family of METRIC_FAMILIES) {
    for (const piece of renderFamily(family, source)) {
      yield piece;
      await setImmediate();
    }
  }
}
