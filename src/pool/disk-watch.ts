/**
 * Watches what an instance has on disk, against the limits of its version. The kernel has no quota for a folder that
 * works without preparing the machine, so the files are counted, and only when they can have become too many: when the
 * whole disk became so much fuller since they were counted last, by whomever. Now and then they are counted anyway, since
 * others may have made room meanwhile.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionLimits } from "../base/version-spec.ts";
import type { DiskFall, DiskMeter } from "../sandbox/disk-meter.ts";
import type { FolderUse } from "../sandbox/folder-use.ts";
import {
  diskCountIntervalMs,
  diskCountTimeShareMax,
  diskFallBytesMin,
  diskFallFilesMin,
} from "./limits.ts";

/** When the files were counted, and what came of it. */
export interface DiskCount extends FolderUse {
  /** Clock time at its end. Milliseconds. */
  atMs: number;
  /** Milliseconds. */
  tookMs: number;
  /** What the meter said at its beginning. */
  fallen: DiskFall;
}

/** Whether the files have to be counted again. Pure. */
export function isCountDue(
  last: DiskCount,
  fallen: DiskFall,
  limits: Pick<VersionLimits, "diskBytesMax" | "diskFilesMax">,
  nowMs: number,
): boolean {
  const sinceMs = nowMs - last.atMs;
  // However much is written: counting is not what the machine is for.
  if (sinceMs < last.tookMs / diskCountTimeShareMax) return false;
  const bytes = fallen.bytes - last.fallen.bytes;
  const files = fallen.files - last.fallen.files;
  return (
    bytes >= Math.max((limits.diskBytesMax - last.bytes) / 2, diskFallBytesMin) ||
    files >= Math.max((limits.diskFilesMax - last.files) / 2, diskFallFilesMin) ||
    sinceMs >= diskCountIntervalMs
  );
}

export class DiskWatch {
  readonly #app: string;
  readonly #limits: VersionLimits;
  readonly #meter: DiskMeter;
  readonly #count: () => Promise<FolderUse>;
  #last: DiskCount;
  #isCounting = false;

  /** @param count counts the instance's files; never rejects */
  constructor(
    app: string,
    limits: VersionLimits,
    meter: DiskMeter,
    count: () => Promise<FolderUse>,
    nowMs: number,
  ) {
    this.#app = app;
    this.#limits = limits;
    this.#meter = meter;
    this.#count = count;
    // Its folders are empty when it starts.
    this.#last = { bytes: 0, files: 0, atMs: nowMs, tookMs: 0, fallen: meter.fallen(nowMs) };
  }

  /** Called often while the instance runs. Returns why it has to be ended, or null. */
  look(nowMs: number): PlatformError | null {
    const { diskBytesMax, diskFilesMax } = this.#limits;
    const { bytes, files } = this.#last;
    if (bytes > diskBytesMax || files > diskFilesMax) {
      // A folder that nobody can list may hold anything.
      const has = Number.isFinite(files) ? `${bytes} bytes in ${files} files` : "closed folders";
      const what = `${has}, of ${diskBytesMax} bytes and ${diskFilesMax} files`;
      return new PlatformError("DISK_EXCEEDED", [this.#app, what], {
        detail: { diskBytes: bytes, diskBytesMax, diskFiles: files, diskFilesMax },
      });
    }
    const fallen = this.#meter.fallen(nowMs);
    if (!this.#isCounting && isCountDue(this.#last, fallen, this.#limits, nowMs)) {
      void this.#countNow(nowMs, fallen);
    }
    return null;
  }

  async #countNow(nowMs: number, fallen: DiskFall): Promise<void> {
    this.#isCounting = true;
    const beganAtMs = performance.now();
    const use = await this.#count();
    const tookMs = performance.now() - beganAtMs;
    this.#last = { ...use, atMs: nowMs + tookMs, tookMs, fallen };
    this.#isCounting = false;
  }
}
