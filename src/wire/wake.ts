/** That a request has woken, or started, the instance that answers it: said in its answer's head and in the request log. */

/** What the instance was: asleep in one of these ways, or not there. */
export type WakeFrom = "frozen" | "paged" | "started";

export class Wake {
  /** Null when it turns out that nothing had to be woken. */
  from: WakeFrom | null;
  /** From the request until the app could take it. Milliseconds; null before. */
  ms: number | null = null;
  readonly #sinceMs: number;

  /** @param nowMs clock time of the request. Milliseconds. */
  constructor(from: WakeFrom, nowMs: number) {
    this.from = from;
    this.#sinceMs = nowMs;
  }

  /** The app can take requests. Twice is safe. */
  done(nowMs: number): void {
    this.ms ??= Math.round((nowMs - this.#sinceMs) * 10) / 10;
  }

  /** `levain-wake: frozen;1.2ms`, with its line end; empty when nothing had to be woken. */
  get headerLine(): string {
    return this.from === null ? "" : `levain-wake: ${this.from};${this.ms ?? 0}ms\r\n`;
  }
}
