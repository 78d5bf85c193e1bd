/**
 * The header lines of a `Response`, from what it was made of. Asking the Response itself costs a `Headers` and a call for
 * each line, so that is left for what is not plain: other types of init, names in odd places, values that were touched.
 */
import { isFieldName, isFieldValue } from "../wire/response-head.ts";
import { knownLinesMax } from "./limits.ts";

export interface KnownLines {
  /** Lines, each ended by CRLF. */
  readonly block: string;
  /** The value of its `content-type`, or empty. */
  readonly contentType: string;
}

const none: KnownLines = { block: "", contentType: "" };

/** What `Response.json` adds. */
export const jsonType = "application/json;charset=utf-8";
export const jsonLines: KnownLines = {
  block: `content-type: ${jsonType}\r\n`,
  contentType: jsonType,
};

/** Names that are more than a line: the runner or the edge does something about them, or they may come twice. */
const SPECIAL = new Set([
  "connection",
  "content-disposition",
  "content-encoding",
  "content-length",
  "keep-alive",
  "set-cookie",
  "transfer-encoding",
  "upgrade",
]);

/** The lines of a Response made with this init; undefined when they have to be asked for. */
export function knownLines(init: ResponseInit | undefined): KnownLines | undefined {
  if (init === undefined) return none;
  if (init === null || Object.getPrototypeOf(init) !== Object.prototype) return undefined;
  const { headers } = init;
  if (headers === undefined) return none;
  if (headers === null || Object.getPrototypeOf(headers) !== Object.prototype) return undefined;
  const lines = { block: "", contentType: "" };
  let count = 0;
  for (const name in headers as Record<string, unknown>) {
    const value = (headers as Record<string, unknown>)[name];
    if (++count > knownLinesMax || !addLine(lines, name, value)) return undefined;
  }
  // Symbols and names that cannot be listed are the native code's business.
  return lines;
}

function addLine(lines: { block: string; contentType: string }, name: string, value: unknown) {
  if (typeof value !== "string" || !isFieldName(name) || !isFieldValue(value)) return false;
  const lower = name.toLowerCase();
  // A name in another case is the same line; blanks around a value are not part of it.
  if (SPECIAL.has(lower) || lines.block.includes(`${lower}: `) || value !== value.trim()) {
    return false;
  }
  if (lower === "content-type") lines.contentType = value;
  lines.block += `${lower}: ${value}\r\n`;
  return true;
}
