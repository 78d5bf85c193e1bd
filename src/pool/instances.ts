/** All instances of a version that have a process or are about to, also those on their way out. */
import type { Instance } from "./instance.ts";

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

  add(instance: Instance): void {
    this.#all.add(instance);
  }

  /** It has started: its end is waited for by `gone`. */
  started({ ended }: Instance): void {
    this.#endings.add(ended);
    void ended.then(() => this.#endings.delete(ended));
  }

  /** Its process has exited, or never was. */
  delete(instance: Instance): void {
    this.#all.delete(instance);
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
