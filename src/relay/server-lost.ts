/**
 * What becomes of batches whose server connection ended. Pure.
 *
 * Run again is only what was rolled back for certain: it began outside a transaction, nothing of its answer had reached
 * the client that cannot be taken back, PostgreSQL itself said that it ends the session (57P01) instead of a result, and
 * none of its statements can commit by itself on the way. Everything else gets an error that says what is known.
 */
import type { Batch } from "./batch.ts";
import type { SqlError } from "./messages.ts";
import { hasSeveral, isAtomic, isBegin, transactionVerb } from "./statement-verbs.ts";

export interface LostServer {
  /** What PostgreSQL said before, by letter (`errorFields`); null when the connection just ended. */
  fields: ReadonlyMap<string, string> | null;
  /** How it ended, in words. */
  how: string;
  /** Rows of an answer had been passed on. */
  hasRows: boolean;
  /** The last message that was passed on has no end: whatever is told behind it would be read as a part of it. */
  isWithin: boolean;
}

/** 57P01: an administrator ended it. 57P03: it does not take queries now. 57P05: it was idle for too long. */
const ENDED_BEFORE_RESULT = new Set(["57P01", "57P03", "57P05"]);

/** Whether a batch can be run again without anything happening twice. */
export function canRunAgain(
  batch: Pick<Batch, "beganOutside" | "hasCopied" | "hasResult">,
  lost: LostServer,
  sql: readonly string[],
): boolean {
  if (batch.beganOutside !== true || batch.hasResult || batch.hasCopied) return false;
  if (lost.hasRows) return false;
  if (!ENDED_BEFORE_RESULT.has(lost.fields?.get("C") ?? "")) return false;
  return sql.every(isAtomic);
}

/**
 * Whether a batch was done, although its response has no end: PostgreSQL itself says that it ends the session, and has said
 * before that the one statement has completed, which was committed then. A Sync commits what is not a COMMIT itself.
 */
export function wasDone(batch: Batch, { fields }: LostServer, sql: readonly string[]): boolean {
  if (fields === null || batch.completions !== 1 || batch.errors > 0 || sql.length !== 1) {
    return false;
  }
  const [text] = sql as [string];
  if (hasSeveral(text)) return false;
  if (transactionVerb(text) !== "other") return true;
  return batch.isSimple && batch.beganOutside === true && !isBegin(text);
}

/** What the client is told of a batch that was under way. */
export function errorOfBatch(batch: Batch, { fields, how }: LostServer): SqlError {
  const code = fields?.get("C");
  if (code !== undefined) {
    return {
      severity: "ERROR",
      code,
      message: fields?.get("M") ?? "the connection to PostgreSQL was ended",
      detail: batch.hasResult
        ? "Statements that were answered before may have been committed."
        : undefined,
      hint: "The session goes on with a new connection.",
    };
  }
  if (batch.beganOutside === false) {
    return {
      severity: "ERROR",
      code: "08006",
      message: `the connection to PostgreSQL was lost within a transaction (${how})`,
      detail: "Unless this was its COMMIT, the transaction was rolled back.",
      hint: "The session goes on with a new connection.",
    };
  }
  return {
    severity: "ERROR",
    code: "08007",
    message: `the connection to PostgreSQL was lost while a statement ran (${how})`,
    detail: "Whether it was committed is not known.",
    hint: "The session goes on with a new connection.",
  };
}

/** What the client is told by its first statement after its transaction was lost between two statements. */
export function errorOfTransaction({ fields, how }: LostServer): SqlError {
  return {
    severity: "ERROR",
    code: fields?.get("C") ?? "08006",
    message:
      fields?.get("M") ?? `the connection to PostgreSQL was lost within a transaction (${how})`,
    detail: "The transaction was rolled back.",
    hint: "Begin it again; the session goes on with a new connection.",
  };
}

/** What the client is told once when state of its session is gone that cannot be made anew. */
export function errorOfState(state: string, { how }: LostServer): SqlError {
  return {
    severity: "ERROR",
    code: "08006",
    message: `the connection to PostgreSQL was lost, and with it this session's ${state} (${how})`,
    detail: "This statement was not run.",
    hint: "The session goes on with a new connection, without it.",
  };
}

/** What the client is told instead of the end of a batch that has changed settings which nobody could ask for. */
export function errorOfSettings({ how }: LostServer): SqlError {
  return {
    severity: "ERROR",
    code: "08006",
    message: `the connection to PostgreSQL was lost, and with it what was set for this session last (${how})`,
    detail: "The statements before were run, and what they wrote is committed.",
    hint: "The session goes on with a new connection, without these settings.",
  };
}

/** What the client is told of a batch that was to be run again, and has become too long for that while it was sent. */
export const tooLongToRepeat: SqlError = {
  severity: "ERROR",
  code: "57P01",
  message: "the connection to PostgreSQL was ended while a statement was sent",
  detail: "The statement was not run: it is too long to be sent again.",
  hint: "Try again; the session goes on with a new connection.",
};
