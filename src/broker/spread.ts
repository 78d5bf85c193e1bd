/**
 * Spreads what is to be done with many over a time, at random, so that those who come back do not come at once.
 */
export class Spread {
  readonly #random: (below: number) => number;
  #latestMs: number;
  readonly #endMs: number;

  constructor(nowMs: number, overMs: number, random: (below: number) => number) {
    this.#random = random;
    this.#latestMs = nowMs;
    this.#endMs = nowMs + overMs;
  }

  isOver(nowMs: number): boolean {
    return nowMs >= this.#endMs;
  }

  /** How many of those left it is the turn of: as many as the time that has passed is of the time that was left. */
  take(left: number, nowMs: number): number {
    if (this.isOver(nowMs)) return left;
    const wanted = (left * (nowMs - this.#latestMs)) / (this.#endMs - this.#latestMs);
    this.#latestMs = nowMs;
    const whole = Math.floor(wanted);
    return whole + (this.#random(2 ** 20) < (wanted - whole) * 2 ** 20 ? 1 : 0);
  }
}
