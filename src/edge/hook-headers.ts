/**
 * Header lines as a hook sees them. They are read from where they are when somebody asks, and written anew only when
 * somebody has changed them. What a hook sets is checked: it cannot end a line, nor write what only the edge may.
 */
import type { HookHeaders } from "../../sdk/src/hooks.ts";
import { invariant } from "../base/errors.ts";
import { fieldValue, isFieldName, isFieldValue } from "../router/destination.ts";
import { hookLinesBytesMax } from "./limits.ts";

/** Lines of both directions that speak of the connection or of where a body ends. */
const FRAMING = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

export const RESPONSE_LINES_OF_EDGE: ReadonlySet<string> = new Set(FRAMING);

/** The edge writes these itself, by what it knows better. */
export const REQUEST_LINES_OF_EDGE: ReadonlySet<string> = new Set([
  ...FRAMING,
  "expect",
  "host",
  "http2-settings",
  "traceparent",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-request-id",
]);

/** Where the lines are until they are kept. */
export interface LineSource {
  buffer: Buffer;
  /** Pairs of offsets. */
  ranges: readonly (readonly number[])[];
}

export class EditableHeaders implements HookHeaders {
  readonly #linesOfEdge: ReadonlySet<string>;
  /** Only valid during the call of a hook, unless `keep` was called. */
  #source: LineSource | null;
  #text: string | null;
  /** By name in lower case: the values in place of those in the text. */
  #edits: Map<string, string[]> | null = null;
  #addedBytes = 0;
  #isSealed = false;

  constructor(linesOfEdge: ReadonlySet<string>, lines: LineSource | string) {
    this.#linesOfEdge = linesOfEdge;
    this.#source = typeof lines === "string" ? null : lines;
    this.#text = typeof lines === "string" ? lines : null;
  }

  /** Some line was set, added or taken away. */
  get isEdited(): boolean {
    return this.#edits !== null;
  }

  get(name: string): string | null {
    const key = name.toLowerCase();
    const values = this.#valuesOf(key);
    if (values.length === 0) return null;
    return values.length === 1 ? values[0]! : values.join(key === "cookie" ? "; " : ", ");
  }

  getAll(name: string): string[] {
    return [...this.#valuesOf(name.toLowerCase())];
  }

  has(name: string): boolean {
    return this.#valuesOf(name.toLowerCase()).length > 0;
  }

  set(name: string, value: string): void {
    const key = this.#checked(name, value);
    this.#edit(key, [value]);
  }

  append(name: string, value: string): void {
    const key = this.#checked(name, value);
    this.#edit(key, [...this.#valuesOf(key), value]);
  }

  delete(name: string): void {
    const key = this.#editable(name);
    if (this.#valuesOf(key).length > 0) this.#edit(key, []);
  }

  *[Symbol.iterator](): IterableIterator<[string, string]> {
    for (const [name, value] of linesIn(this.#lines())) {
      if (this.#edits?.has(name) !== true) yield [name, value];
    }
    for (const [name, values] of this.#edits ?? []) {
      for (const value of values) yield [name, value];
    }
  }

  /** Reads the lines, so that they can be asked for after their buffer has been used again. */
  keep(): void {
    this.#lines();
  }

  /** No change any more; without `keep`, nothing can be read either. */
  seal(): void {
    this.#isSealed = true;
    this.#source = null;
  }

  /** All lines, each ended by CRLF. */
  toLines(): string {
    const text = this.#lines();
    const edits = this.#edits;
    if (edits === null) return text;
    // Lines that nobody has touched stay as they were sent.
    let lines = "";
    let keptFrom = 0;
    for (let at = 0; at < text.length; ) {
      const next = text.indexOf("\r\n", at) + 2;
      if (edits.has(text.slice(at, text.indexOf(":", at)).toLowerCase())) {
        lines += text.slice(keptFrom, at);
        keptFrom = next;
      }
      at = next;
    }
    lines += text.slice(keptFrom);
    for (const [name, values] of edits) {
      for (const value of values) lines += `${name}: ${value}\r\n`;
    }
    return lines;
  }

  // --- private ---

  #lines(): string {
    if (this.#text !== null) return this.#text;
    if (this.#source === null) {
      throw new Error("headers can only be read while the hook runs: read them before it returns");
    }
    const { buffer, ranges } = this.#source;
    let text = "";
    for (const range of ranges) {
      for (let index = 0; index < range.length; index += 2) {
        text += buffer.latin1Slice(range[index], range[index + 1]);
      }
    }
    this.#text = text;
    this.#source = null;
    return text;
  }

  #valuesOf(key: string): readonly string[] {
    return this.#edits?.get(key) ?? valuesIn(this.#lines(), key);
  }

  #edit(key: string, values: string[]): void {
    this.#edits ??= new Map();
    this.#edits.set(key, values);
  }

  #checked(name: string, value: string): string {
    const key = this.#editable(name);
    if (!isFieldName(name)) throw new TypeError(`${quoted(name)} is no name of a header`);
    if (typeof value !== "string" || !isFieldValue(value)) {
      throw new TypeError(
        `the value of header "${key}" must be a text of one line in Latin-1, is ${quoted(value)}`,
      );
    }
    this.#addedBytes += name.length + value.length + ": \r\n".length;
    if (this.#addedBytes > hookLinesBytesMax) {
      throw new RangeError(`hooks may set at most ${hookLinesBytesMax} bytes of headers`);
    }
    return key;
  }

  #editable(name: string): string {
    if (this.#isSealed) throw new TypeError("it has been sent on: it cannot be changed");
    const key = String(name).toLowerCase();
    if (this.#linesOfEdge.has(key)) throw new TypeError(`only the edge writes header "${key}"`);
    return key;
  }
}

function quoted(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : typeof value;
}

const none: readonly string[] = [];

/** Values of the lines named `key`, which is lower case. */
function valuesIn(text: string, key: string): readonly string[] {
  let values: string[] | null = null;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\r\n", at);
    invariant(end !== -1, "each line has an end");
    const colon = at + key.length;
    if (text.charCodeAt(colon) === 0x3a && isName(text, at, key)) {
      values ??= [];
      values.push(fieldValue(text, colon + 1, end));
    }
    at = end + 2;
  }
  return values ?? none;
}

function isName(text: string, at: number, key: string): boolean {
  for (let index = 0; index < key.length; index++) {
    const code = text.charCodeAt(at + index);
    const isUpper = code >= 0x41 && code <= 0x5a;
    if ((isUpper ? code + 0x20 : code) !== key.charCodeAt(index)) return false;
  }
  return true;
}

function* linesIn(text: string): Generator<[string, string]> {
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\r\n", at);
    invariant(end !== -1, "each line has an end");
    const colon = text.indexOf(":", at);
    yield [text.slice(at, colon).toLowerCase(), fieldValue(text, colon + 1, end)];
    at = end + 2;
  }
}
