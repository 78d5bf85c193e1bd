/**
 * How much fuller a file system became: one cheap question that tells whether somebody may have written a lot, whoever
 * and however. Shared by all who write there.
 */
import { statfsSync } from "node:fs";
import { diskSampleMs } from "./limits.ts";

export interface DiskRoom {
  /** Bytes. */
  free: number;
  /** Files that can still be made. Count; 0 where the file system has no such bound. */
  freeFiles: number;
}

export interface DiskFall {
  /** Bytes. */
  bytes: number;
  /** Count. */
  files: number;
}

export class DiskMeter {
  readonly #room: () => DiskRoom;
  #last: DiskRoom | null = null;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #fallen: DiskFall = { bytes: 0, files: 0 };

  /** @param room asks the file system */
  constructor(room: () => DiskRoom) {
    this.#room = room;
  }

  /** Of the file system that a folder is in. */
  static of(dir: string): DiskMeter {
    return new DiskMeter(() => {
      const { bavail, bsize, ffree } = statfsSync(dir);
      return { free: bavail * bsize, freeFiles: ffree };
    });
  }

  /**
   * By how much the room has fallen since the meter was made, all falls together: what was freed in between does not
   * count. Never falls itself. Asks at most every `diskSampleMs`.
   */
  fallen(nowMs: number): DiskFall {
    if (nowMs - this.#askedAtMs < diskSampleMs) return this.#fallen;
    this.#askedAtMs = nowMs;
    const room = this.#asked();
    if (room === null) return this.#fallen;
    const last = this.#last ?? room;
    this.#last = room;
    this.#fallen = {
      bytes: this.#fallen.bytes + Math.max(0, last.free - room.free),
      files: this.#fallen.files + Math.max(0, last.freeFiles - room.freeFiles),
    };
    return this.#fallen;
  }

  #asked(): DiskRoom | null {
    try {
      return this.#room();
    } catch {
      return null;
    }
  }
}
