/**
 * The shape of a statement: what it does, without a single value. Two texts that differ only in values, in the length of
 * lists, in comments, blanks or the case of words have the same shape.
 *
 *   SELECT * FROM users WHERE id IN (1, 2) -- x     →  select * from users where id in (?)
 *
 * Logs and metrics show shapes only: what cannot be told from a value with certainty is not shown (`…`).
 */
import { shapeCharactersMax, shapesKeptMax, shapeTextCharactersMax } from "./limits.ts";
import { SqlScanner, type SqlToken } from "./sql-scanner.ts";

export interface SqlShape {
  /** Up to `shapeCharactersMax` characters of one line; ends in `…` when there was more. */
  text: string;
  /** 16 hexadecimal digits; the same for the same shape, also over restarts. */
  fingerprint: string;
}

/** Words behind which a bracket opens a list of the grammar's and not of a call, and a sign belongs to a number. */
const GRAMMAR_WORDS = new Set(
  (
    "all and any as between by case cross distinct do else end except exists filter for from full group having ilike in inner " +
    "intersect into is join key lateral left like limit not offset on or order over partition primary references " +
    "returning right select set similar some table then to union unique using values when where with within"
  ).split(" "),
);

/** Words that are values, unless one of `GRAMMAR_BEFORE_VALUES` stands before them (`is null`, `set null`). */
const VALUE_WORDS = new Set(["null", "true", "false"]);
const GRAMMAR_BEFORE_VALUES = new Set(["is", "not", "set"]);

/** Marks that stick to what is before them, and to what is behind them. */
const NO_SPACE_BEFORE = new Set([",", ")", "]", ";", ".", "::", "["]);
const NO_SPACE_AFTER = new Set(["(", "[", ".", "::"]);

/** Names may have anything in them; a shape is one line. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029]+/gu;

/** Looks at `shapeTextCharactersMax` characters at most. Never throws. */
export function sqlShape(text: string): SqlShape {
  const full = shapeOf(text);
  const fingerprint = Bun.hash.xxHash64(full).toString(16).padStart(16, "0");
  const isLong = full.length > shapeCharactersMax;
  return { text: isLong ? `${full.slice(0, shapeCharactersMax - 1)}…` : full, fingerprint };
}

/** Shapes of the texts that were asked for last: those that repeat are the ones that are asked for often. */
export class SqlShapes {
  readonly #shapes = new Map<string, SqlShape>();

  /** Shapes that are kept. Count, 0 to `shapesKeptMax`. */
  get size(): number {
    return this.#shapes.size;
  }

  of(text: string): SqlShape {
    const kept = this.#shapes.get(text);
    if (kept !== undefined) {
      // Moved behind the others: the first is the one that was asked for longest ago.
      this.#shapes.delete(text);
      this.#shapes.set(text, kept);
      return kept;
    }
    const shape = sqlShape(text);
    // A long text with values in it does not come back, and would be held for nothing.
    if (text.length > shapeCharactersMax) return shape;
    if (this.#shapes.size === shapesKeptMax) {
      this.#shapes.delete(this.#shapes.keys().next().value!);
    }
    this.#shapes.set(text, shape);
    return shape;
  }
}

function shapeOf(text: string): string {
  const scanner = new SqlScanner(text, shapeTextCharactersMax);
  const pieces = new ShapePieces();
  for (;;) {
    const token = scanner.next();
    if (token === "end") {
      if (text.length > shapeTextCharactersMax) pieces.add("…");
      return pieces.toString();
    }
    if (token === "unclear") {
      pieces.add("…");
      return pieces.toString();
    }
    if (token === "literal" || token === "parameter") {
      pieces.take(token, "");
      continue;
    }
    const isPlain = token !== "name" && token !== "mark";
    const piece = isPlain ? scanner.token : scanner.token.replace(UNPRINTABLE, " ");
    if (piece !== " ") pieces.take(token, piece);
  }
}

/** Puts tokens together with blanks that do not depend on how they were written. */
class ShapePieces {
  /** Each with the blank before it. */
  readonly #pieces: string[] = [];
  #previous = "";
  /** The latest token can stand left of an operator: what follows is no sign of a number. */
  #isOperand = false;
  /** A sign that may belong to a number, and then to its value. */
  #sign = "";
  /** Since the last semicolon; few, unless it is about settings. */
  #words: string[] = [];
  /** `SET name = …`: all the rest of the statement is a value, also a bare word. */
  #isSetting = false;

  take(token: SqlToken, text: string): void {
    if (text === ";") {
      this.#words = [];
      this.#isSetting = false;
      this.#put(";", false);
      return;
    }
    if (this.#isSetting) return;
    const piece = token === "word" ? text.toLowerCase() : text;
    if (isValue(token, piece, this.#previous)) {
      this.#sign = "";
      this.#putValue();
    } else if ((piece === "-" || piece === "+") && !this.#isOperand && this.#sign === "") {
      this.#sign = piece;
    } else {
      this.#put(piece, isOperand(token, piece));
      if (token === "word" && this.#words.length < wordsMax) this.#words.push(piece);
      if (isBeforeSetting(this.#words, piece)) {
        this.#putValue();
        this.#isSetting = true;
      }
    }
  }

  add(piece: string): void {
    this.#put(piece, true);
  }

  toString(): string {
    return this.#pieces.join("");
  }

  /** One value stands for a list of any length, and one row for any number of rows. */
  #putValue(): void {
    const pieces = this.#pieces;
    const list = pieces.length - 3;
    const isSecond = this.#previous === "," && pieces[list + 1]?.endsWith("?") === true;
    if (isSecond && OPENING.has(pieces[list] ?? "")) pieces.length -= 2;
    this.#put("?", true, OPENING.has(pieces.at(-1) ?? ""));
  }

  #put(piece: string, isOperand: boolean, isFirst = false): void {
    if (this.#sign !== "") {
      const sign = this.#sign;
      this.#sign = "";
      this.#put(sign, false);
    }
    const isFirstPiece = this.#pieces.length === 0;
    this.#pieces.push(isFirst || isFirstPiece || !this.#isApart(piece) ? piece : ` ${piece}`);
    this.#previous = piece;
    this.#isOperand = isOperand;
    if (piece === ")") this.#foldRow();
  }

  /** `(?), (?)` becomes `(?)`. */
  #foldRow(): void {
    const pieces = this.#pieces;
    const at = pieces.length - 7;
    if (pieces.length < 7 || pieces[at + 5] !== "?" || pieces[at + 4] !== " (") return;
    if (pieces[at + 3] !== "," || pieces[at + 2] !== ")" || pieces[at + 1] !== "?") return;
    if (OPENING.has(pieces[at] ?? "")) pieces.length -= 4;
  }

  #isApart(piece: string): boolean {
    if (NO_SPACE_BEFORE.has(piece) || NO_SPACE_AFTER.has(this.#previous)) return false;
    return piece !== "(" || !this.#isOperand;
  }
}

/** What a list begins with, as it stands among pieces. */
const OPENING = new Set(["(", " (", "["]);

function isValue(token: SqlToken, piece: string, previous: string): boolean {
  if (token === "literal" || token === "parameter") return true;
  return token === "word" && VALUE_WORDS.has(piece) && !GRAMMAR_BEFORE_VALUES.has(previous);
}

function isOperand(token: SqlToken, piece: string): boolean {
  if (token === "word") return !GRAMMAR_WORDS.has(piece);
  return token === "name" || piece === ")" || piece === "]";
}

/** More words than are needed to know what kind of statement it is. Count. */
const wordsMax = 64;

/** Whether the rest of the statement is the value of a setting. */
function isBeforeSetting(words: readonly string[], piece: string): boolean {
  const [first] = words;
  if (first !== "set" && first !== "alter") return false;
  if (piece === "=" || piece === "to") return first === "set" || words.includes("set");
  if (first === "alter") return false;
  const scope = words[1] === "session" || words[1] === "local" ? 2 : 1;
  const name = words.slice(scope, scope + 3).join(" ");
  return SETTINGS_WITHOUT_SIGN.has(name);
}

const SETTINGS_WITHOUT_SIGN = new Set(["role", "names", "time zone", "authorization"]);
