/** What a session's next batch is answered with instead of being run: of what was lost while the client did not ask. */
import { failedTransaction, idle, type SqlError } from "./messages.ts";
import { errorOfTransaction, type LostServer } from "./server-lost.ts";
import type { TransactionVerb } from "./statement-verbs.ts";

/** The session. */
export interface Refused {
  /** What the client is told of its transaction from now on. */
  status: number;
  /** What is run next is run within a failed transaction. */
  readonly tenancy: { mustFail: boolean };
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
   * @returns null when the batch is run
   */
  take(verb: TransactionVerb, session: Refused): SqlError | null {
    const lost = this.#lostTransaction;
    this.#lostTransaction = null;
    if (lost === null) {
      const error = this.#error;
      this.#error = null;
      return error;
    }
    // After a COMMIT, however it went, there is no transaction, and clients send no ROLLBACK.
    session.tenancy.mustFail = verb !== "commit";
    if (verb === "rollback") return null;
    session.status = verb === "commit" ? idle : failedTransaction;
    return errorOfTransaction(lost);
  }
}
