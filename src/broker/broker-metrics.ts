/**
 * The families of a broker's `/metrics`, which are also among those of a node that it is a part of. Labels are of fixed sets,
 * but for the keys with the most waiters, whose number is bounded. docs/warm-starts.md has a table of them, which a test
 * compares.
 */
import { labelSet, type MetricFamily, renderFamily } from "../telemetry/exposition.ts";
import { shownBoundsMs } from "../telemetry/latency-histogram.ts";
import { byLabel, single } from "../telemetry/metric-kinds.ts";
import type { BrokerStatus } from "./status-api.ts";

type Family = MetricFamily<BrokerStatus>;

/** What a broker shows wherever it runs. */
export const BROKER_FAMILIES: readonly Family[] = [
  single("levain_broker_on", "gauge", "1 while it is switched on, else 0.", ({ isOn }) =>
    Number(isOn),
  ),
  single("levain_broker_draining", "gauge", "1 while it is ending, else 0.", ({ isDraining }) =>
    Number(isDraining),
  ),
  byLabel(
    "levain_broker_hits_total",
    "counter",
    "Dispatches that a runner took, by how it was known to live.",
    "mode",
    ({ dispatches: { direct, claimed } }) => ({ direct, claimed }),
  ),
  byLabel(
    "levain_broker_misses_total",
    "counter",
    "Dispatches that were answered with no, by the reason.",
    "reason",
    ({ dispatches }) => dispatches.misses,
  ),
  single(
    "levain_broker_repeated_total",
    "counter",
    "Dispatches that got the answer of an earlier one for the same attempt.",
    ({ dispatches }) => dispatches.repeated,
  ),
  single(
    "levain_broker_cancelled_total",
    "counter",
    "Dispatches whose supervisor went before the answer.",
    ({ dispatches }) => dispatches.cancelled,
  ),
  single(
    "levain_broker_held_total",
    "counter",
    "Dispatches and redeliveries that waited for a runner.",
    ({ dispatches }) => dispatches.held,
  ),
  single(
    "levain_broker_pending",
    "gauge",
    "Dispatches without an answer yet.",
    ({ dispatches }) => dispatches.pending,
  ),
  single(
    "levain_broker_offers_total",
    "counter",
    "Offers to runners.",
    ({ offers }) => offers.made,
  ),
  single(
    "levain_broker_lapses_total",
    "counter",
    "Offers that no runner claimed in time.",
    ({ offers }) => offers.lapsed,
  ),
  single(
    "levain_broker_late_claims_total",
    "counter",
    "Claims of an offer that was over; their runners wait on.",
    ({ offers }) => offers.lateClaims,
  ),
  {
    name: "levain_broker_claim_duration_seconds",
    type: "histogram",
    help: "From an offer to its claim.",
    labels: [],
    *samples({ offers: { claim } }) {
      for (const [index, boundMs] of shownBoundsMs.entries()) {
        const labels = labelSet({ le: String(boundMs / 1000) });
        yield { suffix: "_bucket", labels, value: claim.buckets[index] ?? 0 };
      }
      yield { suffix: "_bucket", labels: labelSet({ le: "+Inf" }), value: claim.count };
      yield { suffix: "_sum", labels: "", value: claim.sumMs / 1000 };
      yield { suffix: "_count", labels: "", value: claim.count };
    },
  },
  single(
    "levain_broker_nacks_total",
    "counter",
    "Signs that a delivered message did not arrive.",
    ({ deliveries }) => deliveries.nacks,
  ),
  single(
    "levain_broker_confirmed_total",
    "counter",
    "Deliveries that the runner's next request confirmed.",
    ({ deliveries }) => deliveries.confirmed,
  ),
  single(
    "levain_broker_redeliveries_total",
    "counter",
    "Messages that were delivered once more.",
    ({ deliveries }) => deliveries.redeliveries,
  ),
  single(
    "levain_broker_messages_lost_total",
    "counter",
    "Messages that were answered with yes and could not be delivered again.",
    ({ deliveries }) => deliveries.lost,
  ),
  byLabel(
    "levain_broker_waiters",
    "gauge",
    "Runners that wait, by what they can get: work, work when nobody else is left, or none.",
    "state",
    ({ waiters: { parked, doubtful, cordoned, spent } }) => ({
      ready: Math.max(0, parked - doubtful - cordoned - spent),
      doubtful,
      cordoned,
      spent,
    }),
  ),
  single(
    "levain_broker_waiters_max",
    "gauge",
    "Runners that may wait (waitersMax).",
    ({ waiters }) => waiters.max,
  ),
  single(
    "levain_broker_keys",
    "gauge",
    "Deployments, versions and machines that runners wait for.",
    ({ waiters }) => waiters.keys,
  ),
  {
    name: "levain_broker_key_waiters",
    type: "gauge",
    help: "Runners that wait for one of them; only those with the most.",
    labels: ["deployment", "version", "cpu", "memory"],
    *samples({ waiters }) {
      for (const { waiters: value, ...key } of waiters.top) yield { labels: labelSet(key), value };
    },
  },
  single(
    "levain_broker_polls_total",
    "counter",
    "Polls, claims among them.",
    ({ polls }) => polls.total,
  ),
  single(
    "levain_broker_connects_total",
    "counter",
    "Requests to /connect.",
    ({ polls }) => polls.connects,
  ),
  byLabel(
    "levain_broker_dismissed_total",
    "counter",
    "Runners that were sent home, by the reason.",
    "reason",
    ({ polls }) => polls.dismissed,
  ),
  byLabel(
    "levain_broker_closed_total",
    "counter",
    "Polls whose connection was closed, so that they come again, by the reason.",
    "reason",
    ({ polls }) => polls.closed,
  ),
  byLabel(
    "levain_broker_tokens_total",
    "counter",
    "Deployment headers that were read, by what they were.",
    "class",
    ({ polls }) => polls.tokens,
  ),
  single(
    "levain_broker_polls_refused_total",
    "counter",
    "Runners that were sent home for their token.",
    ({ polls }) => polls.refused,
  ),
  single(
    "levain_broker_cordoned_machines",
    "gauge",
    "Machines that are cordoned.",
    ({ cordon }) => cordon.machines,
  ),
  single(
    "levain_broker_cordon_failures_total",
    "counter",
    "Looks at the source of cordons that failed.",
    ({ cordon }) => cordon.failures,
  ),
  single(
    "levain_broker_cordon_age_seconds",
    "gauge",
    "Since the last good look at the source of cordons; 0 without a source.",
    ({ cordon }) => (cordon.ageMs ?? 0) / 1000,
  ),
  byLabel(
    "levain_broker_members",
    "gauge",
    "Brokers that share the keys, this one among them, by whether they answer.",
    "state",
    ({ members: { list } }) => {
      const healthy = list.filter(({ isHealthy }) => isHealthy).length;
      return { healthy, unhealthy: list.length - healthy };
    },
  ),
  single(
    "levain_broker_membership_changes_total",
    "counter",
    "Changes of which brokers serve.",
    ({ members }) => members.changes,
  ),
  single(
    "levain_broker_redirected_total",
    "counter",
    "Polls and dispatches that were sent to the broker of their key.",
    ({ members }) => members.redirected,
  ),
  single(
    "levain_broker_moved_total",
    "counter",
    "Waiting runners that were sent to another broker.",
    ({ polls }) => polls.moved,
  ),
  single(
    "levain_broker_landed_total",
    "counter",
    "Requests that another broker sent here.",
    ({ members }) => members.landed,
  ),
  single(
    "levain_broker_disagreed_total",
    "counter",
    "Those of them whose sender had another idea of who serves.",
    ({ members }) => members.disagreed,
  ),
  single(
    "levain_broker_connections",
    "gauge",
    "Connections that are open.",
    ({ server }) => server.connections,
  ),
  single(
    "levain_broker_accepted_total",
    "counter",
    "Connections that were accepted.",
    ({ server }) => server.accepted,
  ),
  single(
    "levain_broker_turned_away_total",
    "counter",
    "Connections that were closed since there were too many.",
    ({ server }) => server.turnedAway,
  ),
  single(
    "levain_broker_malformed_total",
    "counter",
    "Requests that were answered 4xx for what they said.",
    ({ server }) => server.malformed,
  ),
  single(
    "levain_broker_unauthorized_total",
    "counter",
    "Dispatches, metrics and control without the dispatch token.",
    ({ server }) => server.unauthorized,
  ),
  single(
    "levain_broker_too_slow_total",
    "counter",
    "Connections that were ended since their client sent or read too slowly.",
    ({ server }) => server.tooSlow,
  ),
  single(
    "levain_broker_broken_total",
    "counter",
    "Deliveries and offers that did not leave whole.",
    ({ server }) => server.lost,
  ),
  single(
    "levain_broker_verdicts",
    "gauge",
    "Answers that are remembered.",
    ({ memory }) => memory.verdicts,
  ),
  single(
    "levain_broker_retained_bytes",
    "gauge",
    "Delivered messages that are kept for a second try.",
    ({ memory }) => memory.retainedBytes,
  ),
  single(
    "levain_broker_body_bytes",
    "gauge",
    "Dispatches that have not come whole.",
    ({ memory }) => memory.bodyBytes,
  ),
  single(
    "levain_broker_resident_memory_bytes",
    "gauge",
    "Resident memory of the broker's process.",
    ({ memory }) => memory.residentBytes,
  ),
  single(
    "levain_broker_cpu_seconds_total",
    "counter",
    "CPU time of the broker's process, in seconds.",
    ({ cpuSeconds }) => cpuSeconds,
  ),
  single(
    "levain_broker_log_lines_dropped_total",
    "counter",
    "Lines of the log that nobody took in time.",
    ({ logLinesDropped }) => logLinesDropped,
  ),
];

/** What it shows of its process where it is not a part of a node, which has these names itself. */
const PROCESS_FAMILIES: readonly Family[] = [
  {
    name: "levain_broker_build_info",
    type: "gauge",
    help: "Always 1; the releases are in the labels.",
    labels: ["release", "bun"],
    *samples({ version, bun }) {
      yield { labels: labelSet({ release: version, bun }), value: 1 };
    },
  },
  single(
    "process_start_time_seconds",
    "gauge",
    "When the broker started, in seconds since 1970.",
    ({ startedAtMs }) => startedAtMs / 1000,
  ),
  single(
    "process_cpu_seconds_total",
    "counter",
    "CPU time of the process, in seconds.",
    ({ cpuSeconds }) => cpuSeconds,
  ),
  single(
    "process_resident_memory_bytes",
    "gauge",
    "Resident memory of the process.",
    ({ memory }) => memory.residentBytes,
  ),
];

/** The answer of `/metrics`: some 120 lines. */
export function renderBrokerMetrics(status: BrokerStatus): string {
  let text = "";
  for (const family of [...BROKER_FAMILIES, ...PROCESS_FAMILIES]) {
    for (const piece of renderFamily(family, status)) text += piece;
  }
  return text;
}
