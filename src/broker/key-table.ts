/** The waiters of each key. A key and its lists are there while it has a waiter, and go with the last. */
import type { MatchKey } from "./broker-api.ts";
import { Chain } from "./chain.ts";
import type { ParkedWaiter, Rank } from "./parked-waiter.ts";

export class KeyEntry {
  readonly key: MatchKey;
  /** Latest first. */
  readonly fresh = new Chain<ParkedWaiter>();
  /** Latest first. */
  readonly doubtful = new Chain<ParkedWaiter>();
  /** Cordoned and spent ones. */
  readonly aside = new Chain<ParkedWaiter>();
  /** Of those aside. */
  cordoned = 0;

  constructor(key: MatchKey) {
    this.key = key;
  }

  /** Waiters in all. */
  get count(): number {
    return this.fresh.count + this.doubtful.count + this.aside.count;
  }

  /** Waiters that a message may be offered to. */
  get listed(): number {
    return this.fresh.count + this.doubtful.count;
  }

  /** The list for waiters of this rank. */
  listOf(rank: Rank): Chain<ParkedWaiter> {
    if (rank === "fresh") return this.fresh;
    return rank === "doubtful" ? this.doubtful : this.aside;
  }
}

export class KeyTable {
  readonly #entries = new Map<MatchKey, KeyEntry>();

  /** Keys that have a waiter. */
  get count(): number {
    return this.#entries.size;
  }

  get(key: MatchKey): KeyEntry | null {
    return this.#entries.get(key) ?? null;
  }

  /** The entry of a key, made when there is none; `free` it when its last waiter has left. */
  open(key: MatchKey): KeyEntry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = new KeyEntry(key);
      this.#entries.set(key, entry);
    }
    return entry;
  }

  free(entry: KeyEntry): void {
    this.#entries.delete(entry.key);
  }

  entries(): IterableIterator<KeyEntry> {
    return this.#entries.values();
  }
}
