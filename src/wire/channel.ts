/**
 * The node's end of one wire: opens streams, checks everything that comes back, and closes the wire when the peer breaks
 * the protocol. The peer is an app's process, so nothing of it is believed, and what it can make the node hold or do is
 * bounded: a stream may send `streamWindowBytes` before the node grants more, every frame belongs to a stream that is
 * open or answers something that the node asked, and a frame is at most `framePayloadBytesMax`.
 *
 *   free ──open()──▶ open ──END or RESET of the runner──▶ free
 *                     └──cancel()──▶ cancelled ──END or RESET of the runner──▶ free
 *
 * A cancelled stream keeps its number, and counts as open, until the runner has let go of it: so a client that asks and
 * goes away in a loop is bounded like one that stays.
 */
import { invariant, type PlatformError } from "../base/errors.ts";
import type { ClientStream } from "./client-stream.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter, type WireSocket } from "./frame-writer.ts";
import { FLAG_CLOSE, FLAG_END, FLAG_UPGRADE, FrameType, WireProtocolError } from "./frames.ts";
import {
  controlBytesMax,
  dataBytesMax,
  framePayloadBytesMax,
  resetTextBytesMax,
  streamsMax,
  streamWindowBytes,
  wireBacklogBytesMax,
} from "./limits.ts";
import { checkTunnelHead, readResponseHead, WANTS_CLOSE } from "./response-head.ts";

export interface ChannelOwner {
  /** A control message of the runner's; already parsed JSON, not checked further. */
  onControl(message: unknown): void;
  onPong(token: number): void;
  /** One stream fewer is open. */
  onStreamClosed(): void;
  /** The peer broke the protocol; nothing it sends is read any more. The owner ends the process and closes the wire. */
  onBroken(error: WireProtocolError): void;
}

export class Channel {
  /** Id of the process at the other end, for records. */
  label = "";
  readonly #owner: ChannelOwner;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  /** By number; null when it is free or cancelled. */
  readonly #streams: (ClientStream | null)[] = [];
  readonly #freeIds: number[] = [];
  /** By number of a cancelled stream: what the runner may still send for it before its END or RESET. Bytes. */
  readonly #cancelled = new Map<number, number>();
  /** Streams whose `send` took less than it was given because the wire was full. */
  readonly #congested = new Set<ClientStream>();
  #open = 0;
  #opened = 0;
  #tunnels = 0;
  #pongsDue = 0;
  /** A runner says that it has started, may say one thing of its own, and answers each message of ours. */
  #controlsDue = 2;
  #isBroken = false;
  #closed = false;

  constructor(socket: WireSocket, owner: ChannelOwner) {
    this.#owner = owner;
    this.#writer = new FrameWriter(socket, () => this.#onFlushed());
    this.#reader = new FrameReader(this.#onFrame.bind(this));
  }

  /** Streams open now, cancelled ones included until the runner has let go of them. Count. */
  get openStreams(): number {
    return this.#open;
  }

  /** Streams that were opened so far. Count. */
  get opened(): number {
    return this.#opened;
  }

  /** Open streams that are tunnels. Count. */
  get openTunnels(): number {
    return this.#tunnels;
  }

  /** Whether another stream can be opened. */
  get hasRoom(): boolean {
    return this.#open < streamsMax && !this.#closed;
  }

  /** What the socket has not taken yet. Bytes. */
  get backlogBytes(): number {
    return this.#writer.backlogBytes;
  }

  /** Feeds bytes that came from the socket. */
  onBytes(chunk: Buffer): void {
    if (this.#closed || this.#isBroken) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof WireProtocolError)) throw error;
      this.#isBroken = true;
      this.#owner.onBroken(error);
    }
  }

  /** The socket can take more. */
  onDrain(): void {
    this.#writer.flush();
  }

  /**
   * Opens a stream; there must be room. `buffer[headStart..headEnd)` is the request head, `buffer[bodyStart..bodyEnd)`
   * the first body bytes (at most `dataBytesMax`). `flags` are those of REQUEST.
   */
  open(
    stream: ClientStream,
    buffer: Buffer,
    headStart: number,
    headEnd: number,
    bodyStart: number,
    bodyEnd: number,
    flags: number,
  ): void {
    invariant(this.hasRoom, "a stream is opened only where there is room");
    const id = this.#freeIds.pop() ?? this.#streams.length;
    this.#streams[id] = stream;
    this.#open += 1;
    this.#opened += 1;
    stream.attached(this, id);
    stream.sendEnded = (flags & FLAG_END) !== 0;
    stream.asksUpgrade = (flags & FLAG_UPGRADE) !== 0;
    const bodyBytes = bodyEnd - bodyStart;
    stream.sendWindowBytes -= bodyBytes;

    const headBytes = headEnd - headStart;
    const at = this.#writer.begin(FrameType.REQUEST, flags, id, 4 + headBytes + bodyBytes);
    const out = this.#writer.buffer;
    out.writeUInt32LE(headBytes, at);
    buffer.copy(out, at + 4, headStart, headEnd);
    if (bodyBytes > 0) buffer.copy(out, at + 4 + headBytes, bodyStart, bodyEnd);
    stream.onOpen();
  }

  ping(token: number): void {
    this.#pongsDue += 1;
    const at = this.#writer.begin(FrameType.PING, 0, 0, 4);
    this.#writer.buffer.writeUInt32LE(token, at);
  }

  /** Sends a message, which the runner may answer. @param answersMax with how many. Count. */
  control(message: unknown, answersMax = 1): void {
    const bytes = Buffer.from(JSON.stringify(message));
    invariant(bytes.length <= controlBytesMax, "a control message is not longer than its limit");
    this.#controlsDue += answersMax;
    for (let at = 0; at < bytes.length; at += framePayloadBytesMax) {
      const piece = bytes.subarray(at, at + framePayloadBytesMax);
      const isLast = at + piece.length === bytes.length;
      this.#writer.frame(FrameType.CONTROL, isLast ? FLAG_END : 0, 0, piece);
    }
  }

  /** Closes our end: every open stream is lost with `error`. Twice is safe. */
  close(error: PlatformError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    for (const id of [...this.#cancelled.keys()]) this.#forget(id);
    for (const stream of this.#streams) {
      if (stream === null) continue;
      this.#end(stream);
      stream.onLost(error);
    }
  }

  // --- what the streams ask ---

  /** @returns how many of the bytes were taken; `onWindow` of the stream tells when more can be. */
  sendData(stream: ClientStream, buffer: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.#writer.backlogBytes > wireBacklogBytesMax) {
        this.#congested.add(stream);
        break;
      }
      const bytes = Math.min(end - at, dataBytesMax, stream.sendWindowBytes);
      if (bytes === 0) break;
      const to = this.#writer.begin(FrameType.DATA, 0, stream.streamId, bytes);
      buffer.copy(this.#writer.buffer, to, at, at + bytes);
      stream.sendWindowBytes -= bytes;
      at += bytes;
    }
    return at - start;
  }

  sendEnd(stream: ClientStream): void {
    if (stream.sendEnded) return;
    stream.sendEnded = true;
    this.#writer.begin(FrameType.DATA, FLAG_END, stream.streamId, 0);
  }

  sendWindow(stream: ClientStream, bytes: number): void {
    const at = this.#writer.begin(FrameType.WINDOW, 0, stream.streamId, 4);
    this.#writer.buffer.writeUInt32LE(bytes, at);
  }

  cancel(stream: ClientStream): void {
    const id = stream.streamId;
    this.#writer.begin(FrameType.CANCEL, 0, id, 0);
    // A head and what the window allows can be on their way.
    this.#cancelled.set(id, stream.receiveWindowBytes + framePayloadBytesMax);
    this.#streams[id] = null;
    this.#detach(stream);
  }

  // --- private ---

  /** The stream is over, and its number is free. */
  #end(stream: ClientStream): void {
    const id = stream.streamId;
    this.#streams[id] = null;
    this.#detach(stream);
    this.#release(id);
  }

  /** The runner has let go of a cancelled stream. */
  #forget(id: number): void {
    this.#cancelled.delete(id);
    this.#release(id);
  }

  #detach(stream: ClientStream): void {
    if (stream.isTunnel) this.#tunnels -= 1;
    this.#congested.delete(stream);
    stream.channel = null;
  }

  #release(id: number): void {
    this.#freeIds.push(id);
    this.#open -= 1;
    this.#owner.onStreamClosed();
  }

  #onFlushed(): void {
    if (this.#congested.size === 0 || this.#writer.backlogBytes > wireBacklogBytesMax / 2) return;
    const waiting = [...this.#congested];
    this.#congested.clear();
    for (const stream of waiting) if (stream.channel === this) stream.onWindow();
  }

  #onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Buffer,
    start: number,
    end: number,
    more: boolean,
  ): void {
    if (this.#closed) return;
    if (type === FrameType.CONTROL) return this.#onControl(buffer, start, end);
    if (type === FrameType.PONG) return this.#onPong(buffer, start, end);
    const stream = this.#streams[id];
    const ended = (flags & FLAG_END) !== 0;
    if (stream === null || stream === undefined) {
      return this.#onLate(type, id, end - start, ended);
    }
    switch (type) {
      case FrameType.RESPONSE:
        return this.#onResponse(stream, flags, buffer, start, end);
      case FrameType.DATA:
        return this.#onData(stream, buffer, start, end, ended, more);
      case FrameType.WINDOW:
        return this.#onWindow(stream, buffer, start, end);
      case FrameType.TUNNEL:
        return this.#onTunnel(stream, buffer, start, end);
      case FrameType.RESET:
        return this.#onReset(stream, buffer, start, end);
      default:
        throw new WireProtocolError(`a frame of unknown type ${type}`);
    }
  }

  /** A frame for a stream that is not open: it crossed our CANCEL, or it should not be. */
  #onLate(type: number, id: number, bytes: number, ended: boolean): void {
    const left = this.#cancelled.get(id);
    if (left === undefined)
      throw new WireProtocolError(`a frame for stream ${id}, which is not open`);
    const isLast =
      type === FrameType.RESET ||
      (ended && (type === FrameType.RESPONSE || type === FrameType.DATA));
    if (isLast) return this.#forget(id);
    if (bytes === 0 || bytes > left) {
      throw new WireProtocolError(`more frames for stream ${id} than its cancelling explains`);
    }
    this.#cancelled.set(id, left - bytes);
  }

  #onResponse(
    stream: ClientStream,
    flags: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (stream.hasHead || stream.isTunnel) throw new WireProtocolError("a second RESPONSE");
    const { status, contentLength, reasonStart, blockStart, bodyStart, foundLines } =
      readResponseHead(buffer, start, end);
    stream.foundLines = (flags & FLAG_CLOSE) === 0 ? foundLines : foundLines | WANTS_CLOSE;
    this.#take(stream, end - bodyStart);
    stream.hasHead = true;
    const ended = (flags & FLAG_END) !== 0;
    if (ended) this.#end(stream);
    stream.onResponse(
      status,
      reasonStart === blockStart ? "" : buffer.latin1Slice(reasonStart, blockStart),
      contentLength,
      buffer,
      blockStart,
      bodyStart,
      bodyStart,
      end,
      ended,
    );
  }

  #onData(
    stream: ClientStream,
    buffer: Buffer,
    start: number,
    end: number,
    ended: boolean,
    more: boolean,
  ): void {
    if (!(stream.hasHead || stream.isTunnel)) throw new WireProtocolError("DATA before a head");
    // Frames are bounded by the window only when each takes some of it.
    if (start === end && !ended) throw new WireProtocolError("an empty DATA");
    this.#take(stream, end - start);
    if (ended) this.#end(stream);
    stream.onData(buffer, start, end, ended, more && !ended);
  }

  #onWindow(stream: ClientStream, buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw new WireProtocolError("a WINDOW that is not 4 bytes");
    const bytes = buffer.readUInt32LE(start);
    if (bytes === 0 || stream.sendWindowBytes + bytes > streamWindowBytes) {
      throw new WireProtocolError("a WINDOW beyond the size of the window");
    }
    stream.sendWindowBytes += bytes;
    if (!stream.sendEnded) stream.onWindow();
  }

  #onTunnel(stream: ClientStream, buffer: Buffer, start: number, end: number): void {
    if (stream.hasHead || stream.isTunnel) throw new WireProtocolError("a TUNNEL after a head");
    if (!stream.asksUpgrade)
      throw new WireProtocolError("a TUNNEL for a request that asked for none");
    checkTunnelHead(buffer, start, end);
    stream.isTunnel = true;
    this.#tunnels += 1;
    // The request's own body has ended; the tunnel's direction is open again.
    stream.sendEnded = false;
    stream.onTunnel(buffer, start, end);
  }

  #onReset(stream: ClientStream, buffer: Buffer, start: number, end: number): void {
    if (end === start) throw new WireProtocolError("an empty RESET");
    const text = buffer.utf8Slice(start + 1, Math.min(end, start + 1 + resetTextBytesMax));
    const reason = buffer[start]!;
    this.#end(stream);
    stream.onReset(reason, text);
  }

  /** Counts body bytes against what the peer was allowed to send. */
  #take(stream: ClientStream, bytes: number): void {
    stream.receiveWindowBytes -= bytes;
    if (stream.receiveWindowBytes < 0)
      throw new WireProtocolError("more DATA than the window allows");
  }

  #onPong(buffer: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw new WireProtocolError("a PONG that is not 4 bytes");
    if (this.#pongsDue === 0) throw new WireProtocolError("a PONG without a PING");
    this.#pongsDue -= 1;
    this.#owner.onPong(buffer.readUInt32LE(start));
  }

  #onControl(buffer: Buffer, start: number, end: number): void {
    if (this.#controlsDue === 0) throw new WireProtocolError("a CONTROL message nobody asked for");
    this.#controlsDue -= 1;
    let message: unknown;
    try {
      message = JSON.parse(buffer.utf8Slice(start, end));
    } catch (error) {
      throw new WireProtocolError("a CONTROL message that is not JSON", { cause: error });
    }
    this.#owner.onControl(message);
  }
}
