/**
 * Finds the messages in a stream of bytes without copying them: what need not be looked at is passed on in runs that are
 * as long as the chunks they came in.
 *
 *   reading ──the sink says "wait"──▶ waiting ──resume()──▶ reading
 *      └──a length or a first byte that cannot be──▶ broken, for good
 *
 * Only a message that has to be seen whole and lies across chunks is joined, up to a bound; beyond it, it passes unseen.
 */
import { messageBytesMax, wholeBytesMax } from "./limits.ts";
import { lengthAt } from "./messages.ts";

/** How a first byte is treated. */
export const invalid = 0;
/** Passed on unseen. */
export const passed = 1;
/** Its begin is told, its body passed on. */
export const told = 2;
/** Given in one piece, when it is not too long for that. */
export const whole = 3;

/** By first byte. */
export type FrameKinds = Uint8Array;

export function frameKinds(rows: Iterable<readonly [number, number]>): FrameKinds {
  const kinds = new Uint8Array(256);
  for (const [type, kind] of rows) kinds[type] = kind;
  return kinds;
}

/** What becomes of a message. */
export type Verdict = "pass" | "drop" | "wait";

export interface FrameSink {
  /**
   * A message that is `told` or `whole`. When `end` is null its body is not whole, since it is merely told or too long.
   * "wait" leaves it and all behind it until `resume`.
   */
  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict;
  /** Bytes to pass on, in their order. Called after the messages that begin in them. */
  onPass(bytes: Buffer, from: number, end: number): void;
  /** Nothing can be read from here on. */
  onBroken(why: string): void;
  /** All that could be read of a chunk was; after the last `onPass`. Here the framer may be given another sink. */
  onRead(): void;
}

export class Framer {
  kinds: FrameKinds;
  sink: FrameSink;
  /** A message has passed unseen since this was made false. */
  hasPassed = false;
  /** While a chunk is read: where the run begins that will be passed on next. Offset in the chunk. */
  runFrom = 0;
  /** Bytes of the current message that are still to come. */
  #left = 0;
  /** They are dropped, and not passed on. */
  #isDropping = false;
  /** What could not be read yet. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Less than so much of it is not worth a look. */
  #restBytesNeeded = 0;
  #isWaiting = false;
  #isBroken = false;
  #isReading = false;

  constructor(kinds: FrameKinds, sink: FrameSink) {
    this.kinds = kinds;
    this.sink = sink;
  }

  /** Bytes that are kept since the sink waits. What a message in pieces has so far is none of them: it needs the rest. */
  get heldBytes(): number {
    return this.#isWaiting ? this.#restBytes : 0;
  }

  /** Bytes of a message in pieces, and of what came behind it, that are kept. */
  get partBytes(): number {
    return this.#restBytes;
  }

  /** Between two messages, and nothing of the next has come. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#restBytes === 0;
  }

  /** The chunk is the framer's from here on; it never changes it. */
  read(chunk: Buffer): void {
    if (this.#isBroken) return;
    // The sink may hear from itself what it sends.
    if (this.#restBytes === 0 && !this.#isWaiting && !this.#isReading) return this.#read(chunk);
    this.#keep(chunk);
    this.#readOn();
  }

  /** Reads what was kept. Harmless when nothing waits. */
  resume(): void {
    this.#isWaiting = false;
    this.#readOn();
  }

  /** Drops what was kept and begins anew: the stream is another one. */
  reset(): void {
    this.#left = 0;
    this.#isDropping = false;
    this.#rest = [];
    this.#restBytes = 0;
    this.#restBytesNeeded = 0;
    this.#isWaiting = false;
    this.#isBroken = false;
  }

  /** A message was passed on in part, and the rest of it has not come. */
  get isWithin(): boolean {
    return this.#left > 0 && !this.#isDropping;
  }

  /** What is still to come of a message that was passed on in part goes nowhere. */
  dropRest(): void {
    if (this.#left > 0) this.#isDropping = true;
  }

  #readOn(): void {
    if (this.#isReading) return;
    while (this.#restBytes > 0 && this.#restBytes >= this.#restBytesNeeded) {
      if (this.#isWaiting || this.#isBroken) return;
      const rest = this.#rest.length === 1 ? this.#rest[0]! : Buffer.concat(this.#rest);
      this.#rest = [];
      this.#restBytes = 0;
      this.#restBytesNeeded = 0;
      this.#read(rest);
    }
  }

  #read(chunk: Buffer): void {
    this.#isReading = true;
    const { length: chunkEnd } = chunk;
    let from = 0;
    let at = 0;
    if (this.#left > 0) {
      at = Math.min(this.#left, chunkEnd);
      this.#left -= at;
      if (this.#isDropping) from = at;
    }
    this.runFrom = from;
    while (chunkEnd - at >= 5) {
      const type = chunk[at]!;
      const bytes = lengthAt(chunk, at);
      const kind = this.kinds[type]!;
      if (kind === invalid || bytes < 4 || bytes > messageBytesMax) {
        this.#break(chunk, from, at, kind === invalid ? `message type ${type}` : `length ${bytes}`);
        return;
      }
      const end = at + 1 + bytes;
      if (kind !== passed) {
        const isWhole = kind === whole && bytes <= wholeBytesMax;
        if (isWhole && end > chunkEnd) {
          this.#pass(chunk, from, at);
          return this.#end(chunk, at, end - at);
        }
        const verdict = this.sink.onMessage(type, chunk, at, isWhole ? end : null);
        if (verdict !== "pass") {
          this.#pass(chunk, from, at);
          from = at;
          if (verdict === "wait") {
            this.#isWaiting = true;
            return this.#end(chunk, at, 0);
          }
          from = Math.min(end, chunkEnd);
          this.runFrom = from;
        }
        this.#isDropping = verdict === "drop";
      } else {
        this.hasPassed = true;
        this.#isDropping = false;
      }
      if (end > chunkEnd) {
        this.#left = end - chunkEnd;
        at = chunkEnd;
        break;
      }
      at = end;
    }
    this.#pass(chunk, from, at);
    this.#end(chunk, at, 5);
  }

  /** Keeps what is left of a chunk, before whatever came meanwhile. @param bytesNeeded before it is worth a look */
  #end(chunk: Buffer, at: number, bytesNeeded: number): void {
    if (at < chunk.length) {
      this.#rest.unshift(at === 0 ? chunk : chunk.subarray(at));
      this.#restBytes += chunk.length - at;
      this.#restBytesNeeded = bytesNeeded;
    }
    this.#isReading = false;
    this.sink.onRead();
    this.#readOn();
  }

  #pass(chunk: Buffer, from: number, end: number): void {
    if (end > from) this.sink.onPass(chunk, from, end);
  }

  #break(chunk: Buffer, from: number, at: number, why: string): void {
    this.#pass(chunk, from, at);
    this.#isBroken = true;
    this.#isReading = false;
    this.#rest = [];
    this.#restBytes = 0;
    this.sink.onBroken(why);
  }

  #keep(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
  }
}
