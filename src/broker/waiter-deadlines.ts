/**
 * When something is due with which waiter: a wheel of slots of one second, each a list that the waiters carry. Setting and
 * removing a deadline cost some assignments, and a tick looks only at slots that are wholly over.
 */
import { dueSlotMs } from "./limits.ts";
import type { ParkedWaiter } from "./parked-waiter.ts";

export class WaiterDeadlines {
  readonly #slots: (ParkedWaiter | null)[];
  /** The latest slot that was looked at, counted from the beginning of the clock. */
  #sweptSlot: number;
  /** What is left of that slot: taken out, so that what is set meanwhile is not in it. */
  #sweeping: ParkedWaiter | null = null;

  /** @param spanMsMax no deadline is set further ahead */
  constructor(spanMsMax: number, nowMs: number) {
    // The slot of now, those of the span, and one that is being swept.
    this.#slots = new Array(Math.ceil(spanMsMax / dueSlotMs) + 3).fill(null);
    this.#sweptSlot = Math.floor(nowMs / dueSlotMs) - 1;
  }

  /** The waiter has no deadline yet. What is over already is found by the next sweep. */
  set(waiter: ParkedWaiter, dueMs: number): void {
    // A slot that was swept would be looked at only after a whole turn of the wheel.
    waiter.dueMs = Math.max(dueMs, (this.#sweptSlot + 1) * dueSlotMs);
    this.#link(waiter);
  }

  /** It has a deadline. */
  remove(waiter: ParkedWaiter): void {
    const { duePrev, dueNext } = waiter;
    if (duePrev !== null) duePrev.dueNext = dueNext;
    else if (this.#sweeping === waiter) this.#sweeping = dueNext;
    else this.#slots[this.#indexOf(waiter)] = dueNext;
    if (dueNext !== null) dueNext.duePrev = duePrev;
    waiter.duePrev = null;
    waiter.dueNext = null;
  }

  /**
   * A waiter whose deadline has passed, up to one slot ago; null when there is none left. It still has its deadline: remove
   * it before the next call.
   */
  due(nowMs: number): ParkedWaiter | null {
    const lastSlot = Math.floor(nowMs / dueSlotMs) - 1;
    // After a long stand every slot is over, and once round is enough.
    this.#sweptSlot = Math.max(this.#sweptSlot, lastSlot - this.#slots.length);
    while (true) {
      const waiter = this.#sweeping;
      if (waiter === null) {
        if (this.#sweptSlot >= lastSlot) return null;
        this.#sweptSlot += 1;
        const index = this.#sweptSlot % this.#slots.length;
        this.#sweeping = this.#slots[index]!;
        this.#slots[index] = null;
      } else if (waiter.dueMs < (lastSlot + 1) * dueSlotMs) {
        return waiter;
      } else {
        // Set after a stand, before the first sweep: the wheel had not turned meanwhile.
        this.remove(waiter);
        this.#link(waiter);
      }
    }
  }

  #link(waiter: ParkedWaiter): void {
    const index = this.#indexOf(waiter);
    const first = this.#slots[index]!;
    waiter.dueNext = first;
    if (first !== null) first.duePrev = waiter;
    this.#slots[index] = waiter;
  }

  #indexOf(waiter: ParkedWaiter): number {
    return Math.floor(waiter.dueMs / dueSlotMs) % this.#slots.length;
  }
}
