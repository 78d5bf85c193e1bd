/** Which instances of a version come and go while it is in use: more, fewer, and successors of those that are worn. */
import type { VersionSpec } from "../base/version-spec.ts";
import type { Instance } from "./instance.ts";
import type { Instances } from "./instances.ts";
import type { PoolCounters } from "./pool-counters.ts";
import type { PoolLog } from "./pool-log.ts";
import type { Ready } from "./ready.ts";
import { Scale } from "./scale.ts";

export interface TurnoverParts {
  spec: VersionSpec;
  instances: Instances;
  ready: Ready;
  counters: PoolCounters;
  log: PoolLog;
}

export class Turnover {
  readonly #parts: TurnoverParts;
  /** Null for a version that never has more than one. */
  readonly #scale: Scale | null;

  constructor(parts: TurnoverParts) {
    this.#parts = parts;
    this.#scale = parts.spec.instances.max > 1 ? new Scale(parts.spec) : null;
  }

  /**
   * Gives one back when fewer are enough. Returns whether there should be one more.
   *
   * @param waiting requests that find no room. Count.
   */
  rescale(waiting: number, nowMs: number): boolean {
    if (this.#scale === null) return false;
    const { ready, instances, log } = this.#parts;
    const decision = this.#scale.look(ready.all, instances.count, waiting, nowMs);
    if (decision === "retire") {
      const least = ready.leastMissed();
      log.retired(least.id, ready.count - 1);
      this.#retire(least, nowMs);
    }
    return decision === "start";
  }

  /** Whether some are there that may be given back. */
  get hasSurplus(): boolean {
    return this.#scale !== null && this.#parts.ready.count > this.#parts.spec.instances.min;
  }

  /** One that has had its requests and should get a successor; it goes on until that one is warm. Null for none. */
  findWorn(): Instance | null {
    const { spec, instances, ready } = this.#parts;
    const { requestsMax } = spec.limits;
    // One at a time: what an old one still has open must not add up to processes.
    if (requestsMax === 0 || instances.hasRetired) return null;
    return ready.all.find((one) => one.isWarmAndHad(requestsMax)) ?? null;
  }

  /** A successor is warm. */
  retireWorn(nowMs: number): void {
    const { ready, counters, log } = this.#parts;
    for (const old of ready.all.filter(({ isWorn }) => isWorn)) {
      counters.recycles += 1;
      log.recycled(old.id, old.opened);
      this.#retire(old, nowMs);
    }
  }

  /** What was started so far ends with its last request; the next one starts anew, with the environment of that moment. */
  retireAll(nowMs: number): void {
    for (const instance of [...this.#parts.ready.all]) this.#retire(instance, nowMs);
  }

  /** It is given no more requests, and ends with its last one. */
  #retire(instance: Instance, nowMs: number): void {
    this.#parts.ready.remove(instance);
    instance.retire(nowMs);
    if (instance.open === 0) instance.end(null);
  }
}
