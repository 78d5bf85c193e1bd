/**
 * What statements of a text do beyond reading and writing rows: what outlives a transaction, or changes who may write.
 * Read from the text alone, so that what a function does inside is not seen.
 *
 *   featuresOf("set time zone 'UTC'; select 1") === Feature.setsSession
 */
import { featuresKeptMax, shapeCharactersMax } from "./limits.ts";
import { SqlScanner, type SqlToken } from "./sql-scanner.ts";

/** Bits; a text has any number of them. */
export const Feature = {
  /** SET without LOCAL, SET ROLE, set_config(…, false). */
  setsSession: 1 << 0,
  /** SET LOCAL, SET TRANSACTION, SET CONSTRAINTS, set_config(…, true). */
  setsLocal: 1 << 1,
  /** RESET, DISCARD ALL. */
  resets: 1 << 2,
  /** DISCARD ALL alone: everything that a session can have. */
  discardsAll: 1 << 3,
  listens: 1 << 4,
  /** UNLISTEN, DISCARD ALL. */
  unlistens: 1 << 5,
  /** PREPARE, of SQL and not of the protocol. */
  prepares: 1 << 6,
  /** EXECUTE of what PREPARE has made. */
  executes: 1 << 7,
  /** DEALLOCATE, DISCARD ALL. */
  deallocates: 1 << 8,
  /** DECLARE … WITH HOLD. */
  holdsCursor: 1 << 9,
  /** A temporary table, view or sequence that outlives its transaction. */
  makesTemporary: 1 << 10,
  /** The same with ON COMMIT DROP. */
  makesTransient: 1 << 11,
  /** pg_advisory_lock and those like it that are not held by a transaction. */
  locksSession: 1 << 12,
  /** currval, lastval: what this session had from a sequence. */
  readsSequence: 1 << 13,
  /** LOAD of a library. */
  loads: 1 << 14,
  /** Would make a transaction write that may only read. */
  allowsWrites: 1 << 15,
  /** BEGIN, START TRANSACTION. */
  begins: 1 << 16,
  /** COMMIT, END, ROLLBACK, ABORT, PREPARE TRANSACTION. */
  ends: 1 << 17,
  /** PREPARE TRANSACTION: a transaction that belongs to no session. */
  preparesTransaction: 1 << 18,
  /** DEALLOCATE ALL, DISCARD ALL. */
  deallocatesAll: 1 << 19,
  /** DO, CALL: outside of a transaction they may end their own and begin another one. */
  mayCommit: 1 << 20,
} as const;

/** Without one of these words there is nothing to find. */
const WORTH_READING =
  /\b(?:set|reset|discard|listen|unlisten|prepare|execute|deallocate|hold|temp|temporary|pg_temp|begin|start|commit|end|abort|rollback|load|currval|lastval|call)\b|\bdo\b(?!\s+(?:nothing|update)\b)|advisory_|set_config/i;

/** @returns bits of `Feature`. Never throws. Of a text whose quotes are not clear, what stands before them. */
export function featuresOf(text: string): number {
  if (!WORTH_READING.test(text)) return 0;
  const scanner = new SqlScanner(text);
  let features = 0;
  let statement: StatementWords = { words: [], literals: [] };
  for (;;) {
    const token = scanner.next();
    if (token === "end" || token === "unclear" || (token === "mark" && scanner.token === ";")) {
      features |= featuresOfWords(statement);
      if (token !== "mark") return features;
      statement = { words: [], literals: [] };
    } else if (token === "word" || token === "name") {
      const word = nameOf(token, scanner.token);
      statement.words.push(word);
      features |= featuresOfCall(word, scanner);
    } else if (token === "literal") {
      statement.literals.push(scanner.token);
    } else if (scanner.token === "=") {
      statement.words.push("=");
    }
  }
}

/** Features of the texts that were asked for last. */
export class StatementFeatures {
  readonly #features = new Map<string, number>();

  /** Texts that are kept. Count, 0 to `featuresKeptMax`. */
  get size(): number {
    return this.#features.size;
  }

  of(text: string): number {
    const kept = this.#features.get(text);
    if (kept !== undefined) return kept;
    const features = featuresOf(text);
    if (text.length > shapeCharactersMax) return features;
    // Emptied at once, since order would have to be kept at each look-up.
    if (this.#features.size === featuresKeptMax) this.#features.clear();
    this.#features.set(text, features);
    return features;
  }
}

interface StatementWords {
  /** In lower case, and `=`. */
  words: string[];
  /** With their quotes. */
  literals: string[];
}

function featuresOfWords({ words, literals }: StatementWords): number {
  const [first = "", second = "", third = ""] = words;
  switch (first) {
    case "set":
      return featuresOfSet(words, literals);
    case "reset":
      return Feature.resets;
    case "discard":
      return second === "all" ? discardsAll : 0;
    case "listen":
      return Feature.listens;
    case "unlisten":
      return Feature.unlistens;
    case "prepare":
      if (second === "transaction") return Feature.preparesTransaction | Feature.ends;
      return Feature.prepares;
    case "execute":
      return Feature.executes;
    case "deallocate":
      return words.at(-1) === "all"
        ? Feature.deallocates | Feature.deallocatesAll
        : Feature.deallocates;
    case "declare":
      // WITHOUT HOLD says the opposite.
      return words.some((word, at) => word === "hold" && words[at - 1] === "with")
        ? Feature.holdsCursor
        : 0;
    case "create":
      return featuresOfCreate(words);
    case "load":
      return Feature.loads;
    case "do":
    case "call":
      return Feature.mayCommit;
    case "begin":
    case "start":
      if (first === "start" && second !== "transaction") return 0;
      return Feature.begins | (saysReadWrite(words) ? Feature.allowsWrites : 0);
    case "commit":
    case "end":
    case "abort":
      return second === "prepared" ? 0 : Feature.ends;
    case "rollback":
      // ROLLBACK TO a savepoint goes on.
      return words.includes("to") || second === "prepared" ? 0 : Feature.ends;
    default:
      // SELECT … INTO TEMP t, EXPLAIN ANALYZE EXECUTE, and a bracket before the first word.
      if (first === "explain" && (second === "execute" || third === "execute")) {
        return Feature.executes;
      }
      return words.some((word, at) => isTemporary(word) && words[at - 1] === "into")
        ? Feature.makesTemporary
        : 0;
  }
}

const discardsAll =
  Feature.discardsAll |
  Feature.resets |
  Feature.unlistens |
  Feature.deallocates |
  Feature.deallocatesAll;

function featuresOfSet(words: readonly string[], literals: readonly string[]): number {
  const scope = words[1] ?? "";
  const names = words.some((word) => READ_ONLY_SETTINGS.has(word));
  const isHarmless = names ? isSwitchedOn(words, literals) : !saysReadWrite(words);
  const allowsWrites = isHarmless ? 0 : Feature.allowsWrites;
  if (scope === "local" || scope === "transaction" || scope === "constraints") {
    return Feature.setsLocal | allowsWrites;
  }
  // SET transaction_read_only lasts as long as the transaction, whatever its scope.
  if (words[1] === "transaction_read_only") return Feature.setsLocal | allowsWrites;
  return Feature.setsSession | allowsWrites;
}

const READ_ONLY_SETTINGS = new Set(["default_transaction_read_only", "transaction_read_only"]);

function isSwitchedOn(words: readonly string[], literals: readonly string[]): boolean {
  const value = literals.at(-1)?.replaceAll("'", "") ?? words.at(-1) ?? "";
  return /^(?:on|true|yes|1)$/i.test(value);
}

function saysReadWrite(words: readonly string[]): boolean {
  return words.some((word, at) => word === "write" && words[at - 1] === "read");
}

function featuresOfCreate(words: readonly string[]): number {
  // create [or replace] [global|local] temp …, create table pg_temp.name
  const isTemp = words.slice(1, 5).some(isTemporary) || words.includes("pg_temp");
  if (!isTemp) return 0;
  const commit = words.indexOf("commit");
  const isDropped = commit > 0 && words[commit - 1] === "on" && words[commit + 1] === "drop";
  return isDropped ? Feature.makesTransient : Feature.makesTemporary;
}

const isTemporary = (word: string): boolean => word === "temp" || word === "temporary";

/** What a call does that may stand anywhere in a statement. */
function featuresOfCall(word: string, scanner: SqlScanner): number {
  if (!CALLS.test(word)) return 0;
  const ahead = new SqlScanner(scanner.text);
  ahead.to = scanner.to;
  if (ahead.next() !== "mark" || ahead.token !== "(") return 0;
  if (word === "set_config") return featuresOfSetConfig(scanner);
  return word.endsWith("val") ? Feature.readsSequence : Feature.locksSession;
}

/** Calls that are looked for. Locks that a transaction holds have `xact` in their names. */
const CALLS = /^(?:set_config|currval|lastval|pg_(?:try_)?advisory_lock(?:_shared)?)$/;

/** `set_config(name, value, is_local)`: what cannot be read here is taken for the worse. Leaves the scanner as it was. */
function featuresOfSetConfig(scanner: SqlScanner): number {
  const ahead = new SqlScanner(scanner.text);
  ahead.to = scanner.to;
  const parts: string[] = [""];
  let depth = 0;
  for (;;) {
    const token = ahead.next();
    if (token === "end" || token === "unclear") break;
    const text = ahead.token;
    if (text === "(" && token === "mark") depth += 1;
    else if (text === ")" && token === "mark") depth -= 1;
    else if (text === "," && token === "mark" && depth === 1) parts.push("");
    else parts[parts.length - 1] += `${text.toLowerCase()} `;
    if (depth === 0) break;
  }
  const [name = "", , isLocal = ""] = parts.map((part) => part.trim());
  const features = /^'?(?:true|t|on|yes|1)'?$/.test(isLocal)
    ? Feature.setsLocal
    : Feature.setsSession;
  const isKnown = /^'[^']*'$/.test(name);
  const isReadOnly = READ_ONLY_SETTINGS.has(name.slice(1, -1));
  return features | (isReadOnly || !isKnown ? Feature.allowsWrites : 0);
}

function nameOf(token: SqlToken, text: string): string {
  if (token === "word") return text.toLowerCase();
  return text.startsWith('"') ? text.slice(1, -1) : text;
}
