/**
 * The body of a request that has not come whole with its head. Room grows with what really comes, so that a length that is only
 * declared takes none; all that is under way has a bound together.
 *
 *   incomplete ──take()──▶ complete, too large, or no room
 */
import { BodyReader, type BodySink } from "../http/body-reader.ts";
import { nothing } from "../http/input.ts";

/** Room of all bodies that are under way. Bytes. */
export interface BodyRoom {
  taken: number;
  readonly takenMax: number;
}

/** Of a body's first piece of room. Bytes. */
const firstBytes = 16 * 1024;

export class IncomingBody {
  readonly #reader = new BodyReader();
  readonly #room: BodyRoom;
  readonly bytesMax: number;
  /** More than the rest of a declared length is never needed. */
  readonly #declaredBytes: number;
  readonly #sink: BodySink = (buffer, start, end) => this.#keep(buffer, start, end);
  #buffer: Buffer = nothing;
  #length = 0;
  isTooLarge = false;
  /** Others take all the room there is. */
  isCrowdedOut = false;

  /**
   * @param contentLength at most `bytesMax`, or -1 when it is chunked
   * @param room give back what was taken: `release`
   */
  constructor(contentLength: number, isChunked: boolean, bytesMax: number, room: BodyRoom) {
    this.#reader.begin(contentLength, isChunked);
    this.#declaredBytes = isChunked ? bytesMax : contentLength;
    this.bytesMax = bytesMax;
    this.#room = room;
  }

  get isDone(): boolean {
    return this.#reader.isDone;
  }

  /** What has come. Nobody writes to it once the body is done. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /**
   * @returns bytes of `input` that are used up
   * @throws {PlatformError} `REQUEST_MALFORMED`
   */
  take(input: Buffer): number {
    return this.#reader.read(input, this.#sink);
  }

  /** Twice is safe. */
  release(): void {
    this.#room.taken -= this.#buffer.length;
    this.#buffer = nothing;
    this.#length = 0;
  }

  #keep(buffer: Buffer, start: number, end: number): number {
    const length = this.#length + end - start;
    if (length > this.bytesMax) this.isTooLarge = true;
    else if (length <= this.#buffer.length || this.#grow(length)) {
      buffer.copy(this.#buffer, this.#length, start, end);
      this.#length = length;
      return end - start;
    }
    // Ends the reading.
    return 0;
  }

  #grow(bytes: number): boolean {
    const doubled = Math.max(bytes, this.#buffer.length * 2, firstBytes);
    const size = Math.max(bytes, Math.min(doubled, this.#declaredBytes));
    const more = size - this.#buffer.length;
    if (this.#room.taken + more > this.#room.takenMax) {
      this.isCrowdedOut = true;
      return false;
    }
    this.#room.taken += more;
    const grown = Buffer.allocUnsafeSlow(size);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
    return true;
  }
}
