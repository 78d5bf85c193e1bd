/**
 * What a relay does not pass on, and what it says instead: with transaction pooling what would need one connection for
 * the whole session, and under the read-only switch what would undo it. Pure.
 */
import type { SqlError } from "./messages.ts";
import { Feature } from "./statement-features.ts";

export interface RefusalRules {
  /** Name of the database, for the message. */
  name: string;
  pooling: "session" | "transaction";
  isReadOnly: boolean;
  /** No transaction is open. */
  isIdle: boolean;
  /** It is not within a transaction, and has not used the sequence that it asks for. */
  isAlone: boolean;
}

/** What needs a connection of its own, by its name in SQL. */
const SESSION_BOUND: readonly (readonly [feature: number, what: string, instead: string])[] = [
  [Feature.listens, "LISTEN", "Poll, or listen in an app or a worker that has session pooling"],
  [Feature.holdsCursor, "DECLARE … WITH HOLD", "Read the cursor within its transaction"],
  [
    Feature.makesTemporary,
    "a temporary table that outlives its transaction",
    "Create it within a transaction, with ON COMMIT DROP",
  ],
  [
    Feature.locksSession,
    "an advisory lock of the session",
    "Use pg_advisory_xact_lock, which its transaction holds",
  ],
  [
    Feature.readsSequence,
    "currval or lastval in a transaction of its own",
    "Use INSERT … RETURNING, or ask within the same transaction",
  ],
  [Feature.prepares, "PREPARE", "Let the client library prepare statements, which is fine"],
  [Feature.executes, "EXECUTE", "Let the client library prepare statements, which is fine"],
  [Feature.deallocates, "DEALLOCATE of a name", "Let the client library close its statements"],
  [Feature.loads, "LOAD", "Name the library in session_preload_libraries of the role"],
];

/** Bits of `Feature` that may be refused at all: without one of them nobody has to ask. */
export const refusableFeatures =
  SESSION_BOUND.reduce((all, [feature]) => all | feature, 0) |
  Feature.allowsWrites |
  Feature.mayCommit;

/** @returns null for what is passed on */
export function refusalOf(features: number, rules: RefusalRules): SqlError | null {
  if (rules.isReadOnly && (features & Feature.allowsWrites) !== 0) {
    return {
      severity: "ERROR",
      code: "25006",
      message: `cannot make a transaction writable: database "${rules.name}" is read-only`,
      hint: "`levain db readonly` with `off` lets it write again; so does `readOnly: false` in levain.config.ts.",
    };
  }
  if (rules.isReadOnly && rules.isIdle && (features & Feature.mayCommit) !== 0) {
    return {
      severity: "ERROR",
      code: "25006",
      message: `cannot run DO or CALL outside of a transaction: database "${rules.name}" is read-only`,
      hint: "They can begin a transaction that writes; between BEGIN and COMMIT they cannot.",
    };
  }
  if (rules.pooling === "session") return null;
  const found = SESSION_BOUND.find(([feature]) => {
    if ((features & feature) === 0) return false;
    if (feature === Feature.deallocates) return (features & Feature.deallocatesAll) === 0;
    return feature !== Feature.readsSequence || rules.isAlone;
  });
  if (found === undefined) return null;
  const [, what, instead] = found;
  return {
    severity: "ERROR",
    code: "0A000",
    message: `${what} is not possible with transaction pooling: the next transaction has another connection`,
    hint: `${instead}; or set \`pooling: "session"\` in levain.config.ts.`,
  };
}
