/**
 * Who has asked for `/connect` since when. A runner does that before each session of polls, so one that does has finished
 * with what it was given before. It says nothing but its address, which it may share: then a lost message stays lost, as
 * it would without all this.
 */
import { connectsMax } from "./limits.ts";

interface Connect {
  order: number;
  atMs: number;
}

export class Connects {
  readonly #latest = new Map<string, Connect>();
  readonly #keepMs: number;
  #order = 0;
  /** The latest that was forgotten for want of room. */
  #forgottenOrder = 0;

  /** @param keepMs what is older is of no interest */
  constructor(keepMs: number) {
    this.#keepMs = keepMs;
  }

  get count(): number {
    return this.#latest.size;
  }

  /** A number for what happens now, above all that came before. */
  next(): number {
    this.#order += 1;
    return this.#order;
  }

  add(address: string, nowMs: number): void {
    // The order of a Map is that of first insertion.
    this.#latest.delete(address);
    this.#latest.set(address, { order: this.next(), atMs: nowMs });
    if (this.#latest.size <= connectsMax) return;
    const [oldest, { order }] = this.#latest.entries().next().value!;
    this.#latest.delete(oldest);
    this.#forgottenOrder = order;
  }

  /** Whether one came from this address after the event of that number; true as well when nobody knows any more. */
  hasSince(address: string, order: number): boolean {
    return order < this.#forgottenOrder || (this.#latest.get(address)?.order ?? 0) > order;
  }

  sweep(nowMs: number): void {
    for (const [address, { atMs }] of this.#latest) {
      if (nowMs - atMs < this.#keepMs) return;
      this.#latest.delete(address);
    }
  }
}
