/**
 * What was answered for each snapshot, for when it is asked again: by time and by number the oldest are forgotten first.
 *
 *   (unknown) ──open──▶ pending ──settle──▶ true | false ──age, number──▶ (unknown)
 *                          └──forget──▶ (unknown)
 */
import type { Attempt } from "./attempt.ts";
import { Chain, type Linked } from "./chain.ts";

export class Verdict implements Linked<Verdict> {
  readonly snapshot: string;
  /** Null: there is a verdict. */
  pending: Attempt | null;
  didWarmStart = false;
  settledMs = 0;
  prev: Verdict | null = null;
  next: Verdict | null = null;

  constructor(snapshot: string, pending: Attempt | null) {
    this.snapshot = snapshot;
    this.pending = pending;
  }
}

export class Verdicts {
  readonly #bySnapshot = new Map<string, Verdict>();
  /** Settled ones, oldest first. */
  readonly #settled = new Chain<Verdict>();
  readonly #ttlMs: number;
  readonly #countMax: number;

  constructor(ttlMs: number, countMax: number) {
    this.#ttlMs = ttlMs;
    this.#countMax = countMax;
  }

  /** Settled ones. */
  get count(): number {
    return this.#settled.count;
  }

  get(snapshot: string): Verdict | null {
    return this.#bySnapshot.get(snapshot) ?? null;
  }

  /** There is none yet. */
  open(attempt: Attempt): void {
    const { snapshot } = attempt.dispatch;
    this.#bySnapshot.set(snapshot, new Verdict(snapshot, attempt));
  }

  settle(snapshot: string, didWarmStart: boolean, nowMs: number): void {
    let verdict = this.#bySnapshot.get(snapshot);
    if (verdict === undefined) {
      verdict = new Verdict(snapshot, null);
      this.#bySnapshot.set(snapshot, verdict);
    }
    verdict.pending = null;
    verdict.didWarmStart = didWarmStart;
    verdict.settledMs = nowMs;
    this.#settled.addLast(verdict);
    if (this.#settled.count > this.#countMax) this.#drop(this.#settled.first!);
  }

  /** Nobody waits for it any more: the next dispatch begins anew. */
  forget(snapshot: string): void {
    this.#bySnapshot.delete(snapshot);
  }

  sweep(nowMs: number): void {
    for (let verdict = this.#settled.first; verdict !== null; verdict = this.#settled.first) {
      if (nowMs - verdict.settledMs < this.#ttlMs) return;
      this.#drop(verdict);
    }
  }

  #drop(verdict: Verdict): void {
    this.#settled.remove(verdict);
    this.#bySnapshot.delete(verdict.snapshot);
  }
}
