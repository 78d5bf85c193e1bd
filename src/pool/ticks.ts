/**
 * Who is looked at, and when: what is awake with every tick, what sleeps when it said that something is due, and nothing
 * else. A node whose apps all sleep has no timer but the one for what is due next.
 *
 *   asleep ──awaken(), or its time has come──▶ awake ──`tick` gives a later time──▶ asleep
 *
 * Ten looks a second at each of 500 apps that sleep took 3 % of a core.
 */
import type { Clock } from "../base/clock.ts";
import { tickMs } from "./limits.ts";

export interface Ticked {
  /**
   * Looks. Returns the clock time at which to look again, when nothing calls `awaken` before: now or earlier for the next
   * tick, `Infinity` for never.
   */
  tick(nowMs: number): number;
}

/** The longest that a timer can be told to wait. Milliseconds. */
const timerMsMax = 2 ** 31 - 1;

export class Ticks {
  readonly #clock: Clock;
  readonly #awake = new Set<Ticked>();
  /** With the clock time at which each is due. */
  readonly #asleep = new Map<Ticked, number>();
  /** No sleeper is due before. Clock time. */
  #dueMs = Number.POSITIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Clock time that the timer is set for. */
  #timerMs = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is looked at with every tick. Count. */
  get awake(): number {
    return this.#awake.size;
  }

  /** Looks at it with the next tick. Cheap, also for what is awake. */
  awaken(item: Ticked): void {
    if (this.#awake.has(item)) return;
    this.#asleep.delete(item);
    this.#awake.add(item);
    this.#arm(this.#clock.nowMs());
  }

  /** Never looks at it again, unless it is awoken. Twice is safe. */
  remove(item: Ticked): void {
    this.#awake.delete(item);
    this.#asleep.delete(item);
  }

  /** Looks at all whose time has come. Called by the timer; tests with a clock of their own call it too. */
  advance(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#dueMs) this.#awakenDue(nowMs);
    // Those that are awoken by the look at another one have their turn at once.
    for (const item of this.#awake) {
      const dueMs = item.tick(nowMs);
      // It may have gone meanwhile.
      if (dueMs <= nowMs || !this.#awake.delete(item)) continue;
      if (dueMs === Number.POSITIVE_INFINITY) continue;
      this.#asleep.set(item, dueMs);
      this.#dueMs = Math.min(this.#dueMs, dueMs);
    }
    this.#arm(nowMs);
  }

  /** Stops the timer for good. Twice is safe. */
  stop(): void {
    this.#isStopped = true;
    this.#disarm();
  }

  #awakenDue(nowMs: number): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    for (const [item, dueMs] of this.#asleep) {
      if (dueMs > nowMs) {
        this.#dueMs = Math.min(this.#dueMs, dueMs);
      } else {
        this.#asleep.delete(item);
        this.#awake.add(item);
      }
    }
  }

  /** Sets the timer for the next time that something is to be looked at. */
  #arm(nowMs: number): void {
    const atMs = this.#awake.size > 0 ? nowMs + tickMs : this.#dueMs;
    if (this.#isStopped || (this.#timer !== null && this.#timerMs <= atMs && this.#timerMs > nowMs))
      return;
    this.#disarm();
    if (atMs === Number.POSITIVE_INFINITY) return;
    this.#timerMs = atMs;
    const afterMs = Math.min(Math.max(Math.ceil(atMs - nowMs), tickMs), timerMsMax);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.advance();
    }, afterMs);
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
