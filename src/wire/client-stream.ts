/**
 * One request on the wire, seen from the node. The edge's exchange and the boot check extend it; the channel calls it.
 *
 *   new ──open()──▶ open ──END or RESET of the runner, cancel(), wire lost──▶ closed
 *                    └──TUNNEL──▶ tunnel ──the same──▶ closed
 *
 * Buffers given to callbacks are only valid during the call.
 */
import type { PlatformError } from "../base/errors.ts";
import type { Channel } from "./channel.ts";
import { streamWindowBytes } from "./limits.ts";
import type { Wake } from "./wake.ts";

/** What brings an answer that does not come over a wire. */
export interface Feed {
  /** So many bytes have left the node. */
  granted(bytes: number): void;
  /** Nobody wants the answer any more. Twice is safe. */
  cancel(): void;
}

export abstract class ClientStream {
  /** In place of a wire; null for an answer of an instance. */
  feed: Feed | null = null;
  /** The wire it is open on, or null before it is attached and after it has closed. */
  channel: Channel | null = null;
  /** Id on that wire; meaningless without a channel. */
  streamId = 0;
  /** Bytes that may still be sent before the runner grants more. */
  sendWindowBytes = 0;
  /** Bytes the runner may still send before `granted` gives it more. */
  receiveWindowBytes = 0;
  /** The request asks for a WebSocket, so a TUNNEL may answer it. */
  asksUpgrade = false;
  /** The response's head has come. */
  hasHead = false;
  /** What the response's head has: `HAS_DATE`, `HAS_REQUEST_ID`, `WANTS_CLOSE`. */
  foundLines = 0;
  /** Upgraded: bytes both ways. */
  isTunnel = false;
  /** Of a request that woke or started the instance; null for every other. */
  wake: Wake | null = null;
  /** We have sent END. */
  sendEnded = false;
  /** Bytes consumed and not yet granted again. */
  #ungrantedBytes = 0;

  /** An instance has taken the request; body bytes may be sent. */
  abstract onOpen(): void;
  /** The head has come, with the first or all bytes of the body: `buffer[bodyStart..bodyEnd)`. */
  abstract onResponse(
    status: number,
    reason: string,
    contentLength: number,
    buffer: Buffer,
    blockStart: number,
    blockEnd: number,
    bodyStart: number,
    bodyEnd: number,
    ended: boolean,
  ): void;
  /** The request was upgraded; `buffer[start..end)` is the raw 101 head. */
  abstract onTunnel(buffer: Buffer, start: number, end: number): void;
  /** A piece of the body or of the tunnel. `more`: the next piece follows at once. */
  abstract onData(buffer: Buffer, start: number, end: number, ended: boolean, more: boolean): void;
  /** More may be sent, after `send` had taken less than it was given. */
  abstract onWindow(): void;
  /** The runner gave up on this request; `reason` is a `ResetReason`. The stream is closed. */
  abstract onReset(reason: number, text: string): void;
  /** The instance is gone, or none could be had. The stream is closed. */
  abstract onLost(error: PlatformError): void;

  /** Called by the channel. */
  attached(channel: Channel, streamId: number): void {
    this.channel = channel;
    this.streamId = streamId;
    this.sendWindowBytes = streamWindowBytes;
    this.receiveWindowBytes = streamWindowBytes;
    this.hasHead = false;
    this.isTunnel = false;
    this.sendEnded = false;
    this.#ungrantedBytes = 0;
  }

  /**
   * Sends body or tunnel bytes.
   *
   * @returns how many of the bytes were taken; when fewer than given, wait for `onWindow` and send the rest.
   */
  send(buffer: Buffer, start: number, end: number): number {
    return this.channel === null ? 0 : this.channel.sendData(this, buffer, start, end);
  }

  /** Says that no more bytes follow in our direction. */
  sendEnd(): void {
    this.channel?.sendEnd(this);
  }

  /** Says that `bytes` of what `onData` brought have left the node, so that the runner may send as many again. */
  granted(bytes: number): void {
    if (this.feed !== null) return this.feed.granted(bytes);
    this.#ungrantedBytes += bytes;
    if (this.#ungrantedBytes < streamWindowBytes / 2 || this.channel === null) return;
    this.receiveWindowBytes += this.#ungrantedBytes;
    this.channel.sendWindow(this, this.#ungrantedBytes);
    this.#ungrantedBytes = 0;
  }

  /** Nobody wants the answer any more; the app's `req.signal` aborts. No callback follows. Twice is safe. */
  cancel(): void {
    this.channel?.cancel(this);
    this.feed?.cancel();
    this.feed = null;
  }
}
