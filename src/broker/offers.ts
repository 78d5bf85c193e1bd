/** Open offers by their lease: random per process and numbered, so that no other process's lease is taken for one. */
import type { Attempt } from "./attempt.ts";
import type { Poll } from "./broker-api.ts";
import { offersTimedMax } from "./limits.ts";
import { NameTable } from "./name-table.ts";

export class Offers {
  /** Random, of this process. */
  readonly epoch: string;
  readonly #open = new NameTable<Attempt>();
  /** When each was made, by its number; the latest ones. */
  readonly #madeMs = new Float64Array(offersTimedMax);
  #number = 0;

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  get count(): number {
    return this.#open.count;
  }

  /** @returns the lease */
  open(attempt: Attempt, nowMs: number): string {
    this.#number += 1;
    this.#madeMs[this.#number % offersTimedMax] = nowMs;
    const lease = `${this.epoch}-${this.#number}`;
    this.#open.set(lease, attempt);
    attempt.lease = lease;
    return lease;
  }

  /** Whether this process made it, be it over or not. */
  isOwn(lease: string): boolean {
    return lease.startsWith(this.epoch) && lease[this.epoch.length] === "-";
  }

  /**
   * How long ago it was made; infinite for one that nobody here remembers, and for another process's: a runner that was
   * frozen while a broker ended claims its offer after the restart, when its client has long given up. Milliseconds.
   */
  ageMs(lease: string, nowMs: number): number {
    if (!this.isOwn(lease)) return Number.POSITIVE_INFINITY;
    const number = this.#numberOf(lease);
    const isTimed = number > this.#number - offersTimedMax && number <= this.#number;
    return isTimed ? nowMs - this.#madeMs[number % offersTimedMax]! : Number.POSITIVE_INFINITY;
  }

  /** It has an offer open. */
  close(attempt: Attempt): void {
    this.#open.delete(attempt.lease);
  }

  /** The attempt that is offered to this runner by this lease; null: the offer is over, was another's, or never was. */
  find(lease: string, poll: Poll): Attempt | null {
    const attempt = this.#open.get(lease);
    if (attempt === null) return null;
    const offered = attempt.poll!;
    // Leases are numbered: whoever has had one knows the next. The key may be vouched for by a token, the lease is not.
    if (offered.key !== poll.key || offered.controller !== poll.controller) return null;
    return attempt;
  }

  /** What was offered to this runner last; for what is rare: it looks at all. */
  latestOf(poll: Poll): Attempt | null {
    let latest: Attempt | null = null;
    let latestNumber = 0;
    for (const attempt of this.#open.values()) {
      const offered = attempt.poll!;
      const isNamed = poll.controller !== "" && offered.controller === poll.controller;
      const number = this.#numberOf(attempt.lease);
      if ((offered !== poll && !isNamed) || number < latestNumber) continue;
      latest = attempt;
      latestNumber = number;
    }
    return latest;
  }

  /** Of a lease of this process; of one that was made up it may be none. */
  #numberOf(lease: string): number {
    return Number(lease.slice(this.epoch.length + 1));
  }
}
