/** A token bucket for records: fills with `perSecond` up to `burst`, and each record takes one. Pure: the time is passed in. */
export class Bucket {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number;

  /** @param nowMs monotonic time, as in every other call. Milliseconds. */
  constructor(perSecond: number, burst: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = nowMs;
  }

  /** Whether nothing was taken for as long as it takes to fill. */
  isFull(nowMs: number): boolean {
    return this.hasOne(nowMs) && this.#tokens === this.#burst;
  }

  hasOne(nowMs: number): boolean {
    const tokens = this.#tokens + (nowMs - this.#filledAtMs) * this.#perMs;
    this.#tokens = Math.min(this.#burst, tokens);
    this.#filledAtMs = nowMs;
    return this.#tokens >= 1;
  }

  /** Takes one; ask `hasOne` before. */
  take(): void {
    this.#tokens -= 1;
  }
}
