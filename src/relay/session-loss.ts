/** What becomes of all batches of a session whose server connection ended; see server-lost.ts for one of them. */
import type { Batch } from "./batch.ts";
import type { Flight } from "./flight.ts";
import type { SqlError } from "./messages.ts";
import {
  canRunAgain,
  errorOfBatch,
  errorOfState,
  type LostServer,
  wasDone,
} from "./server-lost.ts";
import type { SessionMemory } from "./session-memory.ts";
import { transactionVerb } from "./statement-verbs.ts";

export type Fate =
  /** All of them are run again; when `mustFail`, within a transaction that has failed. */
  | { kind: "again"; mustFail: boolean }
  /** The first gets an error, or none since it was done; PostgreSQL had not begun the others, which are run. */
  | { kind: "endFirst"; error: SqlError | null; isOutside: boolean }
  /** @param isOutside whether the client is in no transaction then, not even a failed one */
  | { kind: "fail"; errorOf(batch: Batch): SqlError; isOutside: boolean };

export class SessionLosses {
  readonly #flight: Flight;
  readonly #memory: SessionMemory;

  constructor(flight: Flight, memory: SessionMemory) {
    this.#flight = flight;
    this.#memory = memory;
  }

  /** Of batches under way, 1 or more. @param pin state of the session that is gone for good, in words */
  fateOf(lost: LostServer, pin: string | null): Fate {
    const [head, next] = this.#flight.batches as [Batch, Batch | undefined];
    const sql = this.#flight.isKept(head) ? this.#sqlOf(head) : [];
    const verb = sql.length === 1 ? transactionVerb(sql[0]!) : "other";
    // After a COMMIT that failed, PostgreSQL is in no transaction, and clients send no ROLLBACK.
    const isOutside = head.beganOutside !== false || verb === "commit";
    if (pin !== null) {
      const [first, others] = [errorOfBatch(head, lost), errorOfState(pin, lost)];
      const errorOf = (batch: Batch) => (batch === head ? first : others);
      return { kind: "fail", errorOf, isOutside };
    }
    const isNextKept = next === undefined || this.#flight.isKept(next);
    if (this.#flight.isKept(head)) {
      if (isNextKept && wasDone(head, lost, sql)) {
        return { kind: "endFirst", error: null, isOutside: true };
      }
      const mayRun = this.#flight.mayRepeat && canRunAgain(head, lost, sql);
      if (mayRun) return { kind: "again", mustFail: false };
      // It is what has happened.
      const isRollback = verb === "rollback" && head.beganOutside === false && !head.hasResult;
      if (isRollback) return { kind: "again", mustFail: true };
    }
    const error = errorOfBatch(head, lost);
    // PostgreSQL reads no further than the batch within which it says that it ends the session.
    if (lost.fields !== null && next !== undefined && isNextKept) {
      return { kind: "endFirst", error, isOutside };
    }
    return { kind: "fail", errorOf: (batch) => errorOfBatch(batch, lost), isOutside };
  }

  /** Whether a batch whose response has a result was rolled back all the same: what is not a Query commits at its Sync. */
  wasRolledBack(head: Batch, fields: ReadonlyMap<string, string>): boolean {
    if (this.#memory.pin !== null || head.isSimple || head.errors > 0) return false;
    if (!this.#flight.isKept(head)) return false;
    const { beganOutside, hasCopied } = head;
    const lost: LostServer = { fields, how: "", hasRows: false, isWithin: false };
    return canRunAgain({ beganOutside, hasCopied, hasResult: false }, lost, this.#sqlOf(head));
  }

  /** Texts of all that a batch runs, also of what was prepared before it; each once. */
  #sqlOf(batch: Batch): string[] {
    return [...new Set(this.#flight.textsOf(batch, (name) => this.#memory.textOf(name)))];
  }
}
