/** All instances of a version that have a process or are about to, also those on their way out. */
import type { PlatformError } from "../base/errors.ts";
import type { Instance } from "./instance.ts";
import type { Lessee } from "./lessee.ts";
import type { PoolLog } from "./pool-log.ts";

export class Instances {
  readonly #all = new Set<Instance>();
  /** Each resolves when an instance that was up, and what belonged to it, is gone. */
  readonly #endings = new Set<Promise<unknown>>();

  get count(): number {
    return this.#all.size;
  }

  /** One of them finishes what it has, and gets no more. */
  get hasRetired(): boolean {
    for (const { retiredAtMs } of this.#all) if (retiredAtMs !== null) return true;
    return false;
  }

  get isStarting(): boolean {
    for (const { state } of this.#all) if (state === "starting") return true;
    return false;
  }

  [Symbol.iterator](): IterableIterator<Instance> {
    return this.#all.values();
  }

  /** Lends one to the edges in processes of their own that others are lent to. */
  lendLikeOthers(instance: Instance): void {
    const lessees = new Set<Lessee>();
    for (const other of this.#all) for (const lessee of other.leases.lessees) lessees.add(lessee);
    for (const lessee of lessees) instance.leases.lend(lessee);
  }

  add(instance: Instance): void {
    this.#all.add(instance);
  }

  /** It has started: its end is waited for by `gone`. */
  started({ ended }: Instance): void {
    this.#endings.add(ended);
    void ended.then(() => this.#endings.delete(ended));
  }

  /** Ends each when nothing is open on it any more, or the time is over; at once what has not started. */
  async end(timeoutMs: number, error: PlatformError, log: PoolLog): Promise<void> {
    const drain = async (instance: Instance) => {
      if (timeoutMs > 0 && instance.open > 0) log.draining(instance, timeoutMs);
      await instance.drained(timeoutMs);
      instance.end(error);
    };
    const drained: Promise<void>[] = [];
    for (const instance of this.#all) {
      if (instance.isUp) drained.push(drain(instance));
      else if (instance.state === "starting") instance.kill(error);
    }
    await Promise.all(drained);
  }

  /** Its process has exited, or never was. */
  delete(instance: Instance): void {
    this.#all.delete(instance);
    instance.share?.release();
  }

  /**
   * Resolves when there are fewer than `max`; those that are no more may have been the oldest or any other. What another
   * one takes over from does not count.
   */
  async fewerThan(max: number): Promise<void> {
    for (;;) {
      const counted = [...this.#all].filter(({ isWorn }) => !isWorn);
      if (counted.length < max) return;
      await Promise.race(counted.map(({ exited }) => exited));
    }
  }

  /** Resolves when nothing is left of those that had started. */
  async gone(): Promise<void> {
    await Promise.all(this.#endings);
  }
}
