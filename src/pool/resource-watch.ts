/**
 * Watches what an instance takes of the machine, against the limits of its version: says when it has to be ended and
 * why, and what its log should say. What the kernel holds it to needs no haste; what it does not is looked at more often
 * the closer it comes. Ends nothing itself.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionLimits } from "../base/version-spec.ts";
import {
  breachNoteMs,
  cpuWindowMs,
  memoryGrowthBytesPerMs,
  memorySampleMs,
  processesRefusedLooksMax,
  throttledShareMax,
} from "./limits.ts";
import { MemoryCurve, nextLookMs } from "./memory-curve.ts";

/** What the instance takes. Each is null where it cannot be known. */
export interface Resources {
  /** The kernel ends it at its limit. */
  readonly isMemoryHeld: boolean;
  /** Bytes. */
  memoryBytes(): number | null;
  /** Processes of it that the kernel has ended for want of memory. Count. */
  oomKills(): number;
  /** Processes and threads, where the kernel does not bound them. Count. */
  processes(): number | null;
  /** Processes that were refused so far, where it does. Count. */
  processesRefused(): number | null;
  /** Spans of time since its start in which it ran, and in which it was held back. Counts. */
  cpu(): { periods: number; throttled: number } | null;
}

export class ResourceWatch {
  readonly #app: string;
  readonly #limits: VersionLimits;
  readonly #resources: Resources;
  readonly #curve = new MemoryCurve();
  #lookAtMs = Number.NEGATIVE_INFINITY;
  #refused = 0;
  /** Looks in a row that found more refused. Count. */
  #refusedLooks = 0;
  #cpu: { periods: number; throttled: number; atMs: number } | null = null;
  /** When the log was told of each. */
  readonly #notedAtMs = new Map<string, number>();

  constructor(app: string, limits: VersionLimits, resources: Resources) {
    this.#app = app;
    this.#limits = limits;
    this.#resources = resources;
  }

  /** As of the latest look. Bytes; null when it is not known. */
  get memoryBytes(): number | null {
    return this.#curve.last?.bytes ?? null;
  }

  /**
   * Called often while the instance runs.
   *
   * @param running requests it is busy with. Count.
   * @param note gets what its log should say; it goes on
   * @returns why it has to be ended, or null
   */
  look(
    nowMs: number,
    running: number,
    note: (breach: PlatformError) => void,
  ): PlatformError | null {
    if (nowMs < this.#lookAtMs) return null;
    this.#lookAtMs = nowMs + memorySampleMs;
    const noteOnce = (breach: PlatformError | null) => {
      if (breach === null) return;
      const notedAtMs = this.#notedAtMs.get(breach.code) ?? Number.NEGATIVE_INFINITY;
      if (nowMs - notedAtMs < breachNoteMs) return;
      this.#notedAtMs.set(breach.code, nowMs);
      note(breach);
    };
    noteOnce(this.#cpuBreach(nowMs, running));
    return this.#memoryCause(nowMs) ?? this.#processesCause(noteOnce);
  }

  /** Why a process ended that the kernel has killed, when it was for want of memory. */
  killedForMemory(nowMs: number): PlatformError | null {
    if (this.#resources.oomKills() === 0) return null;
    // What the kernel saw last was its limit; the latest look may be older.
    return this.#outOfMemory(nowMs, Math.max(this.#curve.peakBytes, this.#limits.memoryBytesMax));
  }

  #memoryCause(nowMs: number): PlatformError | null {
    const bytes = this.#resources.memoryBytes();
    if (bytes === null) return null;
    this.#curve.add(nowMs, bytes);
    const { memoryBytesMax } = this.#limits;
    if (bytes > memoryBytesMax) return this.#outOfMemory(nowMs, bytes);
    if (this.#resources.isMemoryHeld) return this.killedForMemory(nowMs);
    const headroomBytes = memoryBytesMax - bytes;
    this.#lookAtMs = nowMs + nextLookMs(headroomBytes, memoryGrowthBytesPerMs, memorySampleMs);
    return null;
  }

  #outOfMemory(nowMs: number, bytes: number): PlatformError {
    const { memoryBytesMax } = this.#limits;
    return new PlatformError("OUT_OF_MEMORY", [this.#app, bytes, memoryBytesMax], {
      detail: {
        peakBytes: Math.max(bytes, this.#curve.peakBytes),
        memoryBytesMax,
        samples: this.#curve.before(nowMs),
      },
    });
  }

  #processesCause(note: (breach: PlatformError) => void): PlatformError | null {
    const { processesMax } = this.#limits;
    const processes = this.#resources.processes();
    if (processes !== null && processes > processesMax) return this.#tooMany({ processes });
    const refused = this.#resources.processesRefused();
    if (refused === null) return null;
    const isMore = refused > this.#refused;
    this.#refused = refused;
    this.#refusedLooks = isMore ? this.#refusedLooks + 1 : 0;
    if (!isMore) return null;
    const breach = this.#tooMany({ refused });
    // One that never stops trying does nothing else.
    if (this.#refusedLooks >= processesRefusedLooksMax) return breach;
    note(breach);
    return null;
  }

  #tooMany(detail: { processes: number } | { refused: number }): PlatformError {
    const { processesMax } = this.#limits;
    return new PlatformError("PROCESSES_EXCEEDED", [this.#app, processesMax], {
      detail: { processesMax, ...detail },
    });
  }

  #cpuBreach(nowMs: number, running: number): PlatformError | null {
    if (this.#limits.cpuCoresMax === 0) return null;
    const before = this.#cpu;
    if (before !== null && nowMs - before.atMs < cpuWindowMs) return null;
    const cpu = this.#resources.cpu();
    if (cpu === null) return null;
    this.#cpu = { ...cpu, atMs: nowMs };
    const periods = cpu.periods - (before?.periods ?? cpu.periods);
    const throttled = cpu.throttled - (before?.throttled ?? cpu.throttled);
    // Held back in most of the time it wanted to run, and that for most of the window, while somebody waits.
    const isStarved = throttled > periods * throttledShareMax && periods * 100 > cpuWindowMs / 2;
    if (!isStarved || running === 0) return null;
    const { cpuCoresMax } = this.#limits;
    const percent = Math.round((100 * throttled) / periods);
    return new PlatformError("CPU_STARVED", [this.#app, cpuCoresMax, percent], {
      detail: { cpuCoresMax, throttledPercent: percent, requestsRunning: running },
    });
  }
}
