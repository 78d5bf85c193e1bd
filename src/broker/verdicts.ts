/**
 * What was answered for each snapshot, for when it is asked again.
 *
 *   (unknown) ──open──▶ pending ──settle──▶ true | false ──age, number──▶ (unknown)
 *                          └──forget──▶ (unknown)
 *
 * Answers are in two tables, and the older one is dropped whole when the younger is full or old: to delete each by itself
 * cost a fifth of all that the core does for a hit.
 */
import type { Attempt } from "./attempt.ts";

export class Verdicts {
  readonly #pending = new Map<string, Attempt>();
  /** By snapshot: the whole milliseconds of clock time at which it was answered, times two, and 1 more for true. */
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  /** When the younger table was begun. Clock time. */
  #begunMs: number;
  readonly #ttlMs: number;
  readonly #youngMax: number;

  constructor(ttlMs: number, countMax: number, nowMs: number) {
    this.#ttlMs = ttlMs;
    this.#youngMax = Math.max(1, Math.floor(countMax / 2));
    this.#begunMs = nowMs;
  }

  /** Answers that are kept, some of which are too old to be given. */
  get count(): number {
    return this.#young.size + this.#old.size;
  }

  /** Null: nobody is looking for a runner for it. */
  pending(snapshot: string): Attempt | null {
    return this.#pending.get(snapshot) ?? null;
  }

  /** What was answered, not longer ago than the time to live; null: nothing. */
  settled(snapshot: string, nowMs: number): boolean | null {
    const verdict = this.#young.get(snapshot) ?? this.#old.get(snapshot);
    if (verdict === undefined) return null;
    const settledMs = Math.floor(verdict / 2);
    return Math.floor(nowMs) - settledMs < this.#ttlMs ? verdict % 2 === 1 : null;
  }

  open(attempt: Attempt): void {
    this.#pending.set(attempt.dispatch.snapshot, attempt);
  }

  settle(snapshot: string, didWarmStart: boolean, nowMs: number): void {
    this.#pending.delete(snapshot);
    if (this.#young.size >= this.#youngMax) this.#begin(nowMs);
    this.#young.set(snapshot, Math.floor(nowMs) * 2 + (didWarmStart ? 1 : 0));
  }

  /** Nobody waits for it any more: the next dispatch begins anew. */
  forget(snapshot: string): void {
    this.#pending.delete(snapshot);
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#begunMs >= this.#ttlMs) this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#begunMs = nowMs;
  }
}
