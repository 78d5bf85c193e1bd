/**
 * Reads a script of SQL as its bytes come: statements, and the rows of `COPY … FROM stdin`. It knows as much of SQL as is needed
 * to see where a statement ends: quotes, dollar quotes, comments, and the bodies of functions in standard SQL.
 *
 *   statement ──;──▶ statement …        COPY … FROM stdin; ──▶ rows ──\.──▶ statement
 */
import { dumpStatementBytesMax } from "./limits.ts";

export type ScriptPiece =
  | { kind: "statement"; sql: string }
  /** The rows come next, as `rows`, up to `rowsEnd`. */
  | { kind: "copy"; sql: string }
  /** Valid until the next piece is asked for. */
  | { kind: "rows"; bytes: Buffer }
  | { kind: "rowsEnd" };

const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const END_OF_ROWS = Buffer.from("\\.");

export async function* readScript(source: AsyncIterable<Uint8Array>): AsyncGenerator<ScriptPiece> {
  const pending = new PendingBytes();
  let isInRows = false;
  let isMidRow = false;
  /** A COPY whose line has not ended yet: its rows begin on the next one. */
  let copy: string | null = null;
  let scan = new StatementScan();
  for await (const piece of source) {
    pending.add(piece);
    for (;;) {
      const bytes = pending.bytes;
      if (isInRows) {
        const found = rowsIn(bytes, isMidRow);
        isMidRow = found.isMidRow;
        if (found.rows > 0) yield { kind: "rows", bytes: bytes.subarray(0, found.rows) };
        pending.drop(found.read);
        if (!found.isEnded) break;
        yield { kind: "rowsEnd" };
        isInRows = false;
      } else if (copy !== null) {
        const line = bytes.indexOf(NEWLINE);
        if (line === -1) break;
        pending.drop(line + 1);
        yield { kind: "copy", sql: copy };
        copy = null;
        isInRows = true;
      } else {
        const end = scan.end(bytes);
        if (end === null) {
          if (bytes.length <= dumpStatementBytesMax) break;
          throw new Error("it has a statement that never ends");
        }
        const bare = withoutLeadingComments(bytes.toString("utf8", 0, end).trim());
        pending.drop(end);
        scan = new StatementScan();
        if (bare === "" || isIgnoredCommand(bare)) continue;
        if (bare.startsWith("\\")) {
          throw new Error(`it has a command of psql: ${bare.slice(0, 100)}`);
        }
        if (/^copy\b.*\bfrom\s+stdin\b[^;]*;$/is.test(bare)) copy = bare;
        else yield { kind: "statement", sql: bare };
      }
    }
  }
  if (isInRows || copy !== null) throw new Error("it ends within the rows of a table");
  const bare = withoutLeadingComments(pending.bytes.toString("utf8").trim());
  if (bare !== "" && !isIgnoredCommand(bare)) throw new Error("it ends within a statement");
}

/** Bytes that nobody has made anything of yet, in one piece that grows seldom. */
class PendingBytes {
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  /** Valid until the next `add`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  add(piece: Uint8Array): void {
    const length = this.#end - this.#start;
    if (this.#end + piece.length > this.#buffer.length) {
      const larger = length + piece.length > this.#buffer.length / 2;
      const buffer = larger ? Buffer.alloc((length + piece.length) * 2) : this.#buffer;
      this.#buffer.copy(buffer, 0, this.#start, this.#end);
      this.#buffer = buffer;
      this.#start = 0;
      this.#end = length;
    }
    this.#buffer.set(piece, this.#end);
    this.#end += piece.length;
  }

  drop(bytes: number): void {
    this.#start += bytes;
  }
}

/** pg_dump puts them around what it writes, against scripts that talk psql into something; they are no SQL. */
function isIgnoredCommand(bare: string): boolean {
  return /^\\(un)?restrict\s+\w+$/.test(bare);
}

interface FoundRows {
  /** Bytes that are rows, and bytes that were read with what ends them. */
  rows: number;
  read: number;
  isEnded: boolean;
  /** The last row has begun and goes on: a long one is passed on as it comes. */
  isMidRow: boolean;
}

/** The end of rows is a line of its own, so only beginnings of lines are looked at. */
function rowsIn(bytes: Buffer, isMidRow: boolean): FoundRows {
  let at = 0;
  if (isMidRow) {
    at = bytes.indexOf(NEWLINE) + 1;
    if (at === 0) return { rows: bytes.length, read: bytes.length, isEnded: false, isMidRow };
  }
  for (;;) {
    const line = bytes.indexOf(NEWLINE, at);
    const stop = { rows: at, read: at, isEnded: false, isMidRow: false };
    if (bytes[at] === BACKSLASH) {
      // `\.`, perhaps with a carriage return, and a line's end.
      if (line === -1 && bytes.length - at < 4) return stop;
      const end = bytes[line - 1] === 0x0d ? line - 1 : line;
      if (line !== -1 && bytes.subarray(at, end).equals(END_OF_ROWS)) {
        return { ...stop, read: line + 1, isEnded: true };
      }
    }
    if (line === -1) {
      if (at === bytes.length) return stop;
      return { rows: bytes.length, read: bytes.length, isEnded: false, isMidRow: true };
    }
    at = line + 1;
  }
}

function withoutLeadingComments(sql: string): string {
  let bare = sql;
  for (;;) {
    const next = bare
      .replace(/^\s*--[^\n]*(\n|$)/, "")
      .replace(/^\s*\/\*[\s\S]*?\*\//, "")
      .trimStart();
    if (next === bare) return bare;
    bare = next;
  }
}

/** Where the first statement in some bytes ends. Goes on where it stopped when more bytes are there. */
class StatementScan {
  #at = 0;
  /** Of quotes: what ends them; of comments: their kind. */
  #within: "none" | "single" | "escape" | "double" | "line" | "block" | "dollar" = "none";
  #tag = "";
  #depth = 0;
  /** BEGIN ATOMIC … END of functions in standard SQL; CASE … END inside of it. */
  #blocks = 0;
  #parentheses = 0;
  #word = "";
  #lastWord = "";
  #hasBegun = false;

  /** Index behind its semicolon, or behind a line of psql's own; null: it goes on. */
  end(bytes: Buffer): number | null {
    while (this.#at < bytes.length) {
      const char = String.fromCharCode(bytes[this.#at] as number);
      const next = bytes[this.#at + 1];
      // What is told by two characters needs both.
      if (next === undefined && "'\"-/*\\$eE".includes(char)) return null;
      if (this.#within !== "none") {
        if (!this.#leave(bytes, char, next)) return null;
        continue;
      }
      if (!this.#hasBegun && char === "\\") {
        const line = bytes.indexOf(NEWLINE, this.#at);
        return line === -1 ? null : line + 1;
      }
      if (/[A-Za-z_0-9\x80-\xff]/.test(char) && char !== "$") {
        this.#word += char.toLowerCase();
        this.#hasBegun = true;
        this.#at += 1;
        if ((char === "e" || char === "E") && this.#word === "e" && next === 0x27) {
          this.#within = "escape";
          this.#word = "";
          this.#at += 1;
        }
        continue;
      }
      if (char === "$" && this.#word === "") {
        const tag = this.#dollarTag(bytes);
        if (tag === null) return null;
        if (tag !== "") {
          this.#within = "dollar";
          this.#tag = tag;
          this.#at += tag.length;
          this.#hasBegun = true;
          continue;
        }
      }
      this.#endWord();
      this.#at += 1;
      if (char === "'") this.#within = "single";
      else if (char === '"') this.#within = "double";
      else if (char === "-" && next === 0x2d) this.#within = "line";
      else if (char === "/" && next === 0x2a) {
        this.#within = "block";
        this.#depth = 1;
        this.#at += 1;
        continue;
      } else if (char === "(") this.#parentheses += 1;
      else if (char === ")") this.#parentheses -= 1;
      else if (char === ";" && this.#parentheses <= 0 && this.#blocks === 0) return this.#at;
      if (!/\s/.test(char) && this.#within !== "line") this.#hasBegun = true;
    }
    return null;
  }

  /** Goes on within quotes or a comment. False: more bytes are needed to know. */
  #leave(bytes: Buffer, char: string, next: number | undefined): boolean {
    this.#at += 1;
    switch (this.#within) {
      case "single":
      case "escape":
        if (char === "\\" && this.#within === "escape") this.#at += 1;
        else if (char === "'" && next === 0x27) this.#at += 1;
        else if (char === "'") this.#within = "none";
        return true;
      case "double":
        if (char === '"' && next === 0x22) this.#at += 1;
        else if (char === '"') this.#within = "none";
        return true;
      case "line":
        if (char === "\n") this.#within = "none";
        return true;
      case "block":
        if (char === "/" && next === 0x2a) {
          this.#depth += 1;
          this.#at += 1;
        } else if (char === "*" && next === 0x2f) {
          this.#depth -= 1;
          this.#at += 1;
          if (this.#depth === 0) this.#within = "none";
        }
        return true;
      default: {
        const end = bytes.indexOf(this.#tag, this.#at - 1, "latin1");
        if (end === -1) {
          this.#at = Math.max(this.#at - 1, bytes.length - this.#tag.length);
          return false;
        }
        this.#at = end + this.#tag.length;
        this.#within = "none";
        return true;
      }
    }
  }

  /** `$$`, `$tag$`, or empty when it is none; null: more bytes are needed to know. */
  #dollarTag(bytes: Buffer): string | null {
    const text = bytes.toString("latin1", this.#at, Math.min(this.#at + 66, bytes.length));
    const [tag] = /^\$(?:[A-Za-z_\x80-\xff][A-Za-z_0-9\x80-\xff]*)?\$/.exec(text) ?? [];
    if (tag !== undefined) return tag;
    const couldBecome = /^\$[A-Za-z_0-9\x80-\xff]*$/.test(text) && text.length < 66;
    return couldBecome ? null : "";
  }

  #endWord(): void {
    const word = this.#word;
    if (word === "") return;
    if (word === "atomic" && this.#lastWord === "begin") this.#blocks += 1;
    else if (word === "case" && this.#blocks > 0) this.#blocks += 1;
    else if (word === "end" && this.#blocks > 0) this.#blocks -= 1;
    this.#lastWord = word;
    this.#word = "";
  }
}
