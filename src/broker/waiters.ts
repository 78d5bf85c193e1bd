/**
 * All polls that are held: which one a message is offered to next, and which are over. Knows nothing of messages; what it
 * says is to be ended is ended by the caller.
 */
import type { MatchKey } from "./broker-api.ts";
import { type KeyEntry, KeyTable } from "./key-table.ts";
import { overdueMs, spentMarginMsMax } from "./limits.ts";
import { NameTable } from "./name-table.ts";
import type { ParkedWaiter, Rank } from "./parked-waiter.ts";
import { WaiterDeadlines } from "./waiter-deadlines.ts";

export class Waiters {
  readonly #keys = new KeyTable();
  readonly #deadlines: WaiterDeadlines;
  /** The latest poll that is parked, for each runner that says who it is. */
  readonly #latest = new NameTable<ParkedWaiter>();
  /** How long after its beginning a poll is of use, and when it must be over. Milliseconds. */
  readonly #usableMs: number;
  readonly #overMs: number;
  readonly #counts: Record<Rank, number> = { fresh: 0, doubtful: 0, cordoned: 0, spent: 0 };

  constructor(connectionTimeoutMs: number, nowMs: number) {
    this.#usableMs = connectionTimeoutMs - Math.min(spentMarginMsMax, connectionTimeoutMs / 10);
    this.#overMs = connectionTimeoutMs + overdueMs;
    this.#deadlines = new WaiterDeadlines(this.#overMs, nowMs);
  }

  get count(): number {
    return this.#counts.fresh + this.#counts.doubtful + this.#counts.cordoned + this.#counts.spent;
  }

  get keysCount(): number {
    return this.#keys.count;
  }

  countOf(rank: Rank): number {
    return this.#counts[rank];
  }

  /** Whether a client that began to wait then still waits for so long that a message can be offered to it. */
  isUsable(beganMs: number, nowMs: number): boolean {
    return nowMs - beganMs < this.#usableMs;
  }

  /** Holds it; another poll of the same runner comes last from now on: its connection may be one that nobody reads. */
  park(waiter: ParkedWaiter): void {
    const { controller, key } = waiter.poll;
    if (controller !== "") {
      const earlier = this.#latest.get(controller);
      if (earlier?.rank === "fresh") this.#rank(earlier, "doubtful", true);
      this.#latest.set(controller, waiter);
    }
    const entry = this.#keys.open(key);
    waiter.entry = entry;
    this.#list(entry, waiter);
    this.#deadlines.set(waiter, this.#dueMsOf(waiter));
  }

  /** @returns false: it was not parked any more */
  remove(waiter: ParkedWaiter): boolean {
    const { entry } = waiter;
    if (entry === null) return false;
    this.#unlist(entry, waiter);
    waiter.entry = null;
    if (entry.count === 0) this.#keys.free(entry);
    this.#deadlines.remove(waiter);
    const { controller } = waiter.poll;
    if (controller !== "" && this.#latest.get(controller) === waiter) {
      this.#latest.delete(controller);
    }
    return true;
  }

  /** Takes the waiter that a message of this key is offered to: the latest that is not in doubt, else the latest. */
  take(key: MatchKey, nowMs: number): ParkedWaiter | null {
    const entry = this.#keys.get(key);
    if (entry === null) return null;
    const waiter =
      this.#firstUsable(entry.fresh.first, nowMs) ?? this.#firstUsable(entry.doubtful.first, nowMs);
    if (waiter !== null) this.remove(waiter);
    return waiter;
  }

  /** Whether all that keeps a message of this key from being offered is that machines are cordoned. */
  isCordoned(key: MatchKey): boolean {
    const entry = this.#keys.get(key);
    return entry !== null && entry.cordoned > 0;
  }

  /** The listed waiter that counts least when a key has too many: of the doubtful ones, else of all, the one longest there. */
  surplus(key: MatchKey, listedMax: number): ParkedWaiter | null {
    const entry = this.#keys.get(key);
    if (entry === null || entry.listed <= listedMax) return null;
    return entry.doubtful.last ?? entry.fresh.last;
  }

  /** Sets those aside whose client is about to ask anew. @returns one that must be over by now; null: no more. */
  overdue(nowMs: number): ParkedWaiter | null {
    for (let waiter = this.#deadlines.due(nowMs); waiter !== null; ) {
      if (waiter.rank === "spent") return waiter;
      this.#rank(waiter, "spent");
      waiter = this.#deadlines.due(nowMs);
    }
    return null;
  }

  /**
   * Ranks waiters anew after the cordoned machines have changed: those that are cordoned no more count as doubtful, since
   * nobody knows what was done to the machine.
   *
   * @param mayHold false: a cordoned waiter is not held. @returns those that are to be ended
   */
  recordon(isCordoned: (instance: string) => boolean, mayHold: boolean): ParkedWaiter[] {
    const ended: ParkedWaiter[] = [];
    for (const waiter of this.all()) {
      if (waiter.rank === "spent") continue;
      const is = isCordoned(waiter.poll.instance);
      if (is && !mayHold) ended.push(waiter);
      else if (is !== (waiter.rank === "cordoned"))
        this.#rank(waiter, is ? "cordoned" : "doubtful");
    }
    return ended;
  }

  entries(): IterableIterator<KeyEntry> {
    return this.#keys.entries();
  }

  /** A copy: those that are ended meanwhile stay in it. For what is rare. */
  all(): ParkedWaiter[] {
    const all: ParkedWaiter[] = [];
    for (const entry of this.#keys.entries()) collect(entry, all);
    return all;
  }

  #firstUsable(first: ParkedWaiter | null, nowMs: number): ParkedWaiter | null {
    for (let waiter = first; waiter !== null; ) {
      if (this.isUsable(waiter.beganMs, nowMs)) return waiter;
      const { next }: ParkedWaiter = waiter;
      this.#rank(waiter, "spent");
      waiter = next;
    }
    return null;
  }

  #rank(waiter: ParkedWaiter, rank: Rank, isLast = false): void {
    const entry = waiter.entry!;
    this.#unlist(entry, waiter);
    waiter.rank = rank;
    this.#list(entry, waiter, isLast);
    this.#deadlines.remove(waiter);
    this.#deadlines.set(waiter, this.#dueMsOf(waiter));
  }

  #list(entry: KeyEntry, waiter: ParkedWaiter, isLast = false): void {
    this.#counts[waiter.rank] += 1;
    if (waiter.rank === "cordoned") entry.cordoned += 1;
    const list = entry.listOf(waiter.rank);
    if (isLast) list.addLast(waiter);
    else list.addFirst(waiter);
  }

  #unlist(entry: KeyEntry, waiter: ParkedWaiter): void {
    this.#counts[waiter.rank] -= 1;
    if (waiter.rank === "cordoned") entry.cordoned -= 1;
    entry.listOf(waiter.rank).remove(waiter);
  }

  /** A spent one is closed when its client has not gone by itself. */
  #dueMsOf(waiter: ParkedWaiter): number {
    return waiter.beganMs + (waiter.rank === "spent" ? this.#overMs : this.#usableMs);
  }
}

/** Those longest there come first. */
export function collect(entry: KeyEntry, into: ParkedWaiter[]): void {
  for (const list of [entry.aside, entry.doubtful, entry.fresh]) {
    for (let waiter = list.last; waiter !== null; waiter = waiter.prev) into.push(waiter);
  }
}
