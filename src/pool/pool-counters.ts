/** What has happened to one version on this node, as numbers that only grow. Counting allocates nothing. */
import type { ErrorCode } from "../base/errors.ts";
import type { LentCounts } from "./lessee.ts";

export class PoolCounters {
  /** Requests that were given to an instance. */
  admitted = 0;
  /** Requests that found an instance, warm or frozen. Those that were refused when they came are neither hit nor miss. */
  hits = 0;
  /** Requests that found none, and were held. */
  misses = 0;
  /** Requests that waited, for an instance or for their turn. */
  holds = 0;
  /** Processes that were started, or tried to. */
  starts = 0;
  /** Starts that failed, and crashes. */
  failures = 0;
  /** Idle instances that made way for another app's. */
  evictions = 0;
  /** Instances that were replaced after `limits.requestsMax` requests. */
  recycles = 0;
  /** Requests that were turned away, or waited in vain, by the code they were told. */
  readonly refusals = new Map<ErrorCode, number>();

  refused(code: ErrorCode): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  /** Adds what was counted somewhere else. */
  add({ admitted, hits, misses, holds, refusals }: LentCounts): void {
    this.admitted += admitted;
    this.hits += hits;
    this.misses += misses;
    this.holds += holds;
    for (const [code, count] of Object.entries(refusals) as [ErrorCode, number][]) {
      this.refusals.set(code, (this.refusals.get(code) ?? 0) + count);
    }
  }

  facts(): CounterFacts {
    const { hits, misses, holds, starts, failures, evictions, recycles, refusals } = this;
    const all = hits + misses;
    const hitRate = all === 0 ? null : hits / all;
    const byCode = Object.fromEntries(refusals);
    return {
      hits,
      misses,
      hitRate,
      holds,
      starts,
      failures,
      evictions,
      recycles,
      refusals: byCode,
    };
  }
}

/** What is shown of the counters. */
export interface CounterFacts {
  hits: number;
  misses: number;
  /** Hits as a share of all, 0 to 1; null before the first request. */
  hitRate: number | null;
  holds: number;
  starts: number;
  failures: number;
  evictions: number;
  recycles: number;
  refusals: Record<string, number>;
}
