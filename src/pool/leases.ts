/** To which edges in processes of their own one instance is lent, and what they say of how they use it. */
import type { PlatformError } from "../base/errors.ts";
import type { Instance } from "./instance.ts";
import type { LeaseUse, Lessee } from "./lessee.ts";

export class Leases {
  readonly #instance: Instance;
  /** What each lessee said last. */
  readonly #uses = new Map<Lessee, LeaseUse>();
  /** Requests that came by leases that are over. Count. */
  #openedBefore = 0;

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  get count(): number {
    return this.#uses.size;
  }

  /** Streams that are open by all of them together, as far as is known. Count. */
  get inFlight(): number {
    return this.#sum("inFlight");
  }

  /** Those that are no tunnels. Count. */
  get running(): number {
    return this.#sum("running");
  }

  /** Requests that came by them so far, as far as is known. Count. */
  get opened(): number {
    return this.#openedBefore + this.#sum("opened");
  }

  get lessees(): Iterable<Lessee> {
    return this.#uses.keys();
  }

  /** Lends the instance, unless it is lent already; for one that is up. Returns whether it did. */
  lend(lessee: Lessee): boolean {
    if (this.#uses.has(lessee)) return false;
    try {
      lessee.grant(this.#instance);
    } catch {
      // One of both is gone, which is not noticed yet, or there is no descriptor left. Who needs it asks again.
      return false;
    }
    this.#uses.set(lessee, { inFlight: 0, running: 0, opened: 0 });
    return true;
  }

  /** A lessee says what it has open, and has opened so far. */
  noteUse(lessee: Lessee, use: LeaseUse): void {
    if (this.#uses.has(lessee)) this.#uses.set(lessee, use);
  }

  /** A lessee has given the instance back, or is gone. Twice is safe. */
  returned(lessee: Lessee): void {
    const use = this.#uses.get(lessee);
    if (use === undefined) return;
    this.#uses.delete(lessee);
    this.#openedBefore += use.opened;
    this.#instance.onStreamClosed();
  }

  /** Asks for the instance back from all. Twice is safe. */
  recall(): void {
    for (const lessee of this.#uses.keys()) lessee.recall(this.#instance);
  }

  /** The process has exited: what they have open is lost with `error`. */
  ended(error: PlatformError): void {
    for (const lessee of [...this.#uses.keys()]) {
      this.#uses.delete(lessee);
      lessee.ended(this.#instance, error);
    }
  }

  #sum(of: keyof LeaseUse): number {
    if (this.#uses.size === 0) return 0;
    let count = 0;
    for (const use of this.#uses.values()) count += use[of];
    return count;
  }
}
