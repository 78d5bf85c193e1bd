/**
 * Where a request's body ends, and how much of it has been passed on. Works for a declared length and for chunked
 * bodies alike; `read` passes data to a sink that may take less than it is given.
 */
import { ChunkedDecoder } from "../base/chunked-decoder.ts";
import { chunkLineBytesMax, trailerBytesMax } from "./limits.ts";
import { malformed } from "./malformed.ts";

/** Takes bytes; returns how many it took. */
export type BodySink = (buffer: Buffer, start: number, end: number) => number;

/** Takes everything, for nobody. */
export const discard: BodySink = (_buffer, start, end) => end - start;

const decoderOptions = { lineBytesMax: chunkLineBytesMax, trailerBytesMax, malformed };

export class BodyReader {
  readonly #decoder = new ChunkedDecoder(decoderOptions);
  #isChunked = false;
  /** Bytes that a declared length still promises. */
  #left = 0;
  /** Body bytes that sinks have taken so far. */
  bytes = 0;
  /** The sink took less than it was given in the latest `read`. */
  isBlocked = false;

  /** `contentLength` -1: no body, unless it is chunked. */
  begin(contentLength: number, isChunked: boolean): void {
    this.#isChunked = isChunked;
    this.#left = Math.max(contentLength, 0);
    this.bytes = 0;
    this.isBlocked = false;
    if (isChunked) this.#decoder.reset();
  }

  get isDone(): boolean {
    return this.#isChunked ? this.#decoder.isDone : this.#left === 0;
  }

  /** Bytes that a declared length says are still to come; 0 when the body is chunked. */
  get declaredBytes(): number {
    return this.#isChunked ? 0 : this.#left;
  }

  /**
   * Passes on what `input` holds of the body.
   *
   * @returns bytes of `input` that are used up.
   * @throws {PlatformError} `REQUEST_MALFORMED` for a chunked body; and whatever the sink throws.
   */
  read(input: Buffer, sink: BodySink): number {
    this.isBlocked = false;
    return this.#isChunked ? this.#readChunked(input, sink) : this.#readCounted(input, sink);
  }

  #readCounted(input: Buffer, sink: BodySink): number {
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
      at = this.#decoder.next(input, at, input.length);
      const { dataStart, dataEnd } = this.#decoder;
      if (dataStart === dataEnd) return at;
      const taken = sink(input, dataStart, dataEnd);
      this.bytes += taken;
      if (dataStart + taken < dataEnd) {
        this.#decoder.putBack(dataEnd - dataStart - taken);
        this.isBlocked = true;
        return dataStart + taken;
      }
    }
  }
}
