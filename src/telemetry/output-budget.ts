/**
 * Says whether to go on reading what an instance prints. A token bucket: it fills with `bytesPerSecond` up to
 * `burstBytes`, and reading takes from it. Nothing is refused after the fact, so the bucket can be in debt by one piece;
 * the next piece waits until it is paid.
 *
 *   instance (stdout and stderr together) ──▶ all instances of the node
 *
 * While nobody reads, the pipe fills and the process waits in its own write: it is slowed, and nobody else is. When all
 * instances together are over the node's budget, each takes one piece at a time, so a quiet one waits for few others.
 *
 * Pure: the time is passed in.
 */
import { invariant } from "../base/errors.ts";
import {
  outputBurstBytesMax,
  outputBytesPerSecondMax,
  outputTotalBurstBytesMax,
  outputTotalBytesPerSecondMax,
} from "./limits.ts";

export interface OutputBudgetOptions {
  /** Default `outputBytesPerSecondMax`. */
  bytesPerSecond?: number;
  /** Default `outputBurstBytesMax`. */
  burstBytes?: number;
  /** A budget that this one is a part of: what is taken here is taken there too. */
  total?: OutputBudget;
}

/** The budget of all instances of a node, to be given to the budget of each as `total`. */
export function nodeOutputBudget(nowMs: number): OutputBudget {
  return new OutputBudget(nowMs, {
    bytesPerSecond: outputTotalBytesPerSecondMax,
    burstBytes: outputTotalBurstBytesMax,
  });
}

export class OutputBudget {
  readonly #bytesPerMs: number;
  readonly #burstBytes: number;
  readonly #total: OutputBudget | null;
  #bytes: number;
  #filledAtMs: number;

  /** @param nowMs monotonic time, as in every other call. Milliseconds. */
  constructor(nowMs: number, options: OutputBudgetOptions = {}) {
    const { bytesPerSecond = outputBytesPerSecondMax, burstBytes = outputBurstBytesMax } = options;
    invariant(bytesPerSecond > 0 && burstBytes > 0, "an output budget is more than nothing");
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#burstBytes = burstBytes;
    this.#total = options.total ?? null;
    this.#bytes = burstBytes;
    this.#filledAtMs = nowMs;
  }

  /** Takes what was read. */
  take(bytes: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#bytes -= bytes;
    this.#total?.take(bytes, nowMs);
  }

  /** How long to wait before more may be read. Milliseconds, 0 when it may be read now. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    const ownMs = this.#bytes > 0 ? 0 : Math.floor(-this.#bytes / this.#bytesPerMs) + 1;
    return Math.max(ownMs, this.#total?.waitMs(nowMs) ?? 0);
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
