/**
 * Cuts SQL into tokens as PostgreSQL's own scanner does: what is a literal, what is a comment, what is a word. It knows
 * no grammar. It never throws, and allocates nothing per token.
 *
 *   const scanner = new SqlScanner("select 1");
 *   while (scanner.next() !== "end") …scanner.from, scanner.to…
 */

export type SqlToken =
  /** A keyword or a name that is not quoted. */
  | "word"
  /** A name in double quotes. */
  | "name"
  /** A string of any kind, or a number. */
  | "literal"
  /** `$1` */
  | "parameter"
  | "operator"
  /** One of `( ) [ ] , ; . :` alone. */
  | "mark"
  /** From here on nobody can say what is a literal: an open quote, or one whose end depends on the server's settings. */
  | "unclear"
  | "end";

const TAB = 9;
const SPACE = 32;
const QUOTE = 39;
const DOUBLE = 34;
const DOLLAR = 36;
const BACKSLASH = 92;
const STAR = 42;
const SLASH = 47;
const MINUS = 45;
const DOT = 46;
const UNDERSCORE = 95;

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isWordStart = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === UNDERSCORE || code >= 128;
const isWordPart = (code: number): boolean => isWordStart(code) || isDigit(code) || code === DOLLAR;
const isSpace = (code: number): boolean => code === SPACE || (code >= TAB && code <= 13);

/** Which characters make operators. */
const OPERATOR = new Uint8Array(128);
for (const char of "+-*/<>=~!@#%^&|`?") OPERATOR[char.charCodeAt(0)] = 1;
/** An operator of several characters may end in + or - only when it has one of these. */
const OPERATOR_BEYOND_SIGN = /[~!@#%^&|`?]/;
const isOperator = (code: number): boolean => code < 128 && OPERATOR[code] === 1;

export class SqlScanner {
  readonly text: string;
  /** Of the latest token: index of its first character. */
  from = 0;
  /** Of the latest token: index behind its last character. */
  to = 0;
  readonly #end: number;

  /** @param charactersMax looks at no more of the text than this; what is beyond is as if it were not there */
  constructor(text: string, charactersMax = text.length) {
    this.text = text;
    this.#end = Math.min(text.length, charactersMax);
  }

  /** The latest token as it stands in the text. */
  get token(): string {
    return this.text.slice(this.from, this.to);
  }

  /** The next token behind blanks and comments. */
  next(): SqlToken {
    if (!this.#skipBlanks()) return this.#stop("unclear");
    const { text } = this;
    const at = this.to;
    this.from = at;
    if (at >= this.#end) return "end";
    const code = text.charCodeAt(at);
    if (isWordStart(code)) return this.#word(code);
    if (isDigit(code) || (code === DOT && isDigit(this.#code(at + 1)))) return this.#number();
    if (code === QUOTE) return this.#string(at, "plain");
    if (code === DOUBLE) return this.#quotedName(at);
    if (code === DOLLAR) return this.#dollar();
    if (isOperator(code)) return this.#operator();
    // `::` and `:=` belong together; a lone dot, bracket or comma stands for itself, and so does what SQL does not know.
    this.to = at + 1;
    if (code === 58 && (this.#code(at + 1) === 58 || this.#code(at + 1) === 61)) this.to = at + 2;
    return "mark";
  }

  #code(at: number): number {
    return at < this.#end ? this.text.charCodeAt(at) : -1;
  }

  #stop(token: "unclear"): SqlToken {
    this.from = Math.min(this.from, this.#end);
    this.to = this.#end;
    return token;
  }

  /** Moves `to` to the next token. False when a comment has no end. */
  #skipBlanks(): boolean {
    let at = this.to;
    for (;;) {
      const code = this.#code(at);
      if (isSpace(code)) {
        at += 1;
      } else if (code === MINUS && this.#code(at + 1) === MINUS) {
        while (at < this.#end && this.#code(at) !== 10 && this.#code(at) !== 13) at += 1;
      } else if (code === SLASH && this.#code(at + 1) === STAR) {
        at = this.#commentEnd(at);
        if (at === -1) return false;
      } else {
        this.to = at;
        return true;
      }
    }
  }

  /** Comments nest. -1 when it has no end. */
  #commentEnd(start: number): number {
    let depth = 0;
    let at = start;
    while (at < this.#end) {
      const code = this.#code(at);
      const next = this.#code(at + 1);
      if (code === SLASH && next === STAR) {
        depth += 1;
        at += 2;
      } else if (code === STAR && next === SLASH) {
        depth -= 1;
        at += 2;
        if (depth === 0) return at;
      } else {
        at += 1;
      }
    }
    return -1;
  }

  #word(first: number): SqlToken {
    let at = this.from + 1;
    const second = this.#code(at);
    // A letter that says which kind of string follows.
    if (second === QUOTE) {
      const letter = first | 32;
      if (letter === 101) return this.#string(at, "escapes"); // e''
      if (letter === 98 || letter === 120 || letter === 110) return this.#string(at, "plain");
    }
    // u&'' and u&""
    if ((first | 32) === 117 && second === 38) {
      const third = this.#code(at + 1);
      if (third === QUOTE) return this.#string(at + 1, "unicode");
      if (third === DOUBLE) return this.#quotedName(at + 1);
    }
    while (isWordPart(this.#code(at))) at += 1;
    this.to = at;
    return "word";
  }

  /** Takes more than PostgreSQL does (`1x`, `1.2.3`): what begins with a digit is never shown. */
  #number(): SqlToken {
    let at = this.from;
    for (;;) {
      const code = this.#code(at);
      if (isWordPart(code) || (code === DOT && this.#code(at + 1) !== DOT)) {
        at += 1;
        const isExponent = (code | 32) === 101;
        const sign = this.#code(at);
        if (isExponent && (sign === MINUS || sign === 43) && isDigit(this.#code(at + 1))) at += 1;
      } else {
        this.to = at;
        return "literal";
      }
    }
  }

  #string(quote: number, kind: "plain" | "escapes" | "unicode"): SqlToken {
    let at = quote + 1;
    while (at < this.#end) {
      const code = this.#code(at);
      if (code === BACKSLASH && kind === "escapes") {
        at += 2;
      } else if (code === BACKSLASH && kind === "plain" && this.#code(at + 1) === QUOTE) {
        // Where the string ends depends on standard_conforming_strings.
        return this.#stop("unclear");
      } else if (code === QUOTE && this.#code(at + 1) === QUOTE) {
        at += 2;
      } else if (code === QUOTE) {
        this.to = at + 1;
        return "literal";
      } else {
        at += 1;
      }
    }
    return this.#stop("unclear");
  }

  #quotedName(quote: number): SqlToken {
    let at = quote + 1;
    while (at < this.#end) {
      if (this.#code(at) !== DOUBLE) {
        at += 1;
      } else if (this.#code(at + 1) === DOUBLE) {
        at += 2;
      } else {
        this.to = at + 1;
        return "name";
      }
    }
    return this.#stop("unclear");
  }

  /** `$1`, `$$…$$`, `$tag$…$tag$`. */
  #dollar(): SqlToken {
    const start = this.from;
    let at = start + 1;
    if (isDigit(this.#code(at))) {
      while (isWordPart(this.#code(at))) at += 1;
      this.to = at;
      return "parameter";
    }
    while (isWordStart(this.#code(at)) || isDigit(this.#code(at))) at += 1;
    if (this.#code(at) !== DOLLAR) {
      this.to = start + 1;
      return "mark";
    }
    const tag = this.text.slice(start, at + 1);
    const end = this.text.indexOf(tag, at + 1);
    if (end === -1 || end + tag.length > this.#end) return this.#stop("unclear");
    this.to = end + tag.length;
    return "literal";
  }

  #operator(): SqlToken {
    const start = this.from;
    let at = start + 1;
    while (isOperator(this.#code(at))) {
      const isComment =
        (this.#code(at) === MINUS && this.#code(at + 1) === MINUS) ||
        (this.#code(at) === SLASH && this.#code(at + 1) === STAR);
      if (isComment) break;
      at += 1;
    }
    // `=-1` is `=` and `-1`.
    const last = () => this.text.charCodeAt(at - 1);
    if (at - start > 1 && !OPERATOR_BEYOND_SIGN.test(this.text.slice(start, at))) {
      while (at - start > 1 && (last() === MINUS || last() === 43)) at -= 1;
    }
    this.to = at;
    return "operator";
  }
}
