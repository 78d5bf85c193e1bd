/**
 * One request on the wire, seen from the runner.
 *
 *   open ──answered, reset or CANCEL──▶ closed
 *    └── upgraded ──▶ tunnel ──socket closed, reset or CANCEL──▶ closed
 *
 * It closes with exactly one frame that says so to the node: END or RESET. Sending waits for the node's window; what
 * cannot be sent yet is the sender's to keep.
 */

import type { FrameWriter } from "../wire/frame-writer.ts";
import { FLAG_END, FrameType, ResetReason } from "../wire/frames.ts";
import { dataBytesMax, resetTextBytesMax, streamWindowBytes } from "../wire/limits.ts";
import { connectionClosed } from "./connection-closed.ts";
import type { RequestHead } from "./request-head.ts";

/** Where the bytes of an upgraded request go. */
export interface Tunnel {
  push(chunk: Uint8Array): void;
  /** The client will send no more. */
  end(): void;
  /** The stream has closed. */
  close(): void;
}

/** Where the bytes of a request's body go. */
export interface BodyReceiver {
  /** The chunk is the receiver's from now on. */
  push(chunk: Uint8Array): void;
  end(): void;
  /** The request is over before its body was. Twice is safe. */
  fail(): void;
}

const encoder = new TextEncoder();
/** Where the next piece of a text becomes bytes; sent or copied before anything else happens. */
const piece = new Uint8Array(dataBytesMax);

export class ServerStream {
  readonly id: number;
  readonly head: RequestHead;
  readonly #writer: FrameWriter;
  readonly #onClosed: (stream: ServerStream) => void;
  /** The node has said that its client asks for a WebSocket. */
  readonly asksUpgrade: boolean;
  /** The request's body, or null when it has none or came whole. */
  body: BodyReceiver | null = null;
  /** Set once the request is upgraded. */
  tunnel: Tunnel | null = null;
  closed = false;
  /** Called once when the stream closes; whoever streams a body stops reading it here. */
  onClose: (() => void) | null = null;
  /** Called once after `onClose`; frees what belongs to this request alone. */
  onRelease: (() => void) | null = null;
  #isCancelled = false;
  #abort: AbortController | null = null;
  #sendWindowBytes = streamWindowBytes;
  #wakeSender: (() => void) | null = null;
  #ungrantedBytes = 0;

  constructor(
    id: number,
    head: RequestHead,
    asksUpgrade: boolean,
    writer: FrameWriter,
    onClosed: (stream: ServerStream) => void,
  ) {
    this.id = id;
    this.head = head;
    this.asksUpgrade = asksUpgrade;
    this.#writer = writer;
    this.#onClosed = onClosed;
  }

  /** The request's abort signal, made when somebody asks for it. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#isCancelled) this.#abort.abort(connectionClosed());
    }
    return this.#abort.signal;
  }

  /** The writer's buffer, for a frame that was just begun. */
  get buffer(): Buffer {
    return this.#writer.buffer;
  }

  /** Whether body bytes can be sent now. */
  get hasRoom(): boolean {
    return this.#sendWindowBytes > 0;
  }

  /**
   * Reserves a frame of this stream; the caller fills the payload. `bodyBytes` of it count against the window. A frame
   * with END is the last: call `close` after it.
   *
   * @returns offset in the writer's buffer
   */
  begin(type: number, flags: number, payloadBytes: number, bodyBytes: number): number {
    this.#sendWindowBytes -= bodyBytes;
    return this.#writer.begin(type, flags, this.id, payloadBytes);
  }

  /**
   * Sends a text of `bytes` bytes as its window allows. Resolves with whether all of it has left; false when the stream
   * has closed.
   */
  async sendText(text: string, bytes: number): Promise<boolean> {
    if (bytes > text.length) return this.#sendWide(text);
    for (let at = this.#sendAscii(text, 0); at < text.length; at = this.#sendAscii(text, at)) {
      await this.roomMade();
      if (this.closed) return false;
    }
    return !this.closed;
  }

  /** Sends of `bytes`, from `start`, what the window allows. Returns where the rest starts. */
  send(bytes: Uint8Array, start: number): number {
    let at = start;
    while (at < bytes.length && this.#sendWindowBytes > 0 && !this.closed) {
      const count = Math.min(bytes.length - at, this.#sendWindowBytes, dataBytesMax);
      const to = this.begin(FrameType.DATA, 0, count, count);
      this.#writer.buffer.set(bytes.subarray(at, at + count), to);
      at += count;
    }
    return at;
  }

  /** Sends all of `bytes`, waiting for the window as often as it takes. Resolves with false when the stream closed. */
  async sendAll(bytes: Uint8Array): Promise<boolean> {
    for (let at = this.send(bytes, 0); at < bytes.length; at = this.send(bytes, at)) {
      await this.roomMade();
      if (this.closed) return false;
    }
    return !this.closed;
  }

  /** Resolves when the window has room or the stream has closed. One waiter at a time. */
  roomMade(): Promise<void> {
    if (this.closed || this.hasRoom) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wakeSender = resolve;
    });
  }

  /** Sends END and closes. */
  end(): void {
    if (this.closed) return;
    this.#writer.begin(FrameType.DATA, FLAG_END, this.id, 0);
    this.close();
  }

  /** Sends RESET and closes. */
  reset(reason: number, text: string): void {
    if (this.closed) return;
    const message = Buffer.from(text.slice(0, resetTextBytesMax)).subarray(0, resetTextBytesMax);
    const at = this.#writer.begin(FrameType.RESET, 0, this.id, 1 + message.length);
    this.#writer.buffer[at] = reason;
    this.#writer.buffer.set(message, at + 1);
    this.close();
  }

  /** The app has taken `bytes` of the request body or tunnel; lets the node send as many more. */
  granted(bytes: number): void {
    this.#ungrantedBytes += bytes;
    if (this.closed || this.#ungrantedBytes < streamWindowBytes / 2) return;
    const at = this.#writer.begin(FrameType.WINDOW, 0, this.id, 4);
    this.#writer.buffer.writeUInt32LE(this.#ungrantedBytes, at);
    this.#ungrantedBytes = 0;
  }

  // --- what the node says ---

  onWindow(bytes: number): void {
    this.#sendWindowBytes += bytes;
    this.#wake();
  }

  /** Nobody wants the answer any more. */
  onCancel(): void {
    this.#isCancelled = true;
    this.#abort?.abort(connectionClosed());
    // The node keeps the stream's number until we have let go of it.
    this.reset(ResetReason.CANCELLED, "");
  }

  /** Forgets the stream after its last frame. Twice is safe. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#onClosed(this);
    this.body?.fail();
    if (this.tunnel !== null) {
      this.tunnel.close();
      this.#abort?.abort(connectionClosed());
    }
    const { onClose, onRelease } = this;
    this.onClose = null;
    this.onRelease = null;
    onClose?.();
    onRelease?.();
    this.#wake();
  }

  #wake(): void {
    const wake = this.#wakeSender;
    this.#wakeSender = null;
    wake?.();
  }

  /** Characters that are bytes go into their frames without a copy in between. Returns where the rest starts. */
  #sendAscii(text: string, start: number): number {
    let at = start;
    while (at < text.length && this.#sendWindowBytes > 0 && !this.closed) {
      const count = Math.min(text.length - at, this.#sendWindowBytes, dataBytesMax);
      const to = this.begin(FrameType.DATA, 0, count, count);
      this.#writer.buffer.utf8Write(text.slice(at, at + count), to);
      at += count;
    }
    return at;
  }

  async #sendWide(text: string): Promise<boolean> {
    for (let at = 0; at < text.length && !this.closed; ) {
      const { read, written } = encoder.encodeInto(text.slice(at), piece);
      const sent = this.send(piece.subarray(0, written), 0);
      // Others use the piece while this one waits.
      if (sent < written && !(await this.sendAll(piece.slice(sent, written)))) return false;
      at += read;
    }
    return !this.closed;
  }
}
