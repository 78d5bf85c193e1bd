/**
 * The places of a node: at most `instancesMax` instances have one at once. An instance has its place from before its
 * process is started until that process is on its way out.
 *
 *   take() ──a place is free──▶ taken ──release()──▶ free
 *     └──none──▶ waiting ──an idle instance is evicted, or one ends──▶ taken
 *
 * Whoever waits gets a place in the order of arrival. Only an idle instance is evicted; while every one is in use, who
 * waits, waits. Evicted processes take a moment to end; how many do at once is bounded too.
 */
import type { Clock } from "../base/clock.ts";
import { invariant, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { type Evictable, goesBefore } from "./eviction.ts";
import { evictedShareMax, holdTimeoutMs } from "./limits.ts";
import type { Ticked } from "./ticks.ts";

/** Who wants to start an instance: a pool. */
export interface Claimant {
  readonly spec: VersionSpec;
  /** Whether somebody waits for the start still, after it has waited for so long. */
  isAwaited(waitedMs: number): boolean;
}

/** Who has a place: an instance. */
export interface Occupant {
  /** What the rule has to know; null while it starts, ends or is in use. */
  readonly evictable: Evictable | null;
  /** Ends its process, which is idle, and releases its place before it returns. Resolves when the process is gone. */
  evict(): Promise<unknown>;
}

/** A place that was taken. */
export interface Place {
  /** Set as soon as there is one. */
  occupant: Occupant | null;
  /** The process is on its way out, or was never had. Twice is safe. */
  release(): void;
}

interface Waiter {
  claimant: Claimant;
  granted: PromiseWithResolvers<Place>;
  /** Clock time. Milliseconds. */
  sinceMs: number;
}

export class Places implements Ticked {
  /** Instances with a place at most. Count. */
  readonly instancesMax: number;
  readonly #clock: Clock;
  readonly #taken = new Set<Place>();
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiter>();
  /** Evicted processes that have not ended. Count. */
  #evicted = 0;
  #isSettling = false;
  /** Called when a start has to wait: `tick` is needed from then on. */
  onWaiting: () => void = () => {};

  constructor(instancesMax: number, clock: Clock) {
    invariant(Number.isInteger(instancesMax) && instancesMax >= 1, "instancesMax is 1 or more");
    this.instancesMax = instancesMax;
    this.#clock = clock;
  }

  /** Places that are taken. Count. */
  get taken(): number {
    return this.#taken.size;
  }

  /** Whether one can be had now without an eviction. */
  get hasFree(): boolean {
    return this.#taken.size < this.instancesMax && this.#waiting.size === 0;
  }

  /** Starts that wait for one. Count. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when there is a place; whoever gets it gives it back with `release`.
   *
   * @throws {PlatformError} `INSTANCES_FULL` when nobody awaits the start any more; what `giveUp` was given.
   */
  take(claimant: Claimant): Promise<Place> {
    const granted = Promise.withResolvers<Place>();
    this.#waiting.add({ claimant, granted, sinceMs: this.#clock.nowMs() });
    this.settle();
    if (this.#waiting.size > 0) this.onWaiting();
    return granted.promise;
  }

  /** Ends the waiting of a claimant's starts with an error. */
  giveUp(claimant: Claimant, error: PlatformError): void {
    for (const waiter of this.#waiting) if (waiter.claimant === claimant) this.#drop(waiter, error);
  }

  /** Why a claimant has no place. */
  fullError({ spec }: Claimant): PlatformError {
    return new PlatformError("INSTANCES_FULL", [spec.app, this.instancesMax, holdTimeoutMs]);
  }

  /** Lets go of those whose start nobody awaits any more. */
  tick(): number {
    for (const waiter of this.#waiting) this.#isStale(waiter);
    this.settle();
    return this.#waiting.size > 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Gives out what is free, and makes room. Called when an instance becomes idle. */
  settle(): void {
    // Evicting one releases its place, which asks for this again.
    if (this.#waiting.size === 0 || this.#isSettling) return;
    this.#isSettling = true;
    for (const waiter of this.#waiting) {
      if (this.#isStale(waiter)) continue;
      if (this.#taken.size >= this.instancesMax && !this.#evictOne()) break;
      this.#waiting.delete(waiter);
      waiter.granted.resolve(this.#newPlace());
    }
    this.#isSettling = false;
  }

  #newPlace(): Place {
    const place: Place = {
      occupant: null,
      release: () => {
        if (this.#taken.delete(place)) this.settle();
      },
    };
    this.#taken.add(place);
    return place;
  }

  #isStale(waiter: Waiter): boolean {
    const { claimant, sinceMs } = waiter;
    if (claimant.isAwaited(this.#clock.nowMs() - sinceMs)) return false;
    this.#drop(waiter, this.fullError(claimant));
    return true;
  }

  #drop(waiter: Waiter, error: PlatformError): void {
    this.#waiting.delete(waiter);
    waiter.granted.reject(error);
  }

  /** Returns whether a place became free. */
  #evictOne(): boolean {
    if (this.#evicted >= Math.max(1, Math.floor(this.instancesMax * evictedShareMax))) return false;
    let victim: Occupant | null = null;
    let first: Evictable | null = null;
    for (const { occupant } of this.#taken) {
      const evictable = occupant?.evictable ?? null;
      if (evictable === null || (first !== null && !goesBefore(evictable, first))) continue;
      victim = occupant;
      first = evictable;
    }
    if (victim === null) return false;
    this.#evicted += 1;
    void victim.evict().then(() => {
      this.#evicted -= 1;
      this.settle();
    });
    return this.#taken.size < this.instancesMax;
  }
}
