/** A clock that runs as usual and can be pushed forward, so that tests of long times are short. */
import type { Clock } from "./clock.ts";

export class PushedClock implements Clock {
  #pushedMs = 0;

  /** Lets `ms` more have passed. Timers see it at their next tick. */
  push(ms: number): void {
    this.#pushedMs += ms;
  }

  nowMs(): number {
    return performance.now() + this.#pushedMs;
  }

  wallMs(): number {
    return Date.now() + this.#pushedMs;
  }
}

/** A clock that stands still until it is set. */
export class StillClock implements Clock {
  timeMs = 0;

  nowMs(): number {
    return this.timeMs;
  }

  wallMs(): number {
    return this.timeMs;
  }
}
