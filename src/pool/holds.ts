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

/** What is kept of all requests that are held in this process, whatever version they wait for. */
export class HeldTotal {
  /** Bytes. */
  bytes = 0;
}

/** Entries of the queue that may be past, whatever their share. Count. */
const pastMax = 64;

export class Holds {
  /** In the order of arrival; holds before `#first`, and removed ones, are past. */
  #queue: Hold[] = [];
  #first = 0;
  readonly #byStream = new Map<ClientStream, Hold>();
  readonly #total: HeldTotal;
  #bytes = 0;

  /** @param total of all that are in the same process */
  constructor(total = new HeldTotal()) {
    this.#total = total;
  }

  /** Requests that wait. Count. */
  get count(): number {
    return this.#byStream.size;
  }

  /** What is kept of them. Bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  add(stream: ClientStream, start: RequestStart): void {
    const headEnd = start.headEnd - start.headStart;
    const bodyEnd = headEnd + start.bodyEnd - start.bodyStart;
    const buffer = Buffer.allocUnsafeSlow(bodyEnd);
    start.buffer.copy(buffer, 0, start.headStart, start.headEnd);
    start.buffer.copy(buffer, headEnd, start.bodyStart, start.bodyEnd);
    const { flags } = start;
    const hold = { stream, buffer, headStart: 0, headEnd, bodyStart: headEnd, bodyEnd, flags };
    this.#queue.push(hold);
    this.#byStream.set(stream, hold);
    this.#bytes += bodyEnd;
    this.#total.bytes += bodyEnd;
  }

  /** Takes out the one that has waited longest; null when none waits. */
  shift(): Hold | null {
    while (this.#first < this.#queue.length) {
      const hold = this.#queue[this.#first++]!;
      // It may have been removed while it waited, and its stream may wait again further behind.
      if (this.#byStream.get(hold.stream) !== hold) continue;
      this.remove(hold.stream);
      return hold;
    }
    return null;
  }

  /** Takes a request out that nobody waits for any more. Returns whether it was held. */
  remove(stream: ClientStream): boolean {
    const hold = this.#byStream.get(stream);
    if (hold === undefined) return false;
    this.#byStream.delete(stream);
    this.#bytes -= hold.buffer.length;
    this.#total.bytes -= hold.buffer.length;
    // What is past is dropped from time to time, so that clients who come and go leave nothing behind.
    if (this.#queue.length > 2 * this.#byStream.size + pastMax) {
      this.#queue = this.#queue.filter((one) => this.#byStream.get(one.stream) === one);
      this.#first = 0;
    }
    return true;
  }
}
