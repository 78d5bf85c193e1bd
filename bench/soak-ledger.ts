/**
 * What apps were asked to write and what they said, so that it can be compared with what the database holds: what was
 * acknowledged is there once, what failed in a transaction is there not at all, and nothing is there twice. Pure.
 */
import type { QueryOutcome } from "../src/qualify/sql-recovery/recovery-client.ts";

export interface WorkCounts {
  done: number;
  failed: number;
  hung: number;
  /** The longest that one took that was done. Milliseconds. */
  doneMsMax: number;
  /** The longest until a failure was told. Milliseconds. */
  failedMsMax: number;
}

export interface Written {
  ids: readonly number[];
  isTransaction: boolean;
  kind: QueryOutcome["kind"];
}

const none = (): WorkCounts => ({ done: 0, failed: 0, hung: 0, doneMsMax: 0, failedMsMax: 0 });

export class SoakLedger {
  /** Outside of explicit transactions. */
  readonly single = none();
  readonly transactions = none();
  /** What failures said, and how often, by app and kind of work. */
  readonly errors = new Map<string, number>();
  readonly #written: Written[] = [];

  /** @param ids that were to be written; none for a query that only reads. No two apps have the same */
  add(app: string, ids: readonly number[], isTransaction: boolean, outcome: QueryOutcome): void {
    const { kind, tookMs, error } = outcome;
    const counts = isTransaction ? this.transactions : this.single;
    if (kind === "ok") {
      counts.done += 1;
      counts.doneMsMax = Math.max(counts.doneMsMax, tookMs);
    } else if (kind === "failed") {
      counts.failed += 1;
      counts.failedMsMax = Math.max(counts.failedMsMax, tookMs);
      const text = `${app} ${isTransaction ? "transaction" : "query"}: ${(error ?? "").replace(/\d{3,}/g, "…")}`;
      this.errors.set(text, (this.errors.get(text) ?? 0) + 1);
    } else counts.hung += 1;
    if (ids.length > 0) this.#written.push({ ids, isTransaction, kind });
  }

  /**
   * What the rows of the database say against what was told.
   *
   * @param rows every id there is, as often as it is there
   * @returns in words what is wrong; empty when all is well
   */
  compare(rows: readonly number[]): string[] {
    const times = new Map<number, number>();
    for (const id of rows) times.set(id, (times.get(id) ?? 0) + 1);
    const wrong: string[] = [];
    for (const { ids, isTransaction, kind } of this.#written) {
      const counts = ids.map((id) => times.get(id) ?? 0);
      for (const id of ids) times.delete(id);
      const what = `${isTransaction ? "transaction" : "row"} ${ids.join(", ")}`;
      if (counts.some((count) => count > 1)) wrong.push(`${what} was written twice`);
      if (counts.some((count) => count !== counts[0])) wrong.push(`${what} is there in part`);
      if (kind === "ok" && counts.includes(0))
        wrong.push(`${what} was acknowledged and is missing`);
    }
    for (const id of times.keys()) wrong.push(`row ${id} was asked for by nobody`);
    return wrong;
  }
}
