/** Attempts that wait for a runner of their key, in the order in which they came. Rare: after a start, and for lost messages. */
import type { Attempt } from "./attempt.ts";
import type { MatchKey } from "./broker-api.ts";

export class HeldAttempts {
  readonly #byKey = new Map<MatchKey, Attempt[]>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(attempt: Attempt): void {
    const { key } = attempt.dispatch;
    const held = this.#byKey.get(key);
    if (held === undefined) this.#byKey.set(key, [attempt]);
    else held.push(attempt);
    this.#count += 1;
  }

  /** Twice is safe. */
  remove(attempt: Attempt): void {
    const { key } = attempt.dispatch;
    const held = this.#byKey.get(key);
    const at = held?.indexOf(attempt) ?? -1;
    if (held === undefined || at === -1) return;
    held.splice(at, 1);
    if (held.length === 0) this.#byKey.delete(key);
    this.#count -= 1;
  }

  /** The one that has waited longest; it stays held. */
  first(key: MatchKey): Attempt | null {
    return this.#byKey.get(key)?.[0] ?? null;
  }
}
