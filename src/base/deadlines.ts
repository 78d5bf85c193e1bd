/**
 * Thousands of deadlines for the price of one timer: a timer wheel of a single slot. Each tick looks at every item, and
 * moving a deadline is an assignment that nobody has to be told of.
 *
 * Measured with 20,000 items: one look at all of them takes 0.1 to 0.5 ms every 100 ms. A wheel of many slots takes ten
 * times as long, since requests move their deadlines nearer all the time and so every item has to be filed anew.
 *
 *   stopped ──start()──▶ ticking ──no item has a deadline──▶ resting ──after()──▶ ticking
 *
 * A timer that only ticks takes 0.2 % of a core, which a node at rest has no use for.
 */
import type { Clock } from "./clock.ts";

/** Something with at most one deadline at a time. */
export interface Deadlined {
  /** Clock time; `Infinity` for none. Assign it freely; `Deadlines.after` makes the value. */
  deadlineMs: number;
  /** The time has come; `deadlineMs` is `Infinity` again. */
  onDeadline(): void;
}

/** Resolution. Milliseconds. */
export const deadlineTickMs = 100;

/** A tick that comes later than so many says that this process was held up. Count. */
const lateTicksMax = 5;

export class Deadlines {
  readonly #clock: Clock;
  readonly #items = new Set<Deadlined>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #nowMs: number;
  /** The latest tick was late, and called nobody. */
  #isSpared = false;
  /** Between `start` and `stop`; the timer is null meanwhile when it rests. */
  #isStarted = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#nowMs = clock.nowMs();
  }

  /** Starts the timer. Twice is safe. */
  start(): void {
    this.#isStarted = true;
    if (this.#timer === null) this.#wake();
  }

  /** Stops the timer. Twice is safe. */
  stop(): void {
    this.#isStarted = false;
    this.#rest();
  }

  /** Whether the timer rests: no item has a deadline. */
  get isResting(): boolean {
    return this.#isStarted && this.#timer === null;
  }

  /** Clock time of the latest tick; costs no look at the clock while something has a deadline. */
  get nowMs(): number {
    if (this.#timer === null) this.#wake();
    return this.#nowMs;
  }

  /**
   * The `deadlineMs` that is due after so many milliseconds: never earlier, and two ticks later at most. Costs no look at
   * the clock, but for the first after a rest. Assign it before the turn ends.
   */
  after(ms: number): number {
    if (this.#timer === null) this.#wake();
    // The latest tick may be almost one tick ago.
    return this.#nowMs + deadlineTickMs + ms;
  }

  /** Watches the item until it is removed. */
  add(item: Deadlined): void {
    this.#items.add(item);
  }

  /** Twice is safe. */
  remove(item: Deadlined): void {
    this.#items.delete(item);
  }

  /** Calls the items whose time has come. Called by the timer; tests with a clock of their own call it too. */
  advance(): void {
    const nowMs = this.#clock.nowMs();
    const isLate = nowMs - this.#nowMs > lateTicksMax * deadlineTickMs;
    this.#nowMs = nowMs;
    // What was waited for may have come meanwhile; it is read before the next tick. Where every tick is late, every
    // other one counts.
    this.#isSpared = isLate && !this.#isSpared;
    if (this.#isSpared) return;
    let mayRest = true;
    for (const item of this.#items) {
      if (item.deadlineMs !== Number.POSITIVE_INFINITY) mayRest = false;
      if (item.deadlineMs > nowMs) continue;
      item.deadlineMs = Number.POSITIVE_INFINITY;
      item.onDeadline();
    }
    if (mayRest) this.#rest();
  }

  #wake(): void {
    if (!this.#isStarted) return;
    // The latest tick may be an hour ago.
    this.#nowMs = this.#clock.nowMs();
    this.#timer = setInterval(() => this.advance(), deadlineTickMs);
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}
