/**
 * Finds the end of an HTTP/1.x answer in whatever pieces it comes: status, framing, `connection: close`, and nothing
 * else. A browser would be stricter; a load generator has to be cheap, and right about where an answer ends.
 *
 *   head ──1xx──▶ head
 *     ├──length──▶ fixed ──────────────────────────▶ done
 *     ├──chunked─▶ size ⇄ data … trailer ──────────▶ done
 *     ├──neither─▶ until-close ──end of the input──▶ done
 *     └──HEAD, 204, 304────────────────────────────▶ done
 *   any of them ──what cannot be read──▶ malformed
 */
import { answerHeadBytesMax } from "./limits.ts";

type Step =
  | "head"
  | "fixed"
  | "chunk-size"
  | "chunk-extension"
  | "chunk-data"
  | "chunk-data-end"
  | "trailer-start"
  | "trailer-line"
  | "until-close"
  | "done"
  | "malformed";

const CR = 0x0d;
const LF = 0x0a;
/** `HTTP/1.1 200` */
const statusLineBytesMin = 12;
/** 2^52 bytes and more are no length. */
const lengthMax = 2 ** 52;

const nothing = Buffer.alloc(0);

export class AnswerReader {
  /** Of the final answer; 0 before its head has come. */
  status = 0;
  /** The connection ends with this answer, as its head says. */
  closes = false;
  /** Read of this answer so far, heads included. Bytes. */
  bytes = 0;
  #step: Step = "head";
  #isHeadRequest = false;
  /** Of the body or the chunk. Bytes. */
  #left = 0;
  /** Digits of the chunk's size that were read. */
  #digits = 0;
  /** The beginning of a head that came in pieces. */
  #partial: Buffer = nothing;
  #partialBytes = 0;

  get isDone(): boolean {
    return this.#step === "done";
  }

  get isMalformed(): boolean {
    return this.#step === "malformed";
  }

  /** Makes it ready for the answer to the next request. */
  begin(isHeadRequest: boolean): void {
    this.#step = "head";
    this.#isHeadRequest = isHeadRequest;
    this.#partialBytes = 0;
    this.status = 0;
    this.closes = false;
    this.bytes = 0;
  }

  /** Reads on. Returns where the answer ends in the buffer, or the buffer's length when it goes on. */
  read(buffer: Buffer, start = 0): number {
    let at = start;
    const end = buffer.length;
    while (at < end && this.#step !== "done" && this.#step !== "malformed") {
      switch (this.#step) {
        case "head":
          at = this.#readHead(buffer, at);
          break;
        case "fixed":
        case "chunk-data": {
          const taken = Math.min(this.#left, end - at);
          this.#left -= taken;
          at += taken;
          if (this.#left === 0) this.#step = this.#step === "fixed" ? "done" : "chunk-data-end";
          break;
        }
        case "until-close":
          at = end;
          break;
        default:
          this.#readChunkByte(buffer[at++]!);
      }
    }
    this.bytes += at - start;
    return at;
  }

  /** The connection has ended. Returns whether that was the end of the answer. */
  endInput(): boolean {
    if (this.#step === "until-close") this.#step = "done";
    return this.#step === "done";
  }

  // --- head ---

  /** Returns where the head ends, or the buffer's length when it goes on. */
  #readHead(buffer: Buffer, start: number): number {
    const partialBytes = this.#partialBytes;
    if (partialBytes === 0) {
      const end = this.#parseHead(buffer, start, buffer.length);
      if (end > 0) return end;
      this.#keep(buffer, start);
      return buffer.length;
    }
    this.#keep(buffer, start);
    if (this.#step === "malformed") return buffer.length;
    // Without the end of a line there is no end of the head; with one per line, reading it again costs little.
    if (buffer.indexOf(LF, start) === -1) return buffer.length;
    const head = this.#partial.subarray(0, this.#partialBytes);
    const end = this.#parseHead(head, 0, head.length);
    if (end === 0) return buffer.length;
    this.#partialBytes = 0;
    return start + end - partialBytes;
  }

  #keep(buffer: Buffer, start: number): void {
    const bytes = this.#partialBytes + buffer.length - start;
    // What comes behind the head in the same piece is kept for a moment too.
    if (this.#partialBytes > answerHeadBytesMax) return this.#fail();
    if (bytes > this.#partial.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(1024, bytes * 2));
      this.#partial.copy(larger, 0, 0, this.#partialBytes);
      this.#partial = larger;
    }
    buffer.copy(this.#partial, this.#partialBytes, start);
    this.#partialBytes = bytes;
  }

  /** Returns where the head ends, or 0 when it has not come whole. One pass over its bytes. */
  #parseHead(buffer: Buffer, start: number, end: number): number {
    let length = -1;
    let isChunked = false;
    let isCoded = false;
    let closes: boolean | null = null;
    let at = start;
    while (true) {
      const lineStart = at;
      while (at < end && buffer[at] !== LF) at += 1;
      if (at === end) return 0;
      const lineEnd = buffer[at - 1] === CR ? at - 1 : at;
      at += 1;
      if (lineStart === start) {
        if (this.#readStatusLine(buffer, start, lineEnd)) continue;
        this.#fail();
        return end;
      }
      if (lineEnd === lineStart) break;
      const first = buffer[lineStart]! | 0x20;
      if (first !== 0x63 && first !== 0x74) continue; // c, t
      if (first === 0x63 && isName(buffer, lineStart, lineEnd, "content-length:")) {
        const value = lengthOf(buffer, lineStart + 15, lineEnd);
        if (value < 0 || (length >= 0 && length !== value)) {
          this.#fail();
          return end;
        }
        length = value;
      } else if (first === 0x63 && isName(buffer, lineStart, lineEnd, "connection:")) {
        const value = buffer.latin1Slice(lineStart + 11, lineEnd).toLowerCase();
        if (value.includes("close")) closes = true;
        else if (value.includes("keep-alive")) closes ??= false;
      } else if (first === 0x74 && isName(buffer, lineStart, lineEnd, "transfer-encoding:")) {
        isCoded = true;
        isChunked = /(?:^|,)\s*chunked\s*$/i.test(buffer.latin1Slice(lineStart + 18, lineEnd));
      }
    }
    this.closes = closes ?? buffer[start + 7] === 0x30;
    this.#beginBody(length, isChunked, isCoded);
    return at;
  }

  #readStatusLine(buffer: Buffer, start: number, end: number): boolean {
    if (end - start < statusLineBytesMin || !isName(buffer, start, end, "http/1.")) return false;
    const minor = buffer[start + 7]! - 0x30;
    const hundreds = buffer[start + 9]! - 0x30;
    const tens = buffer[start + 10]! - 0x30;
    const ones = buffer[start + 11]! - 0x30;
    this.status = hundreds * 100 + tens * 10 + ones;
    return (
      (minor === 0 || minor === 1) &&
      buffer[start + 8] === 0x20 &&
      hundreds >= 1 &&
      hundreds <= 9 &&
      tens >= 0 &&
      tens <= 9 &&
      ones >= 0 &&
      ones <= 9
    );
  }

  #beginBody(length: number, isChunked: boolean, isCoded: boolean): void {
    const { status } = this;
    if (status === 101) {
      // What follows is no HTTP; nothing of it was asked for.
      this.closes = true;
      this.#step = "done";
    } else if (status < 200) {
      this.#step = "head";
    } else if (this.#isHeadRequest || status === 204 || status === 304) {
      this.#step = "done";
    } else if (isChunked) {
      this.#step = "chunk-size";
      this.#left = 0;
      this.#digits = 0;
    } else if (isCoded || length === -1) {
      this.#step = "until-close";
      this.closes = true;
    } else {
      this.#left = length;
      this.#step = length === 0 ? "done" : "fixed";
    }
  }

  // --- chunks ---

  #readChunkByte(byte: number): void {
    switch (this.#step) {
      case "chunk-size": {
        const digit = hexDigit(byte);
        if (digit >= 0) {
          this.#left = this.#left * 16 + digit;
          this.#digits += 1;
          if (this.#left > lengthMax) this.#fail();
        } else if (this.#digits === 0) this.#fail();
        else if (byte === LF) this.#beginChunk();
        else this.#step = "chunk-extension";
        break;
      }
      case "chunk-extension":
        if (byte === LF) this.#beginChunk();
        break;
      case "chunk-data-end":
        if (byte === LF) {
          this.#step = "chunk-size";
          this.#left = 0;
          this.#digits = 0;
        } else if (byte !== CR) this.#fail();
        break;
      case "trailer-start":
        if (byte === LF) this.#step = "done";
        else if (byte !== CR) this.#step = "trailer-line";
        break;
      case "trailer-line":
        if (byte === LF) this.#step = "trailer-start";
        break;
      default:
    }
  }

  #beginChunk(): void {
    this.#step = this.#left === 0 ? "trailer-start" : "chunk-data";
  }

  #fail(): void {
    this.#step = "malformed";
  }
}

/** Compares in lower case. */
function isName(buffer: Buffer, start: number, end: number, name: string): boolean {
  if (end - start < name.length) return false;
  for (let at = 0; at < name.length; at++) {
    const byte = buffer[start + at]!;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== name.charCodeAt(at)) return false;
  }
  return true;
}

/** The decimal number in there, or -1. */
function lengthOf(buffer: Buffer, start: number, end: number): number {
  let value = -1;
  let isOver = false;
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!;
    if (byte === 0x20 || byte === 0x09) {
      isOver = value >= 0;
      continue;
    }
    if (isOver || byte < 0x30 || byte > 0x39) return -1;
    value = Math.max(value, 0) * 10 + byte - 0x30;
    if (value > lengthMax) return -1;
  }
  return value;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}
