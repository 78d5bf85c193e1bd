/** Whose memory is measured and, when it runs short, given back: an instance, as the governor of the memory sees it. */
import type { VersionSpec } from "../base/version-spec.ts";
import type { ProcessMemory } from "../sandbox/process-memory.ts";
import type { ReliefKind } from "./memory-rule.ts";

export interface MemoryHolder {
  readonly spec: VersionSpec;
  /** Leader of its processes; null without one. */
  readonly pid: number | null;
  readonly state: "starting" | "warm" | "frozen" | "paged" | "going";
  /** Something is open on it, or it is not up. */
  readonly isInUse: boolean;
  readonly isSuperseded: boolean;
  /** Its version has no more instances than it should have at least. */
  readonly isMinimum: boolean;
  /** See `VersionSpec`. */
  readonly mayStop: boolean;
  /** Its memory can be moved out to swap now. */
  readonly canPage: boolean;
  /** Milliseconds. */
  idleMs(nowMs: number): number;
  /** It was measured. */
  noteMemory(memory: ProcessMemory, nowMs: number): void;
  /**
   * Does it, when it is not in use, and says so in the app's log with `why`. Resolves when it is done, or cannot be; never
   * rejects.
   */
  relieve(kind: ReliefKind, why: string): Promise<unknown>;
}
