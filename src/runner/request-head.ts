/**
 * The head of a request, as the edge writes it (see `wire/request-line.ts`). Only the first line is read for every
 * request; the header lines are when somebody asks for them.
 */
import { fieldValue } from "../wire/field-value.ts";
import { WireProtocolError } from "../wire/frames.ts";

export class RequestHead {
  readonly method: string;
  /** `scheme://host/path?query` as the client asked for it. */
  readonly url: string;
  /** The request's id, for the app's log lines; empty when there is none. */
  readonly requestId: string;
  /** As the client has sent it: origin form or `*`. Latin-1. */
  readonly target: string;
  /** Empty for none. */
  readonly host: string;
  readonly #text: string;
  readonly #peerStart: number;
  readonly #linesStart: number;

  /** Copies what it needs of the buffer. @throws {WireProtocolError} */
  constructor(buffer: Buffer, start: number, end: number) {
    const text = buffer.latin1Slice(start, end);
    const methodEnd = text.indexOf(" ");
    const targetEnd = text.indexOf(" ", methodEnd + 1);
    const schemeEnd = text.indexOf(" ", targetEnd + 1);
    const hostEnd = text.indexOf(" ", schemeEnd + 1);
    const idEnd = text.indexOf(" ", hostEnd + 1);
    const lineEnd = text.indexOf("\r\n", idEnd + 1);
    const isLine = methodEnd > 0 && targetEnd > 0 && schemeEnd > 0 && hostEnd > 0 && idEnd > 0;
    if (!isLine || lineEnd === -1 || !text.endsWith("\r\n")) {
      throw new WireProtocolError("a malformed request line");
    }
    this.method = methodEnd === 3 && text.startsWith("GET") ? "GET" : text.slice(0, methodEnd);
    const target = text.slice(methodEnd + 1, targetEnd);
    this.target = target;
    this.host = text.slice(schemeEnd + 1, hostEnd);
    const origin = `${text.slice(targetEnd + 1, schemeEnd)}://${this.host}`;
    this.url = origin + (NOT_ASCII.test(target) ? asUtf8(target) : target);
    this.requestId = text.slice(hostEnd + 1, idEnd);
    this.#text = text;
    this.#peerStart = idEnd + 1;
    this.#linesStart = lineEnd + 2;
  }

  get peer(): { address: string; port: number } {
    const line = this.#text.slice(this.#peerStart, this.#linesStart - 2);
    const [address = "", port = ""] = line.split(" ");
    return { address, port: Number(port) };
  }

  /** The header lines, each with its CRLF. Latin-1. */
  get lines(): string {
    return this.#text.slice(this.#linesStart);
  }

  /** Adds the header lines to `headers`. */
  fill(headers: Headers): void {
    const text = this.#text;
    let at = this.#linesStart;
    while (at < text.length) {
      const colon = text.indexOf(":", at);
      const end = text.indexOf("\r\n", at);
      if (end === -1) return;
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
