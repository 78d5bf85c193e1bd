/**
 * A coarse timer wheel: thousands of deadlines for the price of one timer, and moving a deadline is an assignment.
 *
 * An item sits in the slot of some tick. When the wheel comes by and the item's deadline has moved on, it is put into a
 * later slot; when it is due, `onDeadline` is called and the item stays in the wheel until it is removed.
 */
import type { Clock } from "./clock.ts";

/** Something with at most one deadline at a time. */
export interface Deadlined {
  /** Clock time; `Infinity` for none. Assign it freely; it takes effect within a tick. */
  deadlineMs: number;
  onDeadline(): void;
}

/** Resolution: a deadline fires this much late at most. Milliseconds. */
export const deadlineTickMs = 100;

/** Slots; a deadline further away than one turn is looked at once a turn. Count. */
const slots = 512;

export class Deadlines {
  readonly #clock: Clock;
  readonly #slots: Set<Deadlined>[] = Array.from({ length: slots }, () => new Set());
  readonly #slotOf = new Map<Deadlined, number>();
  readonly #timer: ReturnType<typeof setInterval>;
  #tick: number;
  /** Clock time of the latest tick; cheap, and fine for setting deadlines. */
  nowMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.nowMs = clock.nowMs();
    this.#tick = Math.floor(this.nowMs / deadlineTickMs);
    this.#timer = setInterval(() => this.advance(), deadlineTickMs);
  }

  add(item: Deadlined): void {
    this.#place(item);
  }

  /** Twice is safe. */
  remove(item: Deadlined): void {
    const slot = this.#slotOf.get(item);
    if (slot === undefined) return;
    this.#slots[slot]!.delete(item);
    this.#slotOf.delete(item);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks at every slot up to now. Called by the timer; tests call it with a clock of their own. */
  advance(): void {
    this.nowMs = this.#clock.nowMs();
    const now = Math.floor(this.nowMs / deadlineTickMs);
    // After a long pause one turn visits every slot.
    for (let tick = Math.max(this.#tick + 1, now - slots + 1); tick <= now; tick++) {
      this.#visit(tick % slots);
    }
    this.#tick = now;
  }

  #visit(slot: number): void {
    const items = this.#slots[slot]!;
    if (items.size === 0) return;
    this.#slots[slot] = new Set();
    for (const item of items) {
      this.#slotOf.delete(item);
      if (item.deadlineMs <= this.nowMs) {
        item.deadlineMs = Number.POSITIVE_INFINITY;
        // Stays in the wheel: the next thing its owner waits for sets a new deadline.
        this.#place(item);
        item.onDeadline();
      } else {
        this.#place(item);
      }
    }
  }

  #place(item: Deadlined): void {
    const now = Math.floor(this.nowMs / deadlineTickMs);
    const due = Math.ceil(item.deadlineMs / deadlineTickMs);
    // A deadline may be moved nearer while it waits in a far slot, so nothing waits longer than a few ticks unseen.
    const tick = Math.min(Math.max(due, now + 1), now + revisitTicks);
    const slot = tick % slots;
    this.#slots[slot]!.add(item);
    this.#slotOf.set(item, slot);
  }
}

/** Every item is looked at this often, since its deadline may have been moved nearer. Ticks. */
const revisitTicks = 5;
