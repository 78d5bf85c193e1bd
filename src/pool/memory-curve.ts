/** The last samples of an instance's memory, and the highest: evidence for why it was ended. */
import { memorySamplesMax } from "./limits.ts";

export interface MemorySample {
  /** Clock time. Milliseconds. */
  atMs: number;
  bytes: number;
}

export class MemoryCurve {
  readonly #samples: MemorySample[] = [];
  #peakBytes = 0;

  /** Bytes; 0 before the first sample. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** The latest; null before the first. */
  get last(): MemorySample | null {
    return this.#samples.at(-1) ?? null;
  }

  add(atMs: number, bytes: number): void {
    this.#samples.push({ atMs, bytes });
    if (this.#samples.length > memorySamplesMax) this.#samples.shift();
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
  }

  /** For a log record: how long before `nowMs`, and how much; oldest first. */
  before(nowMs: number): { msAgo: number; bytes: number }[] {
    return this.#samples.map(({ atMs, bytes }) => ({ msAgo: Math.round(nowMs - atMs), bytes }));
  }
}

/**
 * When to look again. Pure.
 *
 * @param headroomBytes how much it may still take
 * @returns milliseconds: sooner the less there is left, since nobody but us holds it back
 */
export function nextLookMs(
  headroomBytes: number,
  growthBytesPerMs: number,
  longestMs: number,
): number {
  return Math.min(longestMs, Math.max(0, headroomBytes / growthBytesPerMs));
}
