/**
 * One request on the wire, seen from the runner.
 *
 *   open ──answered, reset or CANCEL──▶ closed
 *    └── upgraded ──▶ tunnel ──both ends closed──▶ closed
 *
 * Sending waits for the node's window; what cannot be sent yet is the sender's to keep.
 */

import type { FrameWriter } from "../wire/frame-writer.ts";
import { FLAG_END, FrameType, ResetReason } from "../wire/frames.ts";
import { dataBytesMax, streamWindowBytes } from "../wire/limits.ts";
import type { RequestBody } from "./request-body.ts";

export class ServerStream {
  readonly id: number;
  readonly #writer: FrameWriter;
  /** The request's body, or null when it has none or came whole. */
  body: RequestBody | null = null;
  /** Takes tunnel bytes once the request is upgraded. */
  tunnel: { onData(chunk: Uint8Array): void; onEnd(): void; onClosed(): void } | null = null;
  closed = false;
  /** Called once when the stream closes; whoever streams a body stops reading it here. */
  onClose: (() => void) | null = null;
  /** Called once after `onClose`; frees what belongs to this request alone. */
  onRelease: (() => void) | null = null;
  /** The node has cancelled: nobody wants the answer. */
  cancelled = false;
  #abort: AbortController | null = null;
  #sendWindowBytes = streamWindowBytes;
  #wakeSender: (() => void) | null = null;
  #ungrantedBytes = 0;
  readonly #onClosed: (stream: ServerStream) => void;

  constructor(id: number, writer: FrameWriter, onClosed: (stream: ServerStream) => void) {
    this.id = id;
    this.#writer = writer;
    this.#onClosed = onClosed;
  }

  /** The request's abort signal, made when somebody asks for it. */
  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.cancelled) this.#abort.abort(abortReason());
    }
    return this.#abort.signal;
  }

  /** The writer's buffer, for a frame that was just begun. */
  get buffer(): Buffer {
    return this.#writer.buffer;
  }

  /** Bytes that may be sent now. */
  get sendWindowBytes(): number {
    return this.#sendWindowBytes;
  }

  /**
   * Reserves a frame of this stream; the caller fills the payload. `bodyBytes` of it count against the window.
   *
   * @returns offset in the writer's buffer
   */
  begin(type: number, flags: number, payloadBytes: number, bodyBytes: number): number {
    this.#sendWindowBytes -= bodyBytes;
    return this.#writer.begin(type, flags, this.id, payloadBytes);
  }

  /** Sends all of `bytes` as DATA, waiting for the window as often as it takes. Returns false when the stream closed. */
  async sendAll(bytes: Uint8Array): Promise<boolean> {
    let at = 0;
    while (at < bytes.length) {
      if (this.closed) return false;
      const count = Math.min(bytes.length - at, this.#sendWindowBytes, dataBytesMax);
      if (count === 0) {
        await this.windowOpened();
        continue;
      }
      const to = this.begin(FrameType.DATA, 0, count, count);
      this.#writer.buffer.set(bytes.subarray(at, at + count), to);
      at += count;
    }
    return !this.closed;
  }

  /** Resolves when the window has room or the stream has closed. One waiter at a time. */
  windowOpened(): Promise<void> {
    if (this.closed || this.#sendWindowBytes > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wakeSender = resolve;
    });
  }

  /** Sends END in our direction. A response's END closes the stream. */
  sendEnd(): void {
    if (this.closed) return;
    this.#writer.begin(FrameType.DATA, FLAG_END, this.id, 0);
  }

  reset(reason: number, text: string): void {
    if (this.closed) return;
    const message = Buffer.from(text.slice(0, 4000));
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

  onCancel(): void {
    if (this.closed) return;
    this.cancelled = true;
    // The node keeps the stream's number until we have let go of it.
    const at = this.#writer.begin(FrameType.RESET, 0, this.id, 1);
    this.#writer.buffer[at] = ResetReason.CANCELLED;
    this.#abort?.abort(abortReason());
    this.close();
  }

  /** Forgets the stream; frames that still come for it are dropped. Twice is safe. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#onClosed(this);
    this.body?.fail();
    this.tunnel?.onClosed();
    const onClose = this.onClose;
    this.onClose = null;
    onClose?.();
    const onRelease = this.onRelease;
    this.onRelease = null;
    onRelease?.();
    this.#wake();
  }

  #wake(): void {
    const wake = this.#wakeSender;
    this.#wakeSender = null;
    wake?.();
  }
}

function abortReason(): DOMException {
  return new DOMException("The client closed the request", "AbortError");
}
