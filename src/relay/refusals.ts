/** What a session's next batch is answered with instead of being run: of what was lost while the client did not ask. */
import { failedTransaction, idle, type SqlError } from "./messages.ts";
import { errorOfTransaction, type LostServer } from "./server-lost.ts";
import type { TransactionVerb } from "./statement-verbs.ts";

export interface Refused {
  /** Null: the batch is run. */
  error: SqlError | null;
  /** What the session's status is from now on; null for no change. */
  status: number | null;
  /** It is run within a failed transaction. */
  mustFail: boolean;
}

export class Refusals {
  #error: SqlError | null = null;
  #lostTransaction: LostServer | null = null;

  /** There is something to take. */
  get isDue(): boolean {
    return this.#error !== null || this.#lostTransaction !== null;
  }

  /** The next batch gets this error, whatever it is. */
  refuse(error: SqlError): void {
    this.#error = error;
  }

  /** The open transaction was lost, and the client does not know. */
  loseTransaction(lost: LostServer): void {
    this.#lostTransaction = lost;
  }

  /**
   * Only once.
   *
   * @param verb what the batch does to a transaction: a ROLLBACK gets what it wants, from PostgreSQL itself; a COMMIT must
   *   not look as if it had succeeded
   */
  take(verb: TransactionVerb): Refused {
    const lost = this.#lostTransaction;
    this.#lostTransaction = null;
    if (lost === null) {
      const error = this.#error;
      this.#error = null;
      return { error, status: null, mustFail: false };
    }
    if (verb === "rollback") return { error: null, status: null, mustFail: true };
    const error = errorOfTransaction(lost);
    if (verb === "commit") return { error, status: idle, mustFail: false };
    return { error, status: failedTransaction, mustFail: true };
  }
}
