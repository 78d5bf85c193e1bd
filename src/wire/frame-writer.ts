/**
 * Collects frames and hands them to the socket once per turn of the event loop, so that the frames of many requests
 * leave in one system call. Bodies do not wait for that: what has grown to `flushBytes` leaves before the next frame.
 *
 *   idle ──frame──▶ scheduled ──turn ends──▶ written ──▶ idle
 *                                   └─ the socket took less ──▶ blocked ──drain──▶ written
 *
 * What a turn of heads needs fits the writer's own buffer; bodies go into segments. How many is bounded by what senders
 * do: heads are bounded by the streams that are open, bodies by `wireBacklogBytesMax`, which senders ask for with
 * `backlogBytes`.
 */
import { invariant } from "../base/errors.ts";
import { FRAME_HEADER_BYTES } from "./frames.ts";
import { flushBytes, framePayloadBytesMax, segmentBytes, writerBytes } from "./limits.ts";
import { giveSegment, rest, takeSegment } from "./segments.ts";

/** The part of a Bun socket that the writer needs. */
export interface WireSocket {
  /** Takes what it can at once; returns the bytes taken, or -1 when closed. */
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
}

/** `buffer[start..end)` is full of frames and not sent yet. */
interface Filled {
  buffer: Buffer;
  start: number;
  end: number;
}

export class FrameWriter {
  readonly #socket: WireSocket;
  readonly #onFlushed: () => void;
  readonly #atTurnEnd: (run: () => void) => unknown;
  readonly #flushNow = () => {
    this.#scheduled = false;
    if (this.#blocked) this.#tell();
    else this.flush();
  };
  /** Kept for good. */
  readonly #own: Buffer = Buffer.allocUnsafeSlow(writerBytes);
  /** What is filled now: our own buffer or a segment. `[#start..#end)` is unsent. */
  #buffer: Buffer = this.#own;
  #start = 0;
  #end = 0;
  /** What was filled before, the oldest first. */
  #filled: Filled[] = [];
  #filledBytes = 0;
  #scheduled = false;
  #blocked = false;
  #closed = false;
  /** The socket has taken something since `#onFlushed` was called. */
  #hasTaken = false;

  /**
   * @param onFlushed called each time the socket has taken something, but not while a frame is written
   * @param atTurnEnd calls what it is given when the turn ends, whatever happens; default `setImmediate`
   */
  constructor(
    socket: WireSocket,
    onFlushed: () => void = () => {},
    atTurnEnd: (run: () => void) => unknown = setImmediate,
  ) {
    this.#socket = socket;
    this.#onFlushed = onFlushed;
    this.#atTurnEnd = atTurnEnd;
  }

  /** Bytes not yet taken by the socket. */
  get backlogBytes(): number {
    return this.#filledBytes + this.#end - this.#start;
  }

  /** Size of all buffers now. Bytes. */
  get bufferBytes(): number {
    const inUse = this.#filled.reduce((sum, { buffer }) => sum + buffer.length, 0);
    return inUse + this.#buffer.length;
  }

  /**
   * Reserves a frame and writes its header. The caller fills `payloadBytes` bytes of `buffer` from the returned offset
   * before anything else is written.
   */
  begin(type: number, flags: number, stream: number, payloadBytes: number): number {
    invariant(payloadBytes <= framePayloadBytesMax, "a frame is not larger than a peer accepts");
    const total = FRAME_HEADER_BYTES + payloadBytes;
    if (this.backlogBytes >= flushBytes && !this.#blocked) this.#send();
    if (this.#end + total > this.#buffer.length) this.#nextBuffer(total);
    const at = this.#end;
    const buffer = this.#buffer;
    buffer.writeUInt32LE(payloadBytes, at);
    buffer[at + 4] = type;
    buffer[at + 5] = flags;
    buffer.writeUInt32LE(stream, at + 6);
    this.#end = at + total;
    if (!this.#scheduled && !this.#blocked) {
      this.#scheduled = true;
      this.#atTurnEnd(this.#flushNow);
    }
    return at + FRAME_HEADER_BYTES;
  }

  /** Where `begin` reserved the payload; changes from frame to frame, so read it after `begin`. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  /** Writes a whole frame whose payload is `payload`. */
  frame(type: number, flags: number, stream: number, payload?: Uint8Array): void {
    const at = this.begin(type, flags, stream, payload?.length ?? 0);
    if (payload !== undefined) this.#buffer.set(payload, at);
  }

  /** Sends what is waiting. Call it from the socket's `drain`. */
  flush(): void {
    this.#send();
    this.#tell();
  }

  /** Drops what is unsent; later frames go nowhere. */
  close(): void {
    this.#closed = true;
    this.#blocked = false;
    for (const { buffer } of this.#filled) this.#give(buffer);
    this.#filled = [];
    this.#filledBytes = 0;
    this.#reset();
  }

  #tell(): void {
    if (!this.#hasTaken) return;
    this.#hasTaken = false;
    this.#onFlushed();
  }

  #send(): void {
    if (this.#closed) return this.close();
    for (let filled = this.#filled[0]; filled !== undefined; filled = this.#filled[0]) {
      const taken = this.#write(filled.buffer, filled.start, filled.end);
      if (taken < 0) return;
      filled.start += taken;
      this.#filledBytes -= taken;
      if (filled.start < filled.end) return;
      this.#filled.shift();
      this.#give(filled.buffer);
    }
    if (this.#start < this.#end) {
      const taken = this.#write(this.#buffer, this.#start, this.#end);
      if (taken < 0) return;
      this.#start += taken;
      if (this.#start < this.#end) return;
    }
    this.#blocked = false;
    if (this.#buffer === this.#own) rest();
    this.#reset();
  }

  /** What the socket took, which blocks the writer when it is not all; -1 when it is closed. */
  #write(buffer: Buffer, start: number, end: number): number {
    const taken = this.#socket.write(buffer, start, end - start);
    if (taken < 0) this.close();
    else {
      this.#blocked = taken < end - start;
      this.#hasTaken ||= taken > 0;
    }
    return taken;
  }

  /** Goes on with a buffer in which a frame of that size fits. */
  #nextBuffer(total: number): void {
    if (this.#closed || this.#start === this.#end) this.#reset();
    if (this.#end + total <= this.#buffer.length) return;
    if (this.#start < this.#end) {
      this.#filled.push({ buffer: this.#buffer, start: this.#start, end: this.#end });
      this.#filledBytes += this.#end - this.#start;
    }
    invariant(total <= segmentBytes, "a segment has room for the largest frame");
    this.#buffer = takeSegment();
    this.#start = 0;
    this.#end = 0;
  }

  /** Nothing is unsent: goes on with our own buffer. */
  #reset(): void {
    if (this.#buffer !== this.#own) this.#give(this.#buffer);
    this.#buffer = this.#own;
    this.#start = 0;
    this.#end = 0;
  }

  #give(buffer: Buffer): void {
    if (buffer !== this.#own) giveSegment(buffer);
  }
}
