/**
 * The head of a request on the wire, as the edge writes it (latin1):
 *
 *   METHOD SP target SP scheme SP peer-address SP peer-port CRLF
 *   name: value CRLF …
 *
 * Only what every request needs is read at once; the header lines are when somebody asks for them.
 */
import { WireProtocolError } from "../wire/frames.ts";

export class RequestHead {
  readonly method: string;
  /** `scheme://host/path?query` as the client asked for it. */
  readonly url: string;
  /** The id in `x-request-id`, for the app's log lines; empty when there is none. */
  readonly requestId: string;
  readonly #text: string;
  readonly #peerStart: number;
  readonly #linesStart: number;

  /** Copies what it needs of the buffer. @throws {WireProtocolError} */
  constructor(buffer: Buffer, start: number, end: number) {
    const text = buffer.latin1Slice(start, end);
    const methodEnd = text.indexOf(" ");
    const targetEnd = text.indexOf(" ", methodEnd + 1);
    const schemeEnd = text.indexOf(" ", targetEnd + 1);
    const lineEnd = text.indexOf("\r\n", schemeEnd + 1);
    if (methodEnd < 1 || targetEnd === -1 || schemeEnd === -1 || lineEnd === -1) {
      throw new WireProtocolError("a malformed request line");
    }
    let host = "";
    let requestId = "";
    let at = lineEnd + 2;
    while (at < text.length) {
      const end = text.indexOf("\r\n", at);
      if (end === -1) throw new WireProtocolError("a header line without its end");
      if (isNamed(text, at, "host")) host = text.slice(at + 5, end).trim();
      else if (isNamed(text, at, "x-request-id")) requestId = text.slice(at + 13, end).trim();
      at = end + 2;
    }
    this.method = text.slice(0, methodEnd);
    const target = text.slice(methodEnd + 1, targetEnd);
    this.url = `${text.slice(targetEnd + 1, schemeEnd)}://${host}${NOT_ASCII.test(target) ? asUtf8(target) : target}`;
    this.requestId = requestId;
    this.#text = text;
    this.#peerStart = schemeEnd + 1;
    this.#linesStart = lineEnd + 2;
  }

  get peer(): { address: string; port: number } {
    const line = this.#text.slice(this.#peerStart, this.#linesStart - 2);
    const [address = "", port = ""] = line.split(" ");
    return { address, port: Number(port) };
  }

  /** Adds the header lines to `headers`. */
  fill(headers: Headers): void {
    const text = this.#text;
    let at = this.#linesStart;
    while (at < text.length) {
      const colon = text.indexOf(":", at);
      const end = text.indexOf("\r\n", at);
      if (colon > at && colon < end)
        headers.append(text.slice(at, colon), fieldValue(text, colon + 1, end));
      at = end + 2;
    }
  }
}

const NOT_ASCII = /[^\0-\x7f]/;

/** Bytes that are not percent-encoded stand for UTF-8, as in Bun. */
function asUtf8(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString();
}

/** Whether the line at `at` has this name (lower case), in any case. Without a string: it is asked for every request. */
function isNamed(text: string, at: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    // Sets the bit that makes a letter small; a dash has it.
    if ((text.charCodeAt(at + index) | 0x20) !== name.charCodeAt(index)) return false;
  }
  return text.charCodeAt(at + name.length) === 0x3a;
}

/** Without the spaces and tabs around it; `trim` would take off U+00A0 too, which is a byte of the value. */
function fieldValue(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
