/**
 * How a process finds out that it was frozen: nobody tells it, but its clock has jumped. A timer that should run every
 * half second and comes much later was not running in between.
 */

const lookIntervalMs = 500;
/** A busy second is no nap. */
const napMsMin = 1500;

export class NapWatch {
  #lastLookMs = performance.now();
  naps = 0;
  asleepMs = 0;

  constructor() {
    setInterval(() => this.look(), lookIntervalMs);
  }

  /** Whoever asks first after a nap finds it: the timer, or the request that ended it. */
  look(): void {
    const nowMs = performance.now();
    const gapMs = nowMs - this.#lastLookMs;
    this.#lastLookMs = nowMs;
    if (gapMs < napMsMin) return;
    this.naps += 1;
    this.asleepMs += gapMs;
    console.log(`awake again after ${(gapMs / 1000).toFixed(1)} s, and nothing is forgotten`);
  }
}
