/**
 * What counts. A request counts when it began after the warm-up and its answer was read whole before the deadline. One
 * that is answered later is late; one that gets no whole answer is an error, also when that shows after the deadline.
 */
import { Histogram } from "./histogram.ts";
import type { LoadErrors, LoadResult } from "./plan.ts";

/** What a run knows when it is over. */
export interface RunEnd {
  durationMs: number;
  unsent: number;
  cpuMs: number;
}

export class Tally {
  readonly #histogram = new Histogram();
  readonly #errors: LoadErrors = noErrors();
  #good = 0;
  #late = 0;
  #reconnects = 0;
  #bytesRead = 0;

  /** Whole answers in time. */
  get requests(): number {
    return this.#histogram.count;
  }

  answer(status: number, bytes: number, latencyMs: number): void {
    this.#histogram.record(latencyMs);
    this.#bytesRead += bytes;
    if (isGood(status)) this.#good += 1;
    else this.#countStatus(status);
  }

  late(): void {
    this.#late += 1;
  }

  /** @param status that a connection was refused with; for `status` only */
  failure(kind: keyof LoadErrors, status: number): void {
    if (kind === "status") this.#countStatus(status);
    else this.#errors[kind] += 1;
  }

  reconnect(): void {
    this.#reconnects += 1;
  }

  result({ durationMs, unsent, cpuMs }: RunEnd): LoadResult {
    return {
      requests: this.requests,
      durationMs,
      ratePerS: durationMs > 0 ? (this.#good / durationMs) * 1000 : 0,
      errors: { ...this.#errors, status: { ...this.#errors.status } },
      late: this.#late,
      unsent,
      reconnects: this.#reconnects,
      bytesRead: this.#bytesRead,
      histogram: this.#histogram.encode(),
      latency: this.#histogram.summary(),
      cpuMs,
    };
  }

  #countStatus(status: number): void {
    const { status: counts } = this.#errors;
    counts[status] = (counts[status] ?? 0) + 1;
  }
}

/** 2xx and 3xx. */
export function isGood(status: number): boolean {
  return status >= 200 && status < 400;
}

export function noErrors(): LoadErrors {
  return { timeout: 0, reset: 0, refused: 0, protocol: 0, status: {} };
}

/** All kinds together. Count. */
export function errorCount(errors: LoadErrors): number {
  const { timeout, reset, refused, protocol, status } = errors;
  const statuses = Object.values(status).reduce((sum, count) => sum + count, 0);
  return timeout + reset + refused + protocol + statuses;
}
