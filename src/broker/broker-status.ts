/** A broker's facts, gathered from its parts. */
import type { Clock } from "../base/clock.ts";
import { shownBoundsMs } from "../telemetry/latency-histogram.ts";
import type { BrokerConfig } from "./broker-config.ts";
import type { BrokerCounters, BrokerFacts, KeyFacts } from "./broker-facts.ts";
import { partsOfKey } from "./key-parts.ts";
import { recentMinutes } from "./limits.ts";
import type { ServerFacts } from "./server-api.ts";
import type { BrokerStatus } from "./status-api.ts";
import type { CordonFacts, MembershipFacts, TokenFacts } from "./trust-api.ts";

/** What each part says of itself. */
export interface StatusSource {
  config: BrokerConfig;
  version: string;
  startedAtMs: number;
  ports: { port: number; dispatchPort: number };
  core: BrokerFacts;
  /** Those with the most waiters, most first. */
  topKeys: readonly KeyFacts[];
  server: ServerFacts;
  tokens: TokenFacts;
  cordon: CordonFacts;
  membership: MembershipFacts;
  recent: BrokerStatus["recent"];
  logLinesDropped: number;
}

export function statusOf(source: StatusSource): BrokerStatus {
  const { config, version, startedAtMs, ports, core, server, tokens, membership } = source;
  const { counters } = core;
  const { claimLatency } = counters;
  const { user, system } = process.cpuUsage();
  return {
    version,
    bun: Bun.version,
    pid: process.pid,
    startedAtMs,
    ...ports,
    isOn: core.isOn,
    isDraining: core.isDraining,
    epoch: core.epoch,
    dispatches: {
      total: counters.dispatches,
      direct: counters.direct,
      claimed: counters.claimed,
      misses: { ...counters.misses },
      repeated: counters.repeated,
      cancelled: counters.cancelled,
      held: counters.held,
      pending: core.pending,
      offered: core.offered,
      waiting: core.held,
    },
    recent: source.recent,
    offers: {
      made: counters.offers,
      lapsed: counters.lapses,
      lateClaims: counters.lateClaims,
      claim: {
        count: claimLatency.count,
        sumMs: claimLatency.sumMs,
        p50Ms: claimLatency.quantileMs(0.5),
        p99Ms: claimLatency.quantileMs(0.99),
        buckets: [...claimLatency.cumulative(shownBoundsMs)],
      },
    },
    deliveries: {
      nacks: counters.nacks,
      confirmed: counters.confirmed,
      redeliveries: counters.redeliveries,
      lost: counters.redeliveriesFailed,
    },
    waiters: {
      parked: core.parked,
      max: config.waitersMax,
      doubtful: core.doubtful,
      cordoned: core.cordoned,
      spent: core.spent,
      keys: core.keys,
      missed: counters.missedKey === null ? null : partsOfKey(counters.missedKey),
      top: source.topKeys.map(({ key, waiters }) => ({ ...partsOfKey(key), waiters })),
    },
    polls: {
      total: counters.polls,
      connects: counters.connects,
      dismissed: { ...counters.dismissed },
      closed: { ...counters.closed },
      moved: counters.moved,
      tokens: { ...tokens.byClass },
      refused: server.refused,
    },
    cordon: {
      machines: source.cordon.cordoned,
      failures: source.cordon.failures,
      dropped: source.cordon.dropped,
      ageMs: source.cordon.ageMs,
    },
    members: {
      list: membership.members.map(({ url, isSelf, isHealthy }) => ({ url, isSelf, isHealthy })),
      epoch: membership.epoch,
      changes: membership.changes,
      redirected: server.redirected,
      landed: membership.landed,
      disagreed: membership.disagreed,
      checkFailures: membership.checkFailures,
      resolveFailures: membership.resolveFailures,
    },
    server: {
      connections: server.connections,
      accepted: server.accepted,
      turnedAway: server.turnedAway,
      requests: server.requests,
      malformed: server.malformed,
      unauthorized: server.unauthorized,
      tooSlow: server.tooSlow,
      lost: server.lost,
    },
    memory: {
      residentBytes: process.memoryUsage.rss(),
      retainedBytes: core.retainedBytes,
      bodyBytes: server.bodyBytes,
      verdicts: core.verdicts,
    },
    cpuSeconds: (user + system) / 1e6,
    logLinesDropped: source.logLinesDropped,
  };
}

/** Hits and misses since the start. */
function outcomesOf({ direct, claimed, misses }: Readonly<BrokerCounters>) {
  return {
    hits: direct + claimed,
    misses: Object.values(misses).reduce((sum, count) => sum + count, 0),
  };
}

/** The outcomes of the last minutes: a count from long ago says nothing of a rate that has fallen. */
export class RecentOutcomes {
  readonly #clock: Clock;
  /** What the counters said at the end of each of the last minutes, oldest first. */
  readonly #past: { atMs: number; hits: number; misses: number }[];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#past = [{ atMs: clock.nowMs(), hits: 0, misses: 0 }];
  }

  /** Call it once a minute. */
  keep(counters: Readonly<BrokerCounters>): void {
    this.#past.push({ atMs: this.#clock.nowMs(), ...outcomesOf(counters) });
    if (this.#past.length > recentMinutes) this.#past.shift();
  }

  read(counters: Readonly<BrokerCounters>): BrokerStatus["recent"] {
    const [first] = this.#past;
    const { hits, misses } = outcomesOf(counters);
    return {
      minutes: (this.#clock.nowMs() - first!.atMs) / 60_000,
      hits: hits - first!.hits,
      misses: misses - first!.misses,
    };
  }
}
