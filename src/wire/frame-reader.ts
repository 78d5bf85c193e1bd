/**
 * Cuts the byte stream of a wire into frames. Whole frames inside one chunk are passed on as views of that chunk,
 * without a copy; a frame that spans chunks is collected in a buffer of its own. Whoever gets a frame may overwrite what
 * stands before it in its buffer.
 */
import { FRAME_HEADER_BYTES, WireProtocolError } from "./frames.ts";
import { framePayloadBytesMax, partialHeadroomBytes, partialSegmentBytesMin } from "./limits.ts";
import { giveSegment, takeSegment } from "./segments.ts";

/**
 * Takes one frame. The payload is `buffer[start..end)` and is only valid during the call. `more` says that the next call
 * follows at once, with the next frame of the same type and stream.
 */
export type OnFrame = (
  type: number,
  flags: number,
  stream: number,
  buffer: Buffer,
  start: number,
  end: number,
  more: boolean,
) => void;

export class FrameReader {
  readonly #onFrame: OnFrame;
  /** A frame that is not complete yet, or null. */
  #partial: Buffer | null = null;
  /** It is `#partial[#partialStart..#partialEnd)`; so many bytes of it have come. */
  #partialStart = 0;
  #partialEnd = 0;
  #partialBytes = 0;
  /** It is in a segment, which is given back. */
  #isSegment = false;

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame;
  }

  /** @throws {WireProtocolError} when a frame is larger than allowed. */
  push(chunk: Buffer): void {
    let at = 0;
    if (this.#partial !== null) {
      at = this.#complete(chunk);
      if (at < 0) return;
    }
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const payloadBytes = this.#payloadBytes(chunk, at);
      const end = at + FRAME_HEADER_BYTES + payloadBytes;
      if (end > chunk.length) break;
      this.#emit(chunk, at, end, this.#isContinued(chunk, at, end));
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  /** Whether the whole frame at `next` is one like that at `at`. */
  #isContinued(chunk: Buffer, at: number, next: number): boolean {
    if (chunk.length - next < FRAME_HEADER_BYTES || chunk[at + 4] !== chunk[next + 4]) return false;
    if (chunk.readUInt32LE(at + 6) !== chunk.readUInt32LE(next + 6)) return false;
    return next + FRAME_HEADER_BYTES + chunk.readUInt32LE(next) <= chunk.length;
  }

  #emit(buffer: Buffer, at: number, end: number, more: boolean): void {
    this.#onFrame(
      buffer[at + 4]!,
      buffer[at + 5]!,
      buffer.readUInt32LE(at + 6),
      buffer,
      at + FRAME_HEADER_BYTES,
      end,
      more,
    );
  }

  #payloadBytes(buffer: Buffer, at: number): number {
    const payloadBytes = buffer.readUInt32LE(at);
    if (payloadBytes > framePayloadBytesMax) {
      throw new WireProtocolError(
        `a frame of ${payloadBytes} bytes, at most ${framePayloadBytesMax} are allowed`,
      );
    }
    return payloadBytes;
  }

  #keep(chunk: Buffer, at: number): void {
    const bytes = chunk.length - at;
    const hasHeader = bytes >= FRAME_HEADER_BYTES;
    this.#begin(
      hasHeader ? FRAME_HEADER_BYTES + this.#payloadBytes(chunk, at) : FRAME_HEADER_BYTES,
    );
    this.#partialBytes = chunk.copy(this.#partial!, this.#partialStart, at);
  }

  /** Makes room for a frame of that size. */
  #begin(bytes: number): void {
    this.#isSegment = bytes >= partialSegmentBytesMin;
    this.#partial = this.#isSegment ? takeSegment() : Buffer.allocUnsafe(bytes);
    this.#partialStart = this.#isSegment ? partialHeadroomBytes : 0;
    this.#partialEnd = this.#partialStart + bytes;
  }

  /** Adds to the partial frame. Returns where the rest of the chunk starts, or -1 when the frame still lacks bytes. */
  #complete(chunk: Buffer): number {
    let at = 0;
    if (this.#partialBytes < FRAME_HEADER_BYTES) {
      const header = this.#partial!;
      at = chunk.copy(header, this.#partialBytes, 0, FRAME_HEADER_BYTES - this.#partialBytes);
      this.#partialBytes += at;
      if (this.#partialBytes < FRAME_HEADER_BYTES) return -1;
      this.#begin(FRAME_HEADER_BYTES + this.#payloadBytes(header, 0));
      header.copy(this.#partial!, this.#partialStart, 0, FRAME_HEADER_BYTES);
    }
    const partial = this.#partial!;
    const from = this.#partialStart;
    const taken = chunk.copy(partial, from + this.#partialBytes, at, at + this.#missingBytes);
    this.#partialBytes += taken;
    if (this.#missingBytes > 0) return -1;
    this.#partial = null;
    this.#partialBytes = 0;
    const isSegment = this.#isSegment;
    this.#emit(partial, from, this.#partialEnd, false);
    if (isSegment) giveSegment(partial);
    return at + taken;
  }

  get #missingBytes(): number {
    return this.#partialEnd - this.#partialStart - this.#partialBytes;
  }
}
