/**
 * Requests that wait for an instance, in the order they came. A hold keeps a copy of the head and of the body bytes that
 * came with it; the rest of the body stays with the client, who is not read meanwhile.
 */
import type { ClientStream } from "../wire/client-stream.ts";

/** A request as the edge hands it over: views of a buffer that is only valid during the call. */
export interface RequestStart {
  buffer: Buffer;
  headStart: number;
  headEnd: number;
  /** First bytes of the body. */
  bodyStart: number;
  bodyEnd: number;
  /** Flags of REQUEST. */
  flags: number;
}

export interface Hold extends RequestStart {
  stream: ClientStream;
}

export class Holds {
  #queue: Hold[] = [];
  /** Index of the first that still waits; the array is cut when half of it is past. */
  #first = 0;
  readonly #byStream = new Map<ClientStream, Hold>();

  /** Requests that wait. Count. */
  get count(): number {
    return this.#byStream.size;
  }

  add(stream: ClientStream, start: RequestStart): void {
    const headBytes = start.headEnd - start.headStart;
    const bodyBytes = start.bodyEnd - start.bodyStart;
    const buffer = Buffer.allocUnsafe(headBytes + bodyBytes);
    start.buffer.copy(buffer, 0, start.headStart, start.headEnd);
    start.buffer.copy(buffer, headBytes, start.bodyStart, start.bodyEnd);
    const hold: Hold = {
      stream,
      buffer,
      headStart: 0,
      headEnd: headBytes,
      bodyStart: headBytes,
      bodyEnd: headBytes + bodyBytes,
      flags: start.flags,
    };
    this.#queue.push(hold);
    this.#byStream.set(stream, hold);
  }

  /** The one that has waited longest, or null. */
  shift(): Hold | null {
    while (this.#first < this.#queue.length) {
      const hold = this.#queue[this.#first++]!;
      if (this.#first > 64 && this.#first * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#first);
        this.#first = 0;
      }
      // It may have been removed while it waited.
      if (this.#byStream.get(hold.stream) !== hold) continue;
      this.#byStream.delete(hold.stream);
      return hold;
    }
    this.#queue = [];
    this.#first = 0;
    return null;
  }

  /** Takes a request out that nobody waits for any more. Returns whether it was held. */
  remove(stream: ClientStream): boolean {
    return this.#byStream.delete(stream);
  }
}
