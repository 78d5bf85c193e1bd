/**
 * Reads HTTP/1.1 responses from bytes, strictly: what RFC 9112 forbids a server to send is a fault and ends the
 * reading. Interim (1xx) answers are collected with the final answer they precede.
 *
 *   head ──▶ body (none | counted | chunked | until close) ──▶ head …
 *     └── 101 ──▶ tunnel: the rest is not HTTP
 */

/** One header line as it was sent; the name keeps its case, the value is trimmed. Latin-1. */
export type HeaderLine = readonly [name: string, value: string];

/** What the request was that an answer belongs to: it decides whether a body follows. */
export interface Asked {
  method: string;
  /** Default `1.1`. */
  version?: "1.0" | "1.1";
}

export interface AnswerHead {
  version: string;
  status: number;
  reason: string;
  headers: HeaderLine[];
}

export interface Answer extends AnswerHead {
  /** 1xx answers that came before this one. */
  interim: AnswerHead[];
  /** Decoded from its chunks. */
  body: Buffer;
  framing: "none" | "counted" | "chunked" | "close" | "tunnel";
  /** Sizes of the chunks as sent; empty unless chunked. */
  chunks: number[];
  trailers: HeaderLine[];
  /** The body came to its announced end. */
  complete: boolean;
}

/** The server sent what no server may send. */
export class Fault extends Error {
  override readonly name = "Fault";
}

/** A head larger than this is no honest answer of the probe app. Bytes. */
const headBytesMax = 256 * 1024;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** All values of a header, in order. */
export function valuesOf(head: AnswerHead, name: string): string[] {
  return head.headers.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
}

/** The value of a header that is there once, else undefined. */
export function onlyValueOf(head: AnswerHead, name: string): string | undefined {
  const values = valuesOf(head, name);
  return values.length === 1 ? values[0] : undefined;
}

export class AnswerReader {
  readonly answers: Answer[] = [];
  /** The answer whose body is arriving. */
  current: Answer | null = null;
  /** Interim answers that no final one has followed yet. */
  interim: AnswerHead[] = [];
  /** Body bytes that have come of the current answer. */
  bodyBytes = 0;
  readonly #asked: readonly Asked[];
  #unread: Buffer = Buffer.alloc(0);
  #pieces: Buffer[] = [];
  /** Body bytes still to come in this answer, or in this chunk. */
  #left = 0;
  #chunkState: "size" | "data" | "data-end" | "trailers" = "size";

  /** @param asked the requests sent, in order; an answer beyond them is a fault. */
  constructor(asked: readonly Asked[]) {
    this.#asked = asked;
  }

  /** @throws {Fault} */
  push(bytes: Buffer): void {
    this.#unread =
      this.#unread.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#unread, bytes]);
    while (this.#step());
  }

  /** The server has closed: ends a body that only the close delimits. Other answers stay incomplete. */
  close(): void {
    const { current } = this;
    if (current === null) {
      if (this.#unread.length > 0)
        throw new Fault(`closed in the middle of a head: ${show(this.#unread)}`);
      return;
    }
    this.#finish(current, current.framing === "close" || current.framing === "tunnel");
  }

  /** What has come of the body of the current answer, or through the tunnel. */
  get partialBody(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  #step(): boolean {
    if (this.current === null) return this.#readHead();
    switch (this.current.framing) {
      case "counted":
        return this.#readCounted(this.current);
      case "chunked":
        return this.#readChunked(this.current);
      default:
        this.#keep(this.#unread.length);
        return false;
    }
  }

  #readHead(): boolean {
    if (this.#unread.length === 0) return false;
    if (this.answers.length === this.#asked.length) {
      throw new Fault(`bytes that no request asked for: ${show(this.#unread)}`);
    }
    const end = this.#unread.indexOf("\r\n\r\n");
    if (end === -1) {
      if (this.#unread.length > headBytesMax) throw new Fault("a head without an end");
      if (
        !"HTTP/1.1 ".startsWith(this.#unread.subarray(0, 9).latin1Slice()) &&
        !/^HTTP\/1\.1 /.test(this.#unread.subarray(0, 9).latin1Slice())
      ) {
        throw new Fault(`not a status line: ${show(this.#unread)}`);
      }
      return false;
    }
    const head = parseHead(this.#take(end + 4).latin1Slice(0, end));
    const asked = this.#asked[this.answers.length]!;
    if (head.status < 200 && head.status !== 101) {
      checkBodiless(head);
      if (asked.version === "1.0") throw new Fault(`${head.status} sent to an HTTP/1.0 client`);
      this.interim.push(head);
      return true;
    }
    const answer: Answer = {
      ...head,
      interim: this.interim,
      body: Buffer.alloc(0),
      framing: "none",
      chunks: [],
      trailers: [],
      complete: false,
    };
    this.interim = [];
    this.#begin(answer, asked);
    return true;
  }

  #begin(answer: Answer, asked: Asked): void {
    const lengths = valuesOf(answer, "content-length");
    const codings = valuesOf(answer, "transfer-encoding");
    if (lengths.length > 1) throw new Fault(`${lengths.length} content-length lines`);
    if (lengths.length === 1 && !/^\d+$/.test(lengths[0]!))
      throw new Fault(`content-length ${lengths[0]}`);
    if (codings.length > 0 && lengths.length > 0)
      throw new Fault("content-length and transfer-encoding");
    if (codings.length > 1 || (codings.length === 1 && codings[0]!.toLowerCase() !== "chunked")) {
      throw new Fault(`transfer-encoding: ${codings.join(" | ")}`);
    }
    if (codings.length > 0 && asked.version === "1.0")
      throw new Fault("chunked sent to an HTTP/1.0 client");

    const isConnected = asked.method === "CONNECT" && answer.status >= 200 && answer.status < 300;
    if (answer.status === 101 || answer.status === 204 || isConnected) checkBodiless(answer);
    this.#pieces = [];
    this.bodyBytes = 0;
    this.current = answer;
    if (answer.status === 101 || isConnected) {
      answer.framing = "tunnel";
    } else if (asked.method === "HEAD" || answer.status === 204 || answer.status === 304) {
      this.#finish(answer, true);
    } else if (codings.length > 0) {
      answer.framing = "chunked";
      this.#chunkState = "size";
    } else if (lengths.length > 0) {
      answer.framing = "counted";
      this.#left = Number(lengths[0]);
    } else {
      answer.framing = "close";
    }
  }

  #readCounted(answer: Answer): boolean {
    this.#left -= this.#keep(this.#left);
    if (this.#left > 0) return false;
    this.#finish(answer, true);
    return true;
  }

  #readChunked(answer: Answer): boolean {
    if (this.#chunkState === "data") {
      this.#left -= this.#keep(this.#left);
      if (this.#left > 0) return false;
      this.#chunkState = "data-end";
      return true;
    }
    const end = this.#unread.indexOf("\r\n");
    if (end === -1) {
      if (this.#chunkState === "data-end" && this.#unread.length >= 2) {
        throw new Fault(`chunk data is not followed by CRLF but ${show(this.#unread)}`);
      }
      if (this.#unread.length > headBytesMax) throw new Fault("a chunk line without an end");
      return false;
    }
    const line = this.#take(end + 2).latin1Slice(0, end);
    if (this.#chunkState === "data-end") {
      if (line !== "") throw new Fault(`chunk data is not followed by CRLF but ${show(line)}`);
      this.#chunkState = "size";
    } else if (this.#chunkState === "size") {
      if (!/^[0-9a-fA-F]+$/.test(line)) throw new Fault(`chunk size ${show(line)}`);
      this.#left = Number.parseInt(line, 16);
      if (this.#left > 0) answer.chunks.push(this.#left);
      this.#chunkState = this.#left === 0 ? "trailers" : "data";
    } else if (line === "") {
      this.#finish(answer, true);
    } else {
      answer.trailers.push(parseHeaderLine(line));
    }
    return true;
  }

  #finish(answer: Answer, complete: boolean): void {
    answer.body = Buffer.concat(this.#pieces);
    answer.complete = complete;
    this.#pieces = [];
    this.current = null;
    this.answers.push(answer);
  }

  /** Moves up to `count` bytes into the body; gives how many there were. */
  #keep(count: number): number {
    const bytes = this.#take(count);
    if (bytes.length > 0) this.#pieces.push(bytes);
    this.bodyBytes += bytes.length;
    return bytes.length;
  }

  #take(count: number): Buffer {
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    return taken;
  }
}

/** A head without its last CRLF CRLF. */
function parseHead(text: string): AnswerHead {
  const [statusLine = "", ...lines] = text.split("\r\n");
  // RFC 9112 4: the space before the reason is required even when there is no reason.
  const match = /^(HTTP\/1\.1) ([1-9]\d\d) ([\t \x21-\x7e\x80-\xff]*)$/.exec(statusLine);
  if (match === null) throw new Fault(`status line ${show(statusLine)}`);
  const [, version = "", status, reason = ""] = match;
  return { version, status: Number(status), reason, headers: lines.map(parseHeaderLine) };
}

function parseHeaderLine(line: string): HeaderLine {
  const colon = line.indexOf(":");
  const name = line.slice(0, Math.max(colon, 0));
  if (!token.test(name)) throw new Fault(`header name in ${show(line)}`);
  const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "");
  // CR, LF and NUL most of all: they let an app's value become a header line of its own.
  if (!/^[\t \x21-\x7e\x80-\xff]*$/.test(value)) throw new Fault(`header value in ${show(line)}`);
  return [name, value];
}

/** RFC 9110 8.6 and RFC 9112 6.1: 1xx and 204 answers carry neither length nor coding. */
function checkBodiless(head: AnswerHead): void {
  for (const name of ["content-length", "transfer-encoding"]) {
    if (valuesOf(head, name).length > 0) throw new Fault(`${name} in a ${head.status}`);
  }
}

function show(bytes: Buffer | string): string {
  const text = typeof bytes === "string" ? bytes : bytes.latin1Slice();
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
