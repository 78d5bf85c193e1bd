/**
 * A clock for what is asked for the time with every request: whoever is called by the event loop reads it once, and all
 * that runs inside that call takes what was read. A look at the system's clock costs about 45 ns, and one chunk from a
 * wire may hold fifty answers.
 */
import type { Clock } from "./clock.ts";

export class TurnClock implements Clock {
  readonly #clock: Clock;
  /** What was read last: in a callback of a socket, when it began. Else as old as the latest of those. Milliseconds. */
  lastMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.lastMs = clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** Looks at the clock, and remembers what it said. */
  nowMs(): number {
    this.lastMs = this.#clock.nowMs();
    return this.lastMs;
  }
}
