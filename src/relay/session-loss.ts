/** What becomes of all batches of a session whose server connection ended. Pure; see server-lost.ts for one of them. */
import type { Batch } from "./batch.ts";
import type { Flight } from "./flight.ts";
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
  /** Statements that the session has prepared. */
  memory: { textOf(name: string): string | undefined };
}

/** @param flight of 1 batch or more; the first is being answered */
export function fateOf(flight: Flight, { lost, pin, memory }: LossFacts): Fate {
  const [head, next] = flight.batches as [Batch, Batch | undefined];
  if (pin !== null) {
    const [first, others] = [errorOfBatch(head, lost), errorOfState(pin, lost)];
    return { kind: "fail", errorOf: (batch) => (batch === head ? first : others) };
  }
  if (flight.isKept(head)) {
    const texts = flight.textsOf(head, (name) => memory.textOf(name));
    if (canRunAgain(head, lost, texts)) return { kind: "again" };
  }
  // PostgreSQL reads no further than the batch within which it says that it ends the session.
  if (lost.fields !== null && next !== undefined && flight.isKept(next)) {
    return { kind: "failFirst", error: errorOfBatch(head, lost) };
  }
  return { kind: "fail", errorOf: (batch) => errorOfBatch(batch, lost) };
}
