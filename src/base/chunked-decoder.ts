/**
 * Decodes a chunked body (RFC 9112, 7.1) piece by piece. Strict about sizes and line ends, since a lenient reading is how
 * requests are smuggled. Extensions and trailers are read over and dropped.
 *
 *   size ──▶ data ──▶ data-end ──▶ size … size 0 ──▶ trailer ──▶ done
 */

type Step = "size" | "data" | "data-end" | "trailer" | "done";

/** A size and perhaps extensions. 12 digits without leading zeros are more than any body has. */
const SIZE_LINE = /^0*([0-9A-Fa-f]{1,12})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;
const TRAILER_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*$/;

export interface ChunkedDecoderOptions {
  /** A line with the size of a chunk and its extensions. Bytes. */
  lineBytesMax: number;
  /** All trailer lines together. Bytes. */
  trailerBytesMax: number;
  /** What is thrown for a body that cannot be read; `what` is wrong with it. */
  malformed(what: string): Error;
}

export class ChunkedDecoder {
  readonly #options: ChunkedDecoderOptions;
  #step: Step = "size";
  /** Data bytes that the chunk still has. */
  #left = 0;
  #trailerBytes = 0;
  /** Where the data that `next` found stands; equal when it found none. */
  dataStart = 0;
  dataEnd = 0;

  constructor(options: ChunkedDecoderOptions) {
    this.#options = options;
  }

  get isDone(): boolean {
    return this.#step === "done";
  }

  /** Makes the decoder ready for another body. */
  reset(): void {
    this.#step = "size";
    this.#left = 0;
    this.#trailerBytes = 0;
  }

  /**
   * Reads on in `buffer[start..end)`, up to the end of the next piece of data.
   *
   * @returns where to go on. When no data was found, the body is done or what is left there is to be offered again with
   * more bytes behind it.
   * @throws what `malformed` makes
   */
  next(buffer: Buffer, start: number, end: number): number {
    this.dataStart = start;
    this.dataEnd = start;
    let at = start;
    while (at < end && this.#step !== "done") {
      if (this.#step === "data") {
        this.dataStart = at;
        this.dataEnd = at + Math.min(this.#left, end - at);
        this.#left -= this.dataEnd - at;
        if (this.#left === 0) this.#step = "data-end";
        return this.dataEnd;
      }
      const after =
        this.#step === "data-end"
          ? this.#readDataEnd(buffer, at, end)
          : this.#line(buffer, at, end);
      if (after === at) break;
      if (this.#step === "data-end") this.#step = "size";
      at = after;
    }
    return at;
  }

  /** The last `bytes` of the data that `next` found were not taken; they are offered again. */
  putBack(bytes: number): void {
    if (bytes === 0) return;
    this.#left += bytes;
    this.#step = "data";
  }

  /** Reads a size line or a trailer line. Returns where it ends, or `start` when its end has not come. */
  #line(buffer: Buffer, start: number, end: number): number {
    const isSize = this.#step === "size";
    const { lineBytesMax, trailerBytesMax, malformed } = this.#options;
    const bytesMax = isSize ? lineBytesMax : trailerBytesMax - this.#trailerBytes;
    const lineEnd = this.#findLineEnd(buffer, start, end, bytesMax);
    if (lineEnd === -1) return start;
    const line = buffer.latin1Slice(start, lineEnd);
    if (isSize) {
      const digits = SIZE_LINE.exec(line)?.[1];
      if (digits === undefined) throw malformed("a malformed chunk size");
      this.#left = Number.parseInt(digits, 16);
      this.#step = this.#left === 0 ? "trailer" : "data";
    } else if (line === "") {
      this.#step = "done";
    } else {
      if (!TRAILER_LINE.test(line)) throw malformed("a malformed trailer");
      this.#trailerBytes += line.length;
    }
    return lineEnd + 2;
  }

  /** Reads the line end behind a chunk's data. Returns where it ends, or `at` when it has not come whole. */
  #readDataEnd(buffer: Buffer, at: number, end: number): number {
    const isWhole = end - at >= 2;
    if (buffer[at] !== 0x0d || (isWhole && buffer[at + 1] !== 0x0a)) {
      throw this.#options.malformed("a chunk that does not end where its size says");
    }
    return isWhole ? at + 2 : at;
  }

  /** Offset of the CR of the line's end, or -1 when it has not come. */
  #findLineEnd(buffer: Buffer, start: number, end: number, bytesMax: number): number {
    for (let at = start; at < end; at++) {
      const byte = buffer[at]!;
      if (byte === 0x0d) {
        if (at + 1 === end) return -1;
        if (buffer[at + 1] !== 0x0a) throw this.#options.malformed("a bare CR in a chunked body");
        return at;
      }
      if (byte === 0x0a) throw this.#options.malformed("a bare LF in a chunked body");
      if (at - start >= bytesMax)
        throw this.#options.malformed("a chunked body with a line that is too long");
    }
    return -1;
  }
}
