/** What becomes of all batches of a session whose server connection ended. Pure; see server-lost.ts for one of them. */
import type { Batch } from "./batch.ts";
import type { SqlError } from "./messages.ts";
import { canRunAgain, errorOfBatch, errorOfState, type LostServer } from "./server-lost.ts";

export type Fate =
  /** All of them are run again. */
  | { kind: "again" }
  /** The first gets an error; PostgreSQL had not begun the others, which are run. */
  | { kind: "failFirst"; error: SqlError }
  | { kind: "fail"; errorOf(batch: Batch): SqlError };

export interface LossFacts {
  lost: LostServer;
  /** State of the session that is gone for good, in words. */
  pin: string | null;
  /** Whether its bytes are here to be sent again. */
  isKept(batch: Batch): boolean;
  /** Texts of the session's prepared statements. */
  sql(): string[];
}

/** @param batches in their order, 1 or more; the first is being answered */
export function fateOf(batches: readonly Batch[], { lost, pin, isKept, sql }: LossFacts): Fate {
  const [head, next] = batches as [Batch, Batch | undefined];
  if (pin !== null) {
    const [first, others] = [errorOfBatch(head, lost), errorOfState(pin, lost)];
    return { kind: "fail", errorOf: (batch) => (batch === head ? first : others) };
  }
  // What a Bind without a Parse runs was prepared before.
  const texts = [...head.sql(), ...(head.isExtended || !head.isSent ? sql() : [])];
  if (isKept(head) && canRunAgain(head, lost, texts)) return { kind: "again" };
  // PostgreSQL reads no further than the batch within which it says that it ends the session.
  if (lost.fields !== null && next !== undefined && isKept(next)) {
    return { kind: "failFirst", error: errorOfBatch(head, lost) };
  }
  return { kind: "fail", errorOf: (batch) => errorOfBatch(batch, lost) };
}
