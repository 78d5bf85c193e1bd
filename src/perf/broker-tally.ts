/** What a run against a broker has counted. Only what begins and ends in the counted part is in rates and latencies. */
import { BrokerLedger } from "./broker-ledger.ts";
import type { BrokerAnswers, BrokerLoadErrors } from "./broker-plan.ts";
import { Histogram } from "./load/histogram.ts";

export class BrokerTally {
  readonly ledger = new BrokerLedger();
  /** Tells the dispatches of this run from those of others: a broker remembers verdicts. */
  readonly tag: string;
  readonly nowMs: () => number;
  readonly #hits = new Histogram();
  readonly #misses = new Histogram();
  #missesUnasked = 0;
  #redirects = 0;
  #errors: BrokerLoadErrors = noErrors();
  #fromMs = Number.POSITIVE_INFINITY;
  #isCounting = false;

  constructor(tag: string, nowMs: () => number) {
    this.tag = tag;
    this.nowMs = nowMs;
  }

  /** The counted part begins. */
  count(): void {
    this.#fromMs = this.nowMs();
    this.#isCounting = true;
  }

  /** The counted part is over. */
  end(): void {
    this.#isCounting = false;
  }

  delivered(number: number): void {
    this.ledger.deliver(number);
  }

  redirected(): void {
    if (this.#isCounting) this.#redirects += 1;
  }

  /** A poll was answered so that a real runner ends. */
  ended(status: number): void {
    if (this.#isCounting) addTo(this.#errors.ended, status);
  }

  /** A poll's connection is gone, or could not be opened. */
  dropped(wasOpen: boolean): void {
    if (this.#isCounting) this.#errors[wasOpen ? "dropped" : "refused"] += 1;
  }

  answered(number: number, sinceMs: number, isHit: boolean, isWaitedFor: boolean): void {
    if (isHit) this.ledger.hit(number);
    if (!this.#isCounting || sinceMs < this.#fromMs) return;
    (isHit ? this.#hits : this.#misses).record(this.nowMs() - sinceMs);
    if (!isHit && isWaitedFor) this.#missesUnasked += 1;
  }

  /** A dispatch was answered with anything but a 2xx. */
  refusedWith(status: number): void {
    if (this.#isCounting) addTo(this.#errors.status, status);
  }

  failed(kind: "refused" | "reset" | "timeout"): void {
    if (this.#isCounting) this.#errors[kind] += 1;
  }

  read() {
    const answers = (histogram: Histogram): BrokerAnswers => ({
      count: histogram.count,
      histogram: histogram.encode(),
    });
    return {
      hits: answers(this.#hits),
      misses: answers(this.#misses),
      missesUnasked: this.#missesUnasked,
      redirects: this.#redirects,
      lost: this.ledger.lost(),
      doubled: this.ledger.doubled,
      errors: this.#errors,
    };
  }
}

function noErrors(): BrokerLoadErrors {
  return { refused: 0, reset: 0, timeout: 0, status: {}, ended: {}, dropped: 0 };
}

function addTo(counts: Record<string, number>, status: number): void {
  counts[status] = (counts[status] ?? 0) + 1;
}
