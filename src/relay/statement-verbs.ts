/** What the first words of statements say about what becomes of them when their connection is lost. Pure. */
import { SqlScanner } from "./sql-scanner.ts";

/** First words of statements that commit as a whole or not at all. */
const ATOMIC = new Set(
  "select insert update delete merge with values table show set reset begin start explain fetch lock listen notify".split(
    " ",
  ),
);

/** Whether all statements of a text commit as a whole or not at all. What cannot be read does not. */
export function isAtomic(text: string): boolean {
  const scanner = new SqlScanner(text);
  let isFirst = true;
  for (;;) {
    const token = scanner.next();
    if (token === "end") return true;
    if (token === "unclear") return false;
    if (token === "mark" && scanner.token === ";") isFirst = true;
    else if (isFirst && !(token === "mark" && scanner.token === "(")) {
      if (token !== "word" || !ATOMIC.has(scanner.token.toLowerCase())) return false;
      isFirst = false;
    }
  }
}

/** Other: also what ends a transaction and begins one, which must not be taken for the end alone. */
export type TransactionVerb = "rollback" | "commit" | "other";

/** What a text does to a transaction that is no more. */
export function transactionVerb(sql: string): TransactionVerb {
  const [first = [], ...more] = statementsOf(sql);
  const [verb = "", ...words] = first;
  // COMMIT PREPARED, ROLLBACK TO a savepoint.
  if (words.includes("to") || words.includes("prepared")) return "other";
  // AND CHAIN: what follows is to be in a transaction with the characteristics of the one that is lost.
  if (words.includes("chain") && !words.includes("no")) return "other";
  if (verb === "rollback" || verb === "abort") return "rollback";
  if (verb !== "commit" && verb !== "end") return "other";
  return more.some(begins) ? "other" : "commit";
}

/** Whether a text begins a transaction, first of all. */
export function isBegin(sql: string): boolean {
  return begins(statementsOf(sql)[0] ?? []);
}

/** Whether a text has more than one statement. */
export function hasSeveral(sql: string): boolean {
  return statementsOf(sql).length > 1;
}

const begins = ([verb = ""]: readonly string[]): boolean => verb === "begin" || verb === "start";

/** Words enough for whatever ends a transaction: ROLLBACK TRANSACTION AND NO CHAIN. */
const wordsMax = 5;

/** The first words of each statement, in lower case. */
function statementsOf(sql: string): string[][] {
  const scanner = new SqlScanner(sql);
  const statements: string[][] = [];
  let words: string[] | null = null;
  for (;;) {
    const token = scanner.next();
    if (token === "end" || token === "unclear") return statements;
    if (token === "mark" && scanner.token === ";") words = null;
    else {
      if (words === null) {
        words = [];
        statements.push(words);
      }
      if (words.length < wordsMax) words.push(scanner.token.toLowerCase());
    }
  }
}
