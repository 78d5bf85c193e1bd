/**
 * Measures what instances take up, in turns: so many in one look, what has changed since first, and who was not looked at
 * for longest. What sleeps does not change, and is measured once.
 */
import type { ProcessMemory } from "../sandbox/process-memory.ts";
import { memoryFreshMs, memoryLookMs, samplesPerLookMax } from "./limits.ts";
import type { MemoryHolder } from "./memory-holder.ts";
import type { MemoryShare } from "./memory-room.ts";

/** What was measured of a share, and when. */
interface Sample {
  holder: MemoryHolder;
  state: MemoryHolder["state"];
  /** Clock time. Milliseconds. */
  atMs: number;
}

export class MemorySampler {
  readonly #measure: (pid: number) => Promise<ProcessMemory | null>;
  readonly #samples = new WeakMap<MemoryShare, Sample>();

  /** @param measure a process and its children; null when it is gone */
  constructor(measure: (pid: number) => Promise<ProcessMemory | null>) {
    this.#measure = measure;
  }

  /** Looks at those that are due. With `isShort` what runs is looked at more often. */
  async look(shares: Iterable<MemoryShare>, isShort: boolean, nowMs: number): Promise<void> {
    const freshMs = isShort ? memoryLookMs : memoryFreshMs;
    const due: { share: MemoryShare; ageMs: number }[] = [];
    for (const share of shares) {
      const ageMs = this.#ageMs(share, nowMs);
      if (ageMs >= freshMs) due.push({ share, ageMs });
    }
    due.sort((one, other) => other.ageMs - one.ageMs);
    for (const { share } of due.slice(0, samplesPerLookMax)) await this.measure(share, nowMs);
  }

  /** Looks at one now. */
  async measure(share: MemoryShare, nowMs: number): Promise<void> {
    const { holder } = share;
    if (holder === null || holder.pid === null) return;
    const { state, pid } = holder;
    const memory = await this.#measure(pid);
    // Another process may have the pid by now.
    if (memory === null || holder.pid !== pid) return;
    share.memory = memory;
    this.#samples.set(share, { holder, state, atMs: nowMs });
    holder.noteMemory(memory, nowMs);
  }

  /** For how long what is known is out of date. Milliseconds; 0 = it is not, or cannot be measured. */
  #ageMs(share: MemoryShare, nowMs: number): number {
    const { holder } = share;
    if (holder === null || holder.pid === null || holder.state === "going") return 0;
    const sample = this.#samples.get(share);
    if (sample === undefined || sample.state !== holder.state) return Number.POSITIVE_INFINITY;
    const isAsleep = holder.state === "frozen" || holder.state === "paged";
    return isAsleep ? 0 : nowMs - sample.atMs;
  }
}
