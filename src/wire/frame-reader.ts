/**
 * Cuts the byte stream of a wire into frames. Whole frames inside one chunk are passed on as views of that chunk,
 * without a copy; a frame that spans chunks is collected in a buffer of its own, which is never larger than one frame.
 */
import { FRAME_HEADER_BYTES, WireProtocolError } from "./frames.ts";
import { framePayloadBytesMax } from "./limits.ts";

/**
 * Takes one frame. The payload is `buffer[start..end)` and is only valid during the call.
 */
export type OnFrame = (
  type: number,
  flags: number,
  stream: number,
  buffer: Buffer,
  start: number,
  end: number,
) => void;

export class FrameReader {
  readonly #onFrame: OnFrame;
  /** A frame that is not complete yet, or null. */
  #partial: Buffer | null = null;
  #partialBytes = 0;

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
      this.#emit(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  #emit(buffer: Buffer, at: number, end: number): void {
    this.#onFrame(
      buffer[at + 4]!,
      buffer[at + 5]!,
      buffer.readUInt32LE(at + 6),
      buffer,
      at + FRAME_HEADER_BYTES,
      end,
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
    const rest = chunk.length - at;
    const size =
      rest >= FRAME_HEADER_BYTES
        ? FRAME_HEADER_BYTES + this.#payloadBytes(chunk, at)
        : FRAME_HEADER_BYTES;
    this.#partial = Buffer.allocUnsafe(size);
    chunk.copy(this.#partial, 0, at);
    this.#partialBytes = rest;
  }

  /** Adds to the partial frame. Returns where the rest of the chunk starts, or -1 when the frame still lacks bytes. */
  #complete(chunk: Buffer): number {
    let at = 0;
    let partial = this.#partial!;
    if (this.#partialBytes < FRAME_HEADER_BYTES) {
      at = chunk.copy(partial, this.#partialBytes, 0, FRAME_HEADER_BYTES - this.#partialBytes);
      this.#partialBytes += at;
      if (this.#partialBytes < FRAME_HEADER_BYTES) return -1;
      const whole = Buffer.allocUnsafe(FRAME_HEADER_BYTES + this.#payloadBytes(partial, 0));
      partial.copy(whole, 0, 0, FRAME_HEADER_BYTES);
      partial = whole;
      this.#partial = whole;
    }
    const taken = chunk.copy(partial, this.#partialBytes, at);
    this.#partialBytes += taken;
    if (this.#partialBytes < partial.length) return -1;
    this.#partial = null;
    this.#partialBytes = 0;
    this.#emit(partial, 0, partial.length);
    return at + taken;
  }
}
