/** The instances of a version that take requests, warm or asleep, and which of them takes the next one. */
import type { Instance } from "./instance.ts";

/** What counts of an instance when a request is given to one. */
export interface Busyness {
  /** It has to be woken first. */
  readonly isAsleep: boolean;
  /** Requests it is busy with. Count. */
  readonly running: number;
}

/**
 * Index of the one with the fewest running requests. Among equals a warm one goes before one asleep, which costs a
 * signal; then the next in turn. Pure.
 *
 * @param turn index to begin with; pass the last result plus one
 */
export function leastBusy(instances: readonly Busyness[], turn: number): number {
  const count = instances.length;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step < count; step++) {
    const index = (turn + step) % count;
    const { isAsleep, running } = instances[index]!;
    const cost = isAsleep ? running + 0.5 : running;
    if (cost >= least) continue;
    best = index;
    least = cost;
  }
  return best;
}

export class Ready {
  readonly #instances: Instance[] = [];
  #turn = 0;

  get count(): number {
    return this.#instances.length;
  }

  get all(): readonly Instance[] {
    return this.#instances;
  }

  /** Requests they are busy with. Count. */
  get running(): number {
    return this.#instances.reduce((all, { running }) => all + running, 0);
  }

  add(instance: Instance): void {
    this.#instances.push(instance);
  }

  /** Twice is safe. */
  remove(instance: Instance): void {
    const index = this.#instances.indexOf(instance);
    if (index !== -1) this.#instances.splice(index, 1);
  }

  /** The one that takes the next request; there must be one. With one alone nothing is looked at. */
  next(): Instance {
    const instances = this.#instances;
    if (instances.length === 1) return instances[0]!;
    const index = leastBusy(instances, this.#turn);
    this.#turn = index + 1;
    return instances[index]!;
  }

  /** The one that is missed least: with the least that is open; then one asleep; then the youngest. */
  leastMissed(): Instance {
    const cost = ({ open, isAsleep }: Instance) => (isAsleep ? open : open + 0.5);
    return this.#instances.reduce((best, one) => (cost(one) <= cost(best) ? one : best));
  }

  /** Since the last request ended; null while one is open, or there is no instance. Milliseconds. */
  idleMs(nowMs: number): number | null {
    let idleMs: number | null = null;
    for (const instance of this.#instances) {
      if (instance.open > 0) return null;
      idleMs = Math.min(idleMs ?? Number.POSITIVE_INFINITY, instance.idleMs(nowMs));
    }
    return idleMs;
  }
}
