/**
 * What builds take together, so that they leave the apps theirs: each may have what the others do not use of the builds'
 * share, and at least its part of it.
 */
import { buildsMax } from "./limits.ts";

export class BuildMemory {
  /** The share of all builds. Bytes. */
  readonly bytesMax: number;
  readonly #used = new Map<object, number>();

  constructor(bytesMax = Number.POSITIVE_INFINITY) {
    this.bytesMax = bytesMax;
  }

  /** Of all that run, as each was seen last. Bytes. */
  get usedBytes(): number {
    let bytes = 0;
    for (const used of this.#used.values()) bytes += used;
    return bytes;
  }

  /** A build was seen with so much. `end` has to follow. Returns what it may have. Bytes. */
  note(build: object, bytes: number): number {
    this.#used.set(build, bytes);
    return Math.max(this.bytesMax - (this.usedBytes - bytes), this.bytesMax / buildsMax);
  }

  /** Its processes are gone. Twice is safe. */
  end(build: object): void {
    this.#used.delete(build);
  }
}
