/** An instance as whoever shares out the node's memory sees it: what it takes, and how it gives some back. */
import type { VersionSpec } from "../base/version-spec.ts";
import type { ProcessMemory } from "../sandbox/process-memory.ts";
import type { Claim } from "./claim.ts";
import type { Instance } from "./instance.ts";
import { youngMs } from "./limits.ts";
import type { MemoryHolder } from "./memory-holder.ts";
import type { ReliefKind } from "./memory-rule.ts";
import type { Ready } from "./ready.ts";
import type { Standby } from "./standby.ts";

/** Parts of its pool. */
export interface InstanceMemoryParts {
  claim: Claim;
  ready: Ready;
  standby: Standby;
}

export class InstanceMemory implements MemoryHolder {
  readonly #instance: Instance;
  readonly #parts: InstanceMemoryParts;
  /** What was expected when it was started. Bytes. */
  readonly #expectedBytes: number;
  #peakBytes = 0;

  constructor(instance: Instance, parts: InstanceMemoryParts) {
    this.#instance = instance;
    this.#parts = parts;
    this.#expectedBytes = parts.claim.expectedBytes;
  }

  get spec(): VersionSpec {
    return this.#instance.spec;
  }

  get pid(): number | null {
    return this.#instance.pid;
  }

  get state(): MemoryHolder["state"] {
    return this.#instance.state;
  }

  get isInUse(): boolean {
    const { isUp, open, retiredAtMs } = this.#instance;
    // One that is retired ends with its last request.
    return !isUp || open > 0 || retiredAtMs !== null;
  }

  get isSuperseded(): boolean {
    return this.#parts.standby.isSuperseded;
  }

  get isMinimum(): boolean {
    return this.#parts.ready.count <= this.spec.instances.min;
  }

  get mayStop(): boolean {
    return this.spec.standby === "stop-allowed";
  }

  get canPage(): boolean {
    return this.#parts.standby.canPage(this.#instance);
  }

  idleMs(nowMs: number): number {
    return this.#instance.idleMs(nowMs);
  }

  noteMemory({ ramBytes, swapBytes }: ProcessMemory, nowMs: number): void {
    this.#peakBytes = Math.max(this.#peakBytes, ramBytes + swapBytes);
    // A process that was just started has not had what it will need.
    const isYoung = nowMs - this.#instance.startedAtMs < youngMs;
    const bytes = isYoung ? Math.max(this.#peakBytes, this.#expectedBytes) : this.#peakBytes;
    this.#parts.claim.expectedBytes = Math.min(bytes, this.spec.limits.memoryBytesMax);
  }

  async relieve(kind: ReliefKind, why: string): Promise<unknown> {
    if (this.isInUse) return;
    if (kind === "stop") return this.#instance.evict(why);
    if (kind === "page") return this.#parts.standby.page(this.#instance, why);
    return this.#parts.standby.freeze(this.#instance, why);
  }
}
