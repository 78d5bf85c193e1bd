/**
 * Collects frames and hands them to the socket once per turn of the event loop, so that the frames of many requests
 * leave in one system call.
 *
 *   idle ──frame──▶ scheduled ──turn ends──▶ written ──▶ idle
 *                                   └─ the socket took less ──▶ blocked ──drain──▶ written
 *
 * The buffer grows with what is unsent: heads are bounded by the streams that are open, bodies by
 * `wireBacklogBytesMax`, which senders ask for with `backlogBytes`.
 */
import { invariant } from "../base/errors.ts";
import { FRAME_HEADER_BYTES } from "./frames.ts";
import { framePayloadBytesMax } from "./limits.ts";

/** The part of a Bun socket that the writer needs. */
export interface WireSocket {
  /** Takes what it can at once; returns the bytes taken, or -1 when closed. */
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
}

/** Start size; the frames of an ordinary turn fit. Bytes. */
const initialBytes = 64 * 1024;

export class FrameWriter {
  readonly #socket: WireSocket;
  readonly #onFlushed: () => void;
  readonly #flushNow = () => {
    this.#scheduled = false;
    this.flush();
  };
  #buffer: Buffer = Buffer.allocUnsafeSlow(initialBytes);
  #start = 0;
  #end = 0;
  #scheduled = false;
  #blocked = false;
  #closed = false;

  /** `onFlushed` is called each time the socket has taken something. */
  constructor(socket: WireSocket, onFlushed: () => void = () => {}) {
    this.#socket = socket;
    this.#onFlushed = onFlushed;
  }

  /** Bytes not yet taken by the socket. */
  get backlogBytes(): number {
    return this.#end - this.#start;
  }

  /** Size of the buffer now. Bytes. */
  get bufferBytes(): number {
    return this.#buffer.length;
  }

  /**
   * Reserves a frame and writes its header. The caller fills `payloadBytes` bytes of `buffer` from the returned offset
   * before anything else is written.
   */
  begin(type: number, flags: number, stream: number, payloadBytes: number): number {
    invariant(payloadBytes <= framePayloadBytesMax, "a frame is not larger than a peer accepts");
    const total = FRAME_HEADER_BYTES + payloadBytes;
    if (this.#end + total > this.#buffer.length) this.#makeRoom(total);
    const at = this.#end;
    const buffer = this.#buffer;
    buffer.writeUInt32LE(payloadBytes, at);
    buffer[at + 4] = type;
    buffer[at + 5] = flags;
    buffer.writeUInt32LE(stream, at + 6);
    this.#end = at + total;
    if (!this.#scheduled && !this.#blocked) {
      this.#scheduled = true;
      setImmediate(this.#flushNow);
    }
    return at + FRAME_HEADER_BYTES;
  }

  /** Where `begin` reserved the payload; changes when the buffer grows, so read it after `begin`. */
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
    if (this.#end === this.#start) {
      this.#blocked = false;
      return;
    }
    if (this.#closed) return this.close();
    const taken = this.#socket.write(this.#buffer, this.#start, this.#end - this.#start);
    if (taken < 0) return this.close();
    this.#start += taken;
    this.#blocked = this.#start < this.#end;
    if (!this.#blocked) {
      // A burst may have grown the buffer. A large body grows it turn after turn, so the first quiet turn gives it back.
      if (this.#end <= initialBytes) this.#shrink();
      this.#start = 0;
      this.#end = 0;
    }
    if (taken > 0) this.#onFlushed();
  }

  /** Drops what is unsent; later frames go nowhere. */
  close(): void {
    this.#closed = true;
    this.#blocked = false;
    this.#start = 0;
    this.#end = 0;
    this.#shrink();
  }

  #shrink(): void {
    if (this.#buffer.length > initialBytes) this.#buffer = Buffer.allocUnsafeSlow(initialBytes);
  }

  #makeRoom(total: number): void {
    if (this.#closed) this.#start = this.#end;
    const unsent = this.#end - this.#start;
    if (unsent + total <= this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    } else {
      let size = this.#buffer.length * 2;
      while (size < unsent + total) size *= 2;
      const grown = Buffer.allocUnsafeSlow(size);
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
    }
    this.#start = 0;
    this.#end = unsent;
  }
}
