/**
 * Reads what a server of node:http answers, strictly: it is the app that writes there, in the end, and what two parties
 * could read differently must not reach a client. Pure; works on offsets.
 *
 *   head ──1xx──▶ head
 *     ├── length ──▶ fixed ─────────────┐
 *     ├── chunked ─▶ chunks ────────────┼──▶ done
 *     ├── neither ─▶ until-close ───────┤
 *     └── HEAD, 204, 304, length 0 ─────┘
 */
import { ChunkedDecoder } from "../base/chunked-decoder.ts";
import { Ranges } from "../base/ranges.ts";
import { answerChunkLineBytesMax, answerTrailerBytesMax } from "./limits.ts";

/** The app has sent what no server may send; the message says what. Ends in a RESET, never in the app. */
export class AnswerFault extends Error {
  override readonly name = "AnswerFault";
}

/** The head of an answer, as offsets into the buffer that it was read from. */
export class AnswerHead {
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  /** Lines that are the app's to say; the edge writes those of the connection and of framing. */
  readonly kept = new Ranges();
  /** -1: not declared. */
  contentLength = -1;
  isChunked = false;
  /** The connection ends with it. */
  closes = false;
  /** The app has said `connection: close`. */
  saysClose = false;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const ZERO = 0x30;

/** Where a status and its reason stand in `HTTP/1.1 200 OK`. */
const statusStart = 9;
const statusEnd = 12;

/**
 * Reads the head at `start` into `head`.
 *
 * @returns where it ends, or -1 when its end has not come.
 * @throws {AnswerFault}
 */
export function readAnswerHead(
  buffer: Buffer,
  start: number,
  end: number,
  head: AnswerHead,
): number {
  const emptyLine = buffer.indexOf("\r\n\r\n", start, "latin1");
  if (emptyLine === -1 || emptyLine + 4 > end) return -1;
  head.contentLength = -1;
  head.isChunked = false;
  head.saysClose = false;
  head.kept.clear();
  let at = readStatusLine(buffer, start, head);
  head.closes = buffer[start + 7] === ZERO;
  let keptFrom = at;
  while (at < emptyLine) {
    const lineStart = at;
    const lineEnd = buffer.indexOf(LF, at);
    if (buffer[lineEnd - 1] !== CR) throw new AnswerFault("a line that does not end with CRLF");
    const colon = buffer.indexOf(COLON, at);
    if (colon <= at || colon > lineEnd) throw new AnswerFault("a malformed header name");
    at = lineEnd + 1;
    if (isKept(buffer, lineStart, colon, lineEnd - 1, head)) continue;
    if (keptFrom < lineStart) head.kept.add(keptFrom, lineStart);
    keptFrom = at;
  }
  // The last line's end is the first half of what `emptyLine` found.
  const linesEnd = emptyLine + 2;
  if (keptFrom < linesEnd) head.kept.add(keptFrom, linesEnd);
  return emptyLine + 4;
}

/** Returns where the line ends. */
function readStatusLine(buffer: Buffer, start: number, head: AnswerHead): number {
  const lineEnd = buffer.indexOf(LF, start);
  const version = buffer.latin1Slice(start, start + statusStart);
  const digits = buffer.latin1Slice(start + statusStart, start + statusEnd);
  const isStatusLine =
    (version === "HTTP/1.1 " || version === "HTTP/1.0 ") &&
    /^[1-9][0-9]{2}$/.test(digits) &&
    buffer[lineEnd - 1] === CR &&
    (lineEnd - 1 === start + statusEnd || buffer[start + statusEnd] === SPACE);
  if (!isStatusLine) throw new AnswerFault("its status line is malformed");
  head.status = Number(digits);
  head.reasonEnd = lineEnd - 1;
  head.reasonStart = Math.min(start + statusEnd + 1, head.reasonEnd);
  return lineEnd + 1;
}

/** Notes what a line says of the connection or of framing. Returns whether it is the app's own to say. */
function isKept(
  buffer: Buffer,
  start: number,
  colon: number,
  end: number,
  head: AnswerHead,
): boolean {
  switch (colon - start) {
    case 2:
      return !is(buffer, start, "te");
    case 7:
      return !is(buffer, start, "upgrade");
    case 10:
      if (is(buffer, start, "connection")) {
        const options = lineValue(buffer, colon, end).split(",");
        if (options.some((option) => option.trim() === "close")) {
          head.saysClose = true;
          head.closes = true;
        }
        return false;
      }
      return !is(buffer, start, "keep-alive");
    case 14:
      if (!is(buffer, start, "content-length")) return true;
      readLength(lineValue(buffer, colon, end), head);
      return false;
    case 16:
      return !is(buffer, start, "proxy-connection");
    case 17:
      if (!is(buffer, start, "transfer-encoding")) return true;
      if (lineValue(buffer, colon, end) !== "chunked" || head.isChunked) {
        throw new AnswerFault("it has a transfer-encoding other than chunked");
      }
      head.isChunked = true;
      return false;
    default:
      return true;
  }
}

function readLength(value: string, head: AnswerHead): void {
  if (!/^[0-9]{1,15}$/.test(value)) throw new AnswerFault("its content-length is malformed");
  if (head.contentLength !== -1) throw new AnswerFault("it has more than one content-length");
  head.contentLength = Number(value);
}

/** Whether the name at `start` is `name`, which is lower case; the lengths are known to be equal. */
function is(buffer: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    if ((buffer[start + index]! | 0x20) !== name.charCodeAt(index)) return false;
  }
  return true;
}

function lineValue(buffer: Buffer, colon: number, end: number): string {
  return buffer
    .latin1Slice(colon + 1, end)
    .trim()
    .toLowerCase();
}

const decoderOptions = {
  lineBytesMax: answerChunkLineBytesMax,
  trailerBytesMax: answerTrailerBytesMax,
  malformed: (what: string) => new AnswerFault(what),
};

/** Where the body of an answer ends. */
export class AnswerBody {
  readonly #chunks = new ChunkedDecoder(decoderOptions);
  #framing: "fixed" | "chunked" | "until-close" = "fixed";
  #left = 0;
  /** Where the data that `read` found stands; equal when there is none. */
  start = 0;
  end = 0;

  /** @throws {AnswerFault} */
  begin({ status, contentLength, isChunked }: AnswerHead, isHeadRequest: boolean): void {
    if (isChunked && contentLength !== -1) {
      throw new AnswerFault("it has both a content-length and a transfer-encoding");
    }
    const hasNone = isHeadRequest || status === 204 || status === 304;
    this.#chunks.reset();
    this.#left = hasNone ? 0 : contentLength;
    if (hasNone || contentLength !== -1) this.#framing = "fixed";
    else this.#framing = isChunked ? "chunked" : "until-close";
  }

  get isDone(): boolean {
    if (this.#framing === "chunked") return this.#chunks.isDone;
    return this.#framing === "fixed" && this.#left === 0;
  }

  /** Only the end of the connection ends it. */
  get endsWithConnection(): boolean {
    return this.#framing === "until-close";
  }

  /**
   * Reads on in `buffer[from..to)`, up to the end of the body, and leaves the data in one piece: what stands between
   * pieces of it is overwritten.
   *
   * @returns where to go on; what is left there, unless the body is done, is to be offered again with more behind it.
   * @throws {AnswerFault}
   */
  read(buffer: Buffer, from: number, to: number): number {
    this.start = from;
    this.end = from;
    if (this.#framing === "chunked") return this.#readChunks(buffer, from, to);
    const bytes = this.#framing === "fixed" ? Math.min(this.#left, to - from) : to - from;
    this.#left -= bytes;
    this.end = from + bytes;
    return this.end;
  }

  #readChunks(buffer: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to && !this.#chunks.isDone) {
      const next = this.#chunks.next(buffer, at, to);
      const { dataStart, dataEnd } = this.#chunks;
      if (dataStart < dataEnd) {
        if (this.start === this.end) {
          this.start = dataStart;
          this.end = dataEnd;
        } else {
          buffer.copyWithin(this.end, dataStart, dataEnd);
          this.end += dataEnd - dataStart;
        }
      }
      if (next === at) break;
      at = next;
    }
    return at;
  }
}
