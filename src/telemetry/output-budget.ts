/**
 * Says whether to go on reading what an instance prints. A token bucket: it fills with `bytesPerSecond` up to
 * `burstBytes`, and reading takes from it. Reading is never refused after the fact, so the bucket can be in debt by one
 * piece; the next piece waits until it is paid.
 *
 * While nobody reads, the pipe fills and the process waits in its own write: it is slowed, and nobody else is.
 *
 * Pure: the time is passed in. One budget serves stdout and stderr of an instance together.
 */
import { invariant } from "../base/errors.ts";
import { outputBurstBytesMax, outputBytesPerSecondMax } from "./limits.ts";

export interface OutputBudgetOptions {
  /** Default `outputBytesPerSecondMax`. */
  bytesPerSecond?: number;
  /** Default `outputBurstBytesMax`. */
  burstBytes?: number;
}

export class OutputBudget {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  #bytes: number;
  #filledAtMs: number;

  /** @param nowMs monotonic time, as in every other call. Milliseconds. */
  constructor(nowMs: number, options: OutputBudgetOptions = {}) {
    const { bytesPerSecond = outputBytesPerSecondMax, burstBytes = outputBurstBytesMax } = options;
    invariant(bytesPerSecond > 0 && burstBytes > 0, "an output budget is more than nothing");
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = burstBytes;
    this.#bytes = burstBytes;
    this.#filledAtMs = nowMs;
  }

  /** Takes what was read. */
  take(bytes: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#bytes -= bytes;
  }

  /** How long to wait before more may be read. Milliseconds, 0 when it may be read now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#bytes > 0 ? 0 : Math.floor(-this.#bytes / this.#bytesPerMs) + 1;
  }

  #fill(nowMs: number): void {
    if (nowMs <= this.#filledAtMs) return;
    this.#bytes = Math.min(
      this.#burstBytes,
      this.#bytes + (nowMs - this.#filledAtMs) * this.#bytesPerMs,
    );
    this.#filledAtMs = nowMs;
  }
}
