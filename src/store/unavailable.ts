/**
 * What an error of the database means for the caller. Pure.
 *
 * Whatever says "not now" or "not reachable" is `STORE_UNAVAILABLE`: the same command can work in a moment, or after the
 * operator has looked at the database. Whatever says that a statement of ours is wrong stays as it is: a defect.
 */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";

/** The error to throw instead of one that the driver threw. */
export function storeError(thrown: unknown): unknown {
  if (thrown instanceof pg.DatabaseError) return databaseError(thrown);
  // What is left comes from the driver and its socket: refused, reset, no such file, timed out, closed.
  return unavailable(messageOf(thrown), thrown);
}

export function unavailable(what: string, cause?: unknown): PlatformError {
  return new PlatformError("STORE_UNAVAILABLE", [what], cause === undefined ? {} : { cause });
}

/** SQLSTATE classes and codes that are about the server's state, not about the statement. */
const NOT_NOW: readonly (readonly [prefix: string, what: string])[] = [
  ["08", "the connection broke"],
  ["25P03", "the transaction was idle for too long"],
  ["25006", "the server takes no changes, it may be a replica"],
  ["28", "the server refuses the user or the password"],
  ["3D000", "the database does not exist"],
  ["3F000", "its schema is not there yet"],
  ["40", "another transaction was in the way"],
  ["42501", "the user has too few rights"],
  ["42P01", "its schema is not there yet"],
  ["53", "the server is out of resources"],
  ["55P03", "another transaction was in the way"],
  ["57014", "a statement took too long"],
  ["57", "the server is starting or stopping"],
  ["58", "the server has trouble with its files"],
  ["XX", "the server has an internal error"],
];

/** Texts and JSON that PostgreSQL cannot keep: a zero character, half of a surrogate pair. */
const NOT_STORABLE = ["22021", "22P02", "22P05"];

function databaseError(error: pg.DatabaseError): unknown {
  const code = error.code ?? "";
  const notNow = NOT_NOW.find(([prefix]) => code.startsWith(prefix));
  if (notNow !== undefined) return unavailable(`${notNow[1]} (${error.message})`, error);
  if (NOT_STORABLE.includes(code)) {
    return new PlatformError("INPUT_INVALID", ["a text has a character that cannot be kept"], {
      cause: error,
    });
  }
  return error;
}
