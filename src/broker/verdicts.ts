/**
 * What was answered for each snapshot, for when it is asked again.
 *
 *   (unknown) ──open──▶ pending ──settle──▶ taken | why not ──age, number──▶ (unknown)
 *                          └──forget──▶ (unknown)
 *
 * Answers are in two tables, and the older one is emptied whole when the younger is full or old: to delete each by itself
 * cost a fifth of all that the core does for a hit.
 */
import type { Attempt } from "./attempt.ts";
import type { Outcome } from "./broker-api.ts";
import { NameTable } from "./name-table.ts";
import { OutcomeTable } from "./outcome-table.ts";

/** How an outcome is kept: in one number with the time. */
const CODES: Record<Outcome, number> = {
  taken: 0,
  no_waiter: 1,
  unclaimed: 2,
  cordoned: 3,
  draining: 4,
  off: 5,
  bad_key: 6,
  overloaded: 7,
};
const OUTCOMES = Object.keys(CODES) as Outcome[];

export class Verdicts {
  readonly #pending = new NameTable<Attempt>();
  /** By snapshot: the whole milliseconds of clock time at which it was answered, times the number of codes, and the code. */
  #young: OutcomeTable;
  #old: OutcomeTable;
  /** When the younger table was begun. Clock time. */
  #begunMs: number;
  readonly #ttlMs: number;

  constructor(ttlMs: number, countMax: number, nowMs: number) {
    this.#ttlMs = ttlMs;
    const youngMax = Math.max(1, Math.floor(countMax / 2));
    this.#young = new OutcomeTable(youngMax);
    this.#old = new OutcomeTable(youngMax);
    this.#begunMs = nowMs;
  }

  /** Answers that are kept, some of which are too old to be given. */
  get count(): number {
    return this.#young.count + this.#old.count;
  }

  /** Null: nobody is looking for a runner for it. */
  pending(snapshot: string): Attempt | null {
    return this.#pending.get(snapshot);
  }

  /** What was answered, not longer ago than the time to live; null: nothing. */
  settled(snapshot: string, nowMs: number): Outcome | null {
    let verdict = this.#young.get(snapshot);
    if (verdict === -1) verdict = this.#old.get(snapshot);
    if (verdict === -1) return null;
    const settledMs = Math.floor(verdict / OUTCOMES.length);
    const isValid = Math.floor(nowMs) - settledMs < this.#ttlMs;
    return isValid ? OUTCOMES[verdict % OUTCOMES.length]! : null;
  }

  open(attempt: Attempt): void {
    this.#pending.set(attempt.dispatch.snapshot, attempt);
  }

  settle(snapshot: string, outcome: Outcome, nowMs: number): void {
    this.#pending.delete(snapshot);
    if (this.#young.isFull) this.#begin(nowMs);
    this.#young.set(snapshot, Math.floor(nowMs) * OUTCOMES.length + CODES[outcome]);
  }

  /** Nobody waits for it any more: the next dispatch begins anew. */
  forget(snapshot: string): void {
    this.#pending.delete(snapshot);
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#begunMs >= this.#ttlMs) this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    const old = this.#old;
    this.#old = this.#young;
    this.#young = old;
    old.clear();
    this.#begunMs = nowMs;
  }
}
