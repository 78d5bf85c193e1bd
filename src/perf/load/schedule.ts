/**
 * When requests are due in an open loop, and from when their latency counts. The index of the next request is the whole
 * state: a backlog of any length takes no memory.
 */
import { timerSlackMs } from "./limits.ts";

export class Schedule {
  readonly #startMs: number;
  readonly #ratePerS: number;
  #index = 0;

  /** The first request is due at `startMs`. */
  constructor(startMs: number, ratePerS: number) {
    this.#startMs = startMs;
    this.#ratePerS = ratePerS;
  }

  /** Of the next request. Clock time. */
  get dueMs(): number {
    return this.#startMs + (this.#index * 1000) / this.#ratePerS;
  }

  /** Due before `untilMs` and not taken. Count. */
  untakenBefore(untilMs: number): number {
    const due = Math.ceil(((untilMs - this.#startMs) * this.#ratePerS) / 1000 - 1e-6);
    return Math.max(0, due - this.#index);
  }

  /**
   * Takes the next request, which must be due.
   *
   * @param idleSinceMs since when a connection could have sent it
   * @returns when it began: when it was due, however late it is sent (coordinated omission). Only where a connection was
   * waiting and nothing but our own timer was late is it now.
   */
  take(nowMs: number, idleSinceMs: number): number {
    const { dueMs } = this;
    this.#index += 1;
    const isTimerLate = idleSinceMs <= dueMs && nowMs - dueMs <= timerSlackMs;
    return isTimerLate ? nowMs : dueMs;
  }
}
