/** What the core has counted since the broker started, and what it holds now: for metrics, `/status` and the bench. */
import { LatencyHistogram } from "../telemetry/latency-histogram.ts";
import type { MatchKey, MissReason } from "./broker-api.ts";

/** Counters that only grow. Plain numbers, so that counting is one addition. */
export class BrokerCounters {
  /** Polls, claims among them. */
  polls = 0;
  connects = 0;
  /** Dispatches, repeated ones among them. */
  dispatches = 0;
  /** Answered true, each once per snapshot: `direct` without an offer, `claimed` after its claim. */
  direct = 0;
  claimed = 0;
  readonly misses: Record<MissReason, number> = {
    no_waiter: 0,
    unclaimed: 0,
    cordoned: 0,
    draining: 0,
    off: 0,
    bad_key: 0,
    overloaded: 0,
  };
  /** What the last dispatch wanted that was a miss by `no_waiter`; null: there was none. */
  missedKey: MatchKey | null = null;
  /** Dispatches that got the verdict of an earlier one with the same snapshot. */
  repeated = 0;
  /** Dispatchers that went before their answer, and took the dispatch with them. */
  cancelled = 0;
  /** Dispatches that waited for a runner after the start, and redeliveries that did. */
  held = 0;

  offers = 0;
  lapses = 0;
  /** Claims of an offer that was over, or never was: their polls are parked again. */
  lateClaims = 0;
  /** Signs that a delivered message did not arrive: a poll without a `/connect`, a claim made twice, a broken connection. */
  nacks = 0;
  /** Deliveries that the runner's next poll, or a `/connect`, confirmed. */
  confirmed = 0;
  /** Messages delivered once more. */
  redeliveries = 0;
  /** Messages that were lost for good: no runner, too many times, or no longer kept. */
  redeliveriesFailed = 0;

  /** Polls that were answered 410, by the reason. */
  readonly dismissed = { surplus: 0, off: 0, cordoned: 0 };
  /** Polls whose connection was closed: too many waiters, too many redirects, time over, drain. */
  readonly closed = { full: 0, hops: 0, overdue: 0, drained: 0 };
  /** Polls that were sent to another broker: by a change of owner, or by the drain. */
  moved = 0;

  /** From an offer to its claim. */
  readonly claimLatency = new LatencyHistogram();
}

export interface BrokerFacts {
  /** The broker's own; do not change. */
  readonly counters: Readonly<BrokerCounters>;
  readonly isOn: boolean;
  readonly isDraining: boolean;
  /** Random per process; part of each lease. */
  readonly epoch: string;

  /** Polls that are held. Of these: */
  readonly parked: number;
  /** … would be offered a message only when no other is left. */
  readonly doubtful: number;
  /** … get nothing since their machine is cordoned. */
  readonly cordoned: number;
  /** … get nothing since their client is about to ask anew. */
  readonly spent: number;
  /** Keys that have waiters. */
  readonly keys: number;

  /** Dispatches and redeliveries without a verdict. Of these: */
  readonly pending: number;
  /** … have an offer open. */
  readonly offered: number;
  /** … wait for a runner. */
  readonly held: number;
  /** Of the messages of those without a verdict. */
  readonly pendingBytes: number;

  readonly verdicts: number;
  /** Delivered messages that are kept. */
  readonly retained: number;
  readonly retainedBytes: number;
  /** Runners that are remembered for an offer that they let lapse. */
  readonly doubted: number;
  /** Addresses whose latest `/connect` is remembered. */
  readonly addresses: number;
}

export interface KeyFacts {
  readonly key: MatchKey;
  readonly waiters: number;
}
