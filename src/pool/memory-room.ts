/**
 * The memory that instances take up, as far as it is known: each has a share from before its process is started until it
 * is gone.
 *
 *   take() ──it fits──▶ granted ──measured, again and again──▶ release()
 *     └──it does not──▶ waiting ──others give memory back──▶ granted
 *                          └──nobody awaits the start any more, or it can never fit──▶ HOST_MEMORY_FULL
 *
 * Who waits is served in the order of arrival. Making room is the affair of the governor, which is told who waits.
 */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { ProcessMemory } from "../sandbox/process-memory.ts";
import { HeldTotal } from "./holds.ts";
import type { MemoryHolder } from "./memory-holder.ts";
import type { Claimant } from "./places.ts";
import type { Ticked } from "./ticks.ts";

/** What an instance takes up of the node's memory. */
export interface MemoryShare {
  /** Set as soon as there is one. */
  holder: MemoryHolder | null;
  /** What its version took before, or what a new one is expected to take. Bytes. */
  readonly expectedBytes: number;
  /** As it was measured last; null before. */
  memory: ProcessMemory | null;
  /** What it counts as now. Bytes. */
  readonly ramBytes: number;
  /** The process is gone, or was never had. Twice is safe. */
  release(): void;
}

interface Waiter {
  claimant: Claimant;
  expectedBytes: number;
  granted: PromiseWithResolvers<MemoryShare>;
  /** Clock time. Milliseconds. */
  sinceMs: number;
}

export class MemoryRoom implements Ticked {
  readonly #clock: Clock;
  readonly #shares = new Set<MemoryShare>();
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiter>();
  /** What all may take together. Bytes; infinite without a governor. */
  budgetBytes = Number.POSITIVE_INFINITY;
  /** What is used besides: the node's own processes, PostgreSQL, builds. Bytes. */
  othersBytes = 0;
  /** The machine suffers: nothing is started, whatever would fit. */
  isOver = false;
  /** What the node keeps of requests that wait for their apps. */
  readonly held = new HeldTotal();
  /** Each is told when a start begins to wait. */
  readonly onWaiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get shares(): Iterable<MemoryShare> {
    return this.#shares;
  }

  /** Of instances. Bytes. */
  get appsBytes(): number {
    let bytes = 0;
    for (const share of this.#shares) bytes += share.ramBytes;
    return bytes;
  }

  get usedBytes(): number {
    return this.othersBytes + this.appsBytes;
  }

  /** Starts that wait for memory. Count. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** What the start is expected to take that waits longest. Bytes; 0 = none waits. */
  get wantedBytes(): number {
    const [first] = this.#waiting;
    return first?.expectedBytes ?? 0;
  }

  /** Whether so much can be had now, by somebody who would not wait. */
  has(bytes: number): boolean {
    return this.#waiting.size === 0 && this.#fits(bytes);
  }

  /**
   * Resolves when there is room; whoever gets the share releases it.
   *
   * @throws {PlatformError} `HOST_MEMORY_FULL` when it never fits, or nobody awaits the start any more; what `giveUp` was
   *   given.
   */
  take(claimant: Claimant, expectedBytes: number): Promise<MemoryShare> {
    if (this.has(expectedBytes)) return Promise.resolve(this.#newShare(expectedBytes));
    const granted = Promise.withResolvers<MemoryShare>();
    this.#waiting.add({ claimant, expectedBytes, granted, sinceMs: this.#clock.nowMs() });
    this.settle();
    if (this.#waiting.size > 0) for (const tell of this.onWaiting) tell();
    return granted.promise;
  }

  /** Ends the waiting of a claimant's starts with an error. */
  giveUp(claimant: Claimant, error: PlatformError): void {
    for (const waiter of this.#waiting) if (waiter.claimant === claimant) this.#drop(waiter, error);
  }

  /** Why a claimant has no memory. */
  fullError({ spec }: Claimant, expectedBytes: number): PlatformError {
    const { usedBytes, budgetBytes } = this;
    return new PlatformError("HOST_MEMORY_FULL", [spec.app, expectedBytes, usedBytes, budgetBytes]);
  }

  /** Lets go of those whose start nobody awaits any more. */
  tick(): number {
    this.settle();
    return this.#waiting.size > 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Gives what there is to those who wait. Called when memory was given back. */
  settle(): void {
    for (const waiter of this.#waiting) {
      const { claimant, expectedBytes, granted, sinceMs } = waiter;
      const isAwaited = claimant.isAwaited(this.#clock.nowMs() - sinceMs);
      if (!isAwaited || this.othersBytes + expectedBytes > this.budgetBytes) {
        this.#drop(waiter, this.fullError(claimant, expectedBytes));
        continue;
      }
      if (!this.#fits(expectedBytes)) return;
      this.#waiting.delete(waiter);
      granted.resolve(this.#newShare(expectedBytes));
    }
  }

  #fits(bytes: number): boolean {
    return !this.isOver && this.usedBytes + bytes <= this.budgetBytes;
  }

  #drop(waiter: Waiter, error: PlatformError): void {
    this.#waiting.delete(waiter);
    waiter.granted.reject(error);
  }

  #newShare(expectedBytes: number): MemoryShare {
    const share: MemoryShare = {
      holder: null,
      expectedBytes,
      memory: null,
      get ramBytes() {
        const measuredBytes = share.memory?.ramBytes ?? 0;
        // Until it has what it needs, what is expected is spoken for.
        const isStarting = share.memory === null || share.holder?.state === "starting";
        return isStarting ? Math.max(expectedBytes, measuredBytes) : measuredBytes;
      },
      release: () => {
        if (this.#shares.delete(share)) this.settle();
      },
    };
    this.#shares.add(share);
    return share;
  }
}
