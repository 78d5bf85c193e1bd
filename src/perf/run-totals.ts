/** Adds up what was counted of one run, in one piece or in several. Pure. */
import { Histogram } from "./load/histogram.ts";
import type { LoadErrors, LoadResult } from "./load/plan.ts";
import { errorCount, noErrors } from "./load/tally.ts";
import type { ProcessSample } from "./process-sample.ts";
import type { PerfRun } from "./report.ts";
import { hitRateOf, type MeasuredRun, type Turn } from "./summary.ts";
import type { TargetFacts } from "./target-protocol.ts";

/** One piece of a run. */
export type Counted = Pick<
  LoadResult,
  "requests" | "durationMs" | "errors" | "late" | "unsent" | "histogram"
> & {
  /** Null where requests come one by one. */
  ratePerS: number | null;
};

/** What was read at one moment. */
export interface Reading {
  sample: ProcessSample;
  facts: TargetFacts;
}

/** Readings at the beginning and at the end of a piece. */
export interface Window {
  first: Reading;
  last: Reading;
}

/** What the processes held. */
export interface Holdings {
  before: ProcessSample;
  /** The most of each, not all at one moment. */
  peak: ProcessSample;
  after: ProcessSample;
}

export class RunTotals {
  readonly #histogram = new Histogram();
  readonly #errors: LoadErrors = noErrors();
  #good: number | null = 0;
  #durationMs = 0;
  #late = 0;
  #unsent = 0;
  #nodeCpuUs = 0;
  #appsCpuUs = 0;
  readonly #turns: Turn[] = [];
  #pool: NonNullable<PerfRun["pool"]> | null = null;

  /** Whole answers so far. Count. */
  get requests(): number {
    return this.#histogram.count;
  }

  /** @param window null when nothing is known of the processes. */
  add(
    { requests, ratePerS, durationMs, errors, late, unsent, histogram }: Counted,
    window: Window | null,
  ) {
    this.#histogram.add(histogram);
    this.#durationMs += durationMs;
    this.#good =
      ratePerS === null || this.#good === null ? null : this.#good + (ratePerS * durationMs) / 1000;
    this.#late += late;
    this.#unsent += unsent;
    for (const kind of ["timeout", "reset", "refused", "protocol"] as const) {
      this.#errors[kind] += errors[kind];
    }
    for (const [status, count] of Object.entries(errors.status)) {
      this.#errors.status[status] = (this.#errors.status[status] ?? 0) + count;
    }
    const cpuUs = window === null ? null : this.#addWindow(window);
    this.#turns.push({ ratePerS, cpuUs: cpuUs === null ? null : cpuUs / Math.max(1, requests) });
  }

  /** @param holdings null when nothing is known of the processes. */
  measured(holdings: Holdings | null): MeasuredRun {
    const { requests } = this;
    const perRequest = (cpuUs: number) => cpuUs / Math.max(1, requests);
    const pool = this.#pool;
    const run: PerfRun = {
      requests,
      ratePerS: this.#good === null ? null : (this.#good / Math.max(1, this.#durationMs)) * 1000,
      errors: { total: errorCount(this.#errors), ...this.#errors },
      late: this.#late,
      unsent: this.#unsent,
      latencyMs: this.#histogram.summary(),
      cpuUsPerRequest:
        pool === null
          ? null
          : { node: perRequest(this.#nodeCpuUs), apps: perRequest(this.#appsCpuUs) },
      memoryBytes: holdings === null ? null : partsOf(holdings, "nodeBytes", "appsBytes"),
      descriptors: holdings === null ? null : partsOf(holdings, "nodeFds", "appsFds"),
      pool: pool === null ? null : { ...pool, hitRate: hitRateOf(pool.hits, pool.misses) },
    };
    return { run, histogram: this.#histogram.encode(), turns: this.#turns };
  }

  /** @returns CPU time of node and apps in it. Microseconds. */
  #addWindow({ first, last }: Window): number {
    const nodeCpuUs = last.sample.nodeCpuUs - first.sample.nodeCpuUs;
    // The steps in which ended processes are counted may make little seem less than nothing.
    const appsCpuUs = Math.max(0, last.sample.appsCpuUs - first.sample.appsCpuUs);
    this.#nodeCpuUs += nodeCpuUs;
    this.#appsCpuUs += appsCpuUs;
    const before = this.#pool;
    const grown = (name: "hits" | "misses" | "creations" | "failures" | "evictions") =>
      (before?.[name] ?? 0) + last.facts[name] - first.facts[name];
    this.#pool = {
      active: last.facts.active,
      hits: grown("hits"),
      misses: grown("misses"),
      hitRate: null,
      creations: grown("creations"),
      failures: grown("failures"),
      evictions: grown("evictions"),
    };
    return nodeCpuUs + appsCpuUs;
  }
}

function partsOf(holdings: Holdings, node: keyof ProcessSample, apps: keyof ProcessSample) {
  const { before, peak, after } = holdings;
  return {
    node: { before: before[node], peak: peak[node], after: after[node] },
    apps: { before: before[apps], peak: peak[apps], after: after[apps] },
  };
}
