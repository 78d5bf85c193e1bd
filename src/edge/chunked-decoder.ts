/**
 * Decodes a chunked request body (RFC 9112, 7.1) piece by piece. Strict about sizes and line ends, since a lenient
 * reading is how requests are smuggled. Extensions and trailers are read over and dropped.
 *
 *   size ──▶ data ──▶ data-end ──▶ size … size 0 ──▶ trailer ──▶ done
 */
import { chunkLineBytesMax, trailerBytesMax } from "./limits.ts";

type Step = "size" | "data" | "data-end" | "trailer" | "done";

export class ChunkedDecoder {
  #step: Step = "size";
  #left = 0;
  #trailerBytes = 0;
  /** Where the data that `next` found stands. */
  dataStart = 0;
  dataEnd = 0;

  get isDone(): boolean {
    return this.#step === "done";
  }

  /**
   * Reads on in `buffer[start..end)`.
   *
   * @returns where to go on: when data was found it is `buffer[dataStart..dataEnd)` and ends there; the same offset as
   * `start` when more bytes are needed.
   * @throws {Error} with what is wrong with the body.
   */
  next(buffer: Buffer, start: number, end: number): number {
    this.dataStart = start;
    this.dataEnd = start;
    let at = start;
    while (at < end || this.#step === "done") {
      switch (this.#step) {
        case "size": {
          const lineEnd = findLine(buffer, at, end, chunkLineBytesMax, "a chunk size line");
          if (lineEnd === -1) return at;
          this.#left = sizeOf(buffer, at, lineEnd);
          at = lineEnd + 2;
          this.#step = this.#left === 0 ? "trailer" : "data";
          break;
        }
        case "data": {
          const bytes = Math.min(this.#left, end - at);
          this.dataStart = at;
          this.dataEnd = at + bytes;
          this.#left -= bytes;
          if (this.#left === 0) this.#step = "data-end";
          return this.dataEnd;
        }
        case "data-end":
          if (end - at < 2) {
            if (buffer[at] !== 0x0d)
              throw new Error("a chunk that does not end where its size says");
            return at;
          }
          if (buffer[at] !== 0x0d || buffer[at + 1] !== 0x0a) {
            throw new Error("a chunk that does not end where its size says");
          }
          at += 2;
          this.#step = "size";
          break;
        case "trailer": {
          const lineEnd = findLine(buffer, at, end, trailerBytesMax, "a trailer");
          if (lineEnd === -1) return at;
          this.#trailerBytes += lineEnd - at;
          if (this.#trailerBytes > trailerBytesMax) throw new Error("trailers that are too long");
          if (lineEnd === at) this.#step = "done";
          at = lineEnd + 2;
          if (this.#step === "done") return at;
          break;
        }
        case "done":
          return at;
      }
    }
    return at;
  }

  /** Bytes of the next line that have not come; what `next` left is to be offered again with more behind it. */
  reset(): void {
    this.#step = "size";
    this.#left = 0;
    this.#trailerBytes = 0;
  }
}

/** Offset of the CR of the line's end, or -1 when it has not come. */
function findLine(
  buffer: Buffer,
  start: number,
  end: number,
  bytesMax: number,
  what: string,
): number {
  for (let at = start; at < end; at++) {
    const byte = buffer[at]!;
    if (byte === 0x0d) {
      if (at + 1 === end) return -1;
      if (buffer[at + 1] !== 0x0a) throw new Error(`${what} with a bare CR`);
      return at;
    }
    if (byte === 0x0a || byte === 0) throw new Error(`${what} with a bare LF or NUL`);
    if (at - start >= bytesMax) throw new Error(`${what} that is too long`);
  }
  return -1;
}

/** Hexadecimal size; an extension may follow a semicolon. */
function sizeOf(buffer: Buffer, start: number, end: number): number {
  const line = buffer.latin1Slice(start, end);
  const size = /^([0-9A-Fa-f]{1,12})[ \t]*(;.*)?$/.exec(line)?.[1];
  if (size === undefined) throw new Error("a malformed chunk size");
  return Number.parseInt(size, 16);
}
