/**
 * Where a request's body ends, and how much of it has been passed on. Works for a declared length and for chunked
 * bodies alike; `read` passes data to a sink that may take less than it is given.
 */
import { ChunkedDecoder } from "./chunked-decoder.ts";

/** Takes bytes; returns how many it took. */
export type BodySink = (buffer: Buffer, start: number, end: number) => number;

export class BodyReader {
  readonly #decoder = new ChunkedDecoder();
  #isChunked = false;
  /** Bytes that a declared length still promises. */
  #left = 0;
  /** Decoded data at the front of the input that the sink has not taken. */
  #dataLeft = 0;
  /** Body bytes passed on or read away so far. */
  bytes = 0;
  /** The sink took less than it was given. */
  isBlocked = false;

  /** `contentLength` -1: no body, unless it is chunked. */
  begin(contentLength: number, isChunked: boolean): void {
    this.#isChunked = isChunked;
    this.#left = Math.max(contentLength, 0);
    this.#dataLeft = 0;
    this.bytes = 0;
    this.isBlocked = false;
    if (isChunked) this.#decoder.reset();
  }

  get isDone(): boolean {
    if (!this.#isChunked) return this.#left === 0;
    return this.#decoder.isDone && this.#dataLeft === 0;
  }

  /** Bytes known to come; unknown counts as endless. */
  get unreadBytes(): number {
    if (!this.#isChunked) return this.#left;
    return this.isDone ? 0 : Number.POSITIVE_INFINITY;
  }

  get discardedBytes(): number {
    return this.bytes;
  }

  /**
   * Passes on what `input` holds of the body.
   *
   * @returns bytes of `input` that are used up.
   * @throws {Error} with what is wrong with a chunked body.
   */
  read(input: Buffer, sink: BodySink): number {
    this.isBlocked = false;
    return this.#isChunked ? this.#readChunked(input, sink) : this.#readLength(input, sink);
  }

  #readLength(input: Buffer, sink: BodySink): number {
    const given = Math.min(this.#left, input.length);
    if (given === 0) return 0;
    const taken = sink(input, 0, given);
    this.#left -= taken;
    this.bytes += taken;
    this.isBlocked = taken < given;
    return taken;
  }

  #readChunked(input: Buffer, sink: BodySink): number {
    let at = 0;
    while (true) {
      if (this.#dataLeft > 0) {
        const taken = sink(input, at, at + this.#dataLeft);
        this.#dataLeft -= taken;
        this.bytes += taken;
        at += taken;
        if (this.#dataLeft > 0) {
          this.isBlocked = true;
          return at;
        }
      }
      if (this.#decoder.isDone) return at;
      const next = this.#decoder.next(input, at, input.length);
      this.#dataLeft = this.#decoder.dataEnd - this.#decoder.dataStart;
      if (this.#dataLeft > 0) {
        at = this.#decoder.dataStart;
      } else {
        if (next === at && !this.#decoder.isDone) return at;
        at = next;
        if (this.#decoder.isDone || at >= input.length) return at;
      }
    }
  }
}
