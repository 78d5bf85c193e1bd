/**
 * The node's end of one wire: opens streams, checks everything that comes back, and closes the wire when the peer breaks
 * the protocol. What the peer can make the node hold is bounded: a stream may send `streamWindowBytes` before the node
 * grants more, and a frame is at most `framePayloadBytesMax`.
 *
 * A stream id is a slot (16 bits) and its generation (16 bits), so that a frame which crossed the end of its stream is
 * told from one for the slot's next user.
 */
import type { PlatformError } from "../base/errors.ts";
import type { ClientStream } from "./client-stream.ts";
import { FrameReader } from "./frame-reader.ts";
import { FrameWriter, type WireSocket } from "./frame-writer.ts";
import { FLAG_END, FLAG_UPGRADE, FrameType, WireProtocolError } from "./frames.ts";
import {
  controlBytesMax,
  dataBytesMax,
  resetTextBytesMax,
  streamsMax,
  streamWindowBytes,
  wireBacklogBytesMax,
} from "./limits.ts";
import { checkHeaderBlock, checkReason, RESPONSE_FIXED_BYTES } from "./response-head.ts";

export interface ChannelOwner {
  /** A control message of the runner's; already parsed JSON, not checked further. */
  onControl(message: unknown): void;
  onPong(token: number): void;
  /** A stream ended for any reason. */
  onStreamClosed(stream: ClientStream): void;
  /** The peer broke the protocol. The owner closes the wire and the process behind it. */
  onBroken(error: WireProtocolError): void;
}

export class Channel {
  readonly #owner: ChannelOwner;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  readonly #slots: (ClientStream | null)[] = [];
  readonly #generations: number[] = [];
  readonly #freeSlots: number[] = [];
  /** Streams whose `send` took less than it was given because the wire was full. */
  readonly #congested = new Set<ClientStream>();
  #open = 0;
  #closed = false;

  constructor(socket: WireSocket, owner: ChannelOwner) {
    this.#owner = owner;
    this.#writer = new FrameWriter(socket);
    this.#reader = new FrameReader(this.#onFrame.bind(this));
  }

  /** Streams open now. Count. */
  get openStreams(): number {
    return this.#open;
  }

  /** Feeds bytes that came from the socket. */
  onBytes(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof WireProtocolError)) throw error;
      this.#owner.onBroken(error);
    }
  }

  /** The socket can take more. */
  onDrain(): void {
    this.#writer.flush();
    if (this.#congested.size === 0 || this.#writer.backlogBytes > wireBacklogBytesMax / 2) return;
    const waiting = [...this.#congested];
    this.#congested.clear();
    for (const stream of waiting) if (stream.channel === this) stream.onWindow();
  }

  /**
   * Opens a stream: `buffer[headStart..headEnd)` is the request head, `buffer[bodyStart..bodyEnd)` the first body bytes
   * (at most `dataBytesMax`). `flags` are those of REQUEST.
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
    const slot = this.#freeSlots.pop() ?? this.#slots.push(null) - 1;
    const generation = ((this.#generations[slot] ?? 0) + 1) & 0xffff;
    this.#generations[slot] = generation;
    this.#slots[slot] = stream;
    this.#open += 1;
    const streamId = generation * 0x10000 + slot;
    stream.attached(this, streamId);
    stream.sendEnded = (flags & FLAG_END) !== 0;
    stream.asksUpgrade = (flags & FLAG_UPGRADE) !== 0;
    const bodyBytes = bodyEnd - bodyStart;
    stream.sendWindowBytes -= bodyBytes;

    const headBytes = headEnd - headStart;
    const at = this.#writer.begin(FrameType.REQUEST, flags, streamId, 4 + headBytes + bodyBytes);
    const out = this.#writer.buffer;
    out.writeUInt32LE(headBytes, at);
    buffer.copy(out, at + 4, headStart, headEnd);
    if (bodyBytes > 0) buffer.copy(out, at + 4 + headBytes, bodyStart, bodyEnd);
    stream.onOpen();
  }

  /** Whether another stream can be opened. */
  get hasRoom(): boolean {
    return this.#open < streamsMax && !this.#closed;
  }

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
    if (stream.isTunnel && stream.receiveEnded) this.#free(stream);
  }

  sendWindow(stream: ClientStream, bytes: number): void {
    const at = this.#writer.begin(FrameType.WINDOW, 0, stream.streamId, 4);
    this.#writer.buffer.writeUInt32LE(bytes, at);
  }

  cancel(stream: ClientStream): void {
    this.#writer.begin(FrameType.CANCEL, 0, stream.streamId, 0);
    this.#free(stream);
  }

  ping(token: number): void {
    const at = this.#writer.begin(FrameType.PING, 0, 0, 4);
    this.#writer.buffer.writeUInt32LE(token, at);
  }

  control(message: unknown): void {
    this.#writer.frame(FrameType.CONTROL, 0, 0, Buffer.from(JSON.stringify(message)));
  }

  /** Closes our end: every open stream is lost with `error`. Twice is safe. */
  close(error: PlatformError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writer.close();
    for (const stream of this.#slots) {
      if (stream === null) continue;
      this.#free(stream);
      stream.onLost(error);
    }
  }

  #free(stream: ClientStream): void {
    const slot = stream.streamId & 0xffff;
    this.#slots[slot] = null;
    this.#freeSlots.push(slot);
    this.#congested.delete(stream);
    stream.channel = null;
    this.#open -= 1;
    this.#owner.onStreamClosed(stream);
  }

  #onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (this.#closed) return;
    if (type === FrameType.CONTROL) return this.#onControl(buffer, start, end);
    if (type === FrameType.PONG) {
      if (end - start !== 4) throw new WireProtocolError("a PONG that is not 4 bytes");
      return this.#owner.onPong(buffer.readUInt32LE(start));
    }
    const slot = id & 0xffff;
    if (slot >= this.#slots.length)
      throw new WireProtocolError(`a frame for stream ${id}, never opened`);
    const stream = this.#slots[slot];
    // It crossed the end of its stream on the way.
    if (stream === null || stream === undefined || stream.streamId !== id) return;
    const ended = (flags & FLAG_END) !== 0;
    switch (type) {
      case FrameType.RESPONSE:
        return this.#onResponse(stream, buffer, start, end, ended);
      case FrameType.DATA:
        return this.#onData(stream, buffer, start, end, ended);
      case FrameType.WINDOW:
        return this.#onWindow(stream, buffer, start, end);
      case FrameType.TUNNEL:
        return this.#onTunnel(stream, buffer, start, end);
      case FrameType.RESET: {
        if (end === start) throw new WireProtocolError("an empty RESET");
        const text = buffer.utf8Slice(start + 1, Math.min(end, start + 1 + resetTextBytesMax));
        const reason = buffer[start]!;
        this.#free(stream);
        return stream.onReset(reason, text);
      }
      default:
        throw new WireProtocolError(`a frame of unknown type ${type}`);
    }
  }

  #onResponse(
    stream: ClientStream,
    buffer: Buffer,
    start: number,
    end: number,
    ended: boolean,
  ): void {
    if (stream.hasHead || stream.isTunnel) throw new WireProtocolError("a second RESPONSE");
    if (end - start < RESPONSE_FIXED_BYTES) throw new WireProtocolError("a short RESPONSE");
    const status = buffer.readUInt16LE(start);
    const reasonBytes = buffer.readUInt16LE(start + 2);
    const blockBytes = buffer.readUInt32LE(start + 4);
    const contentLength = buffer.readDoubleLE(start + 8);
    const reasonStart = start + RESPONSE_FIXED_BYTES;
    const blockStart = reasonStart + reasonBytes;
    const bodyStart = blockStart + blockBytes;
    if (bodyStart > end) throw new WireProtocolError("a RESPONSE longer than its frame");
    if (status < 200 || status > 999)
      throw new WireProtocolError(`a RESPONSE with status ${status}`);
    if (contentLength !== -1 && !(Number.isSafeInteger(contentLength) && contentLength >= 0)) {
      throw new WireProtocolError("a RESPONSE with a malformed content length");
    }
    checkReason(buffer, reasonStart, blockStart);
    stream.foundLines = checkHeaderBlock(buffer, blockStart, bodyStart);
    this.#take(stream, end - bodyStart);
    stream.hasHead = true;
    if (ended) this.#free(stream);
    stream.onResponse(
      status,
      reasonBytes === 0 ? "" : buffer.latin1Slice(reasonStart, blockStart),
      contentLength,
      buffer,
      blockStart,
      bodyStart,
      bodyStart,
      end,
      ended,
    );
  }

  #onData(stream: ClientStream, buffer: Buffer, start: number, end: number, ended: boolean): void {
    if (!(stream.hasHead || stream.isTunnel)) throw new WireProtocolError("DATA before a head");
    if (stream.receiveEnded) throw new WireProtocolError("DATA after END");
    this.#take(stream, end - start);
    if (ended) {
      stream.receiveEnded = true;
      if (!stream.isTunnel || stream.sendEnded) this.#free(stream);
    }
    stream.onData(buffer, start, end, ended);
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
    stream.isTunnel = true;
    // The request's own body has ended; the tunnel's direction is open again.
    stream.sendEnded = false;
    stream.onTunnel(buffer, start, end);
  }

  /** Counts body bytes against what the peer was allowed to send. */
  #take(stream: ClientStream, bytes: number): void {
    stream.receiveWindowBytes -= bytes;
    if (stream.receiveWindowBytes < 0)
      throw new WireProtocolError("more DATA than the window allows");
  }

  #onControl(buffer: Buffer, start: number, end: number): void {
    if (end - start > controlBytesMax)
      throw new WireProtocolError("a CONTROL message that is too long");
    let message: unknown;
    try {
      message = JSON.parse(buffer.utf8Slice(start, end));
    } catch (error) {
      throw new WireProtocolError("a CONTROL message that is not JSON", { cause: error });
    }
    this.#owner.onControl(message);
  }
}
