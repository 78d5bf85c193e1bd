/** A wire in memory: a socket that takes as much as a test lets it, and streams that note what they are told. */
import type { PlatformError } from "../base/errors.ts";
import { Channel, type ChannelOwner } from "./channel.ts";
import { ClientStream } from "./client-stream.ts";
import { FrameReader } from "./frame-reader.ts";
import type { WireSocket } from "./frame-writer.ts";
import { FLAG_END, FRAME_HEADER_BYTES, FrameType, type WireProtocolError } from "./frames.ts";
import { RESPONSE_FIXED_BYTES } from "./response-head.ts";

/** Takes `roomBytes` in all, then nothing until it is given more room. */
export class FakeSocket implements WireSocket {
  roomBytes = Number.POSITIVE_INFINITY;
  writes = 0;
  #taken: Buffer[] = [];

  write(data: Uint8Array, byteOffset = 0, byteLength = data.length): number {
    this.writes += 1;
    const bytes = Math.min(byteLength, this.roomBytes);
    this.roomBytes -= bytes;
    if (bytes > 0) this.#taken.push(Buffer.from(data.subarray(byteOffset, byteOffset + bytes)));
    return bytes;
  }

  /** What was written since the last call. */
  read(): Buffer {
    const bytes = Buffer.concat(this.#taken);
    this.#taken = [];
    return bytes;
  }
}

export interface Frame {
  type: number;
  flags: number;
  id: number;
  payload: Buffer;
}

/** Bytes of one frame. */
export function frame(
  type: number,
  id: number,
  payload: Uint8Array | string = "",
  flags = 0,
): Buffer {
  const body = Buffer.from(payload as string);
  const bytes = Buffer.alloc(FRAME_HEADER_BYTES + body.length);
  bytes.writeUInt32LE(body.length, 0);
  bytes[4] = type;
  bytes[5] = flags;
  bytes.writeUInt32LE(id, 6);
  body.copy(bytes, FRAME_HEADER_BYTES);
  return bytes;
}

/** The frames that `bytes` hold; the last one must be whole. */
export function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader((type, flags, id, buffer, start, end) =>
    frames.push({ type, flags, id, payload: Buffer.from(buffer.subarray(start, end)) }),
  );
  reader.push(bytes);
  return frames;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Payload of a RESPONSE. */
export function responsePayload(
  body: Uint8Array | string = "",
  head: { status?: number; reason?: string; block?: string; contentLength?: number } = {},
): Buffer {
  const { status = 200, reason = "", block = "", contentLength = -1 } = head;
  const fixed = Buffer.alloc(RESPONSE_FIXED_BYTES);
  fixed.writeUInt16LE(status, 0);
  fixed.writeUInt16LE(reason.length, 2);
  fixed.writeUInt32LE(block.length, 4);
  fixed.writeDoubleLE(contentLength, 8);
  return Buffer.concat([fixed, Buffer.from(reason + block, "latin1"), Buffer.from(body as string)]);
}

/** Notes what it is told, in words. */
export class NotingStream extends ClientStream {
  readonly notes: string[] = [];
  received: Buffer[] = [];
  /** Takes bytes off the node's hands at once. */
  takesAtOnce = true;

  get body(): string {
    return Buffer.concat(this.received).toString();
  }

  #keep(buffer: Buffer, start: number, end: number): void {
    this.received.push(Buffer.from(buffer.subarray(start, end)));
    if (this.takesAtOnce) this.granted(end - start);
  }

  override onOpen(): void {
    this.notes.push("open");
  }

  override onResponse(
    status: number,
    reason: string,
    contentLength: number,
    buffer: Buffer,
    blockStart: number,
    blockEnd: number,
    bodyStart: number,
    bodyEnd: number,
    ended: boolean,
  ): void {
    const block = buffer.latin1Slice(blockStart, blockEnd).replaceAll("\r\n", ";");
    const words = ["response", status, reason, block, contentLength];
    this.notes.push(words.filter((word) => word !== "" && word !== -1).join(" "));
    this.#keep(buffer, bodyStart, bodyEnd);
    if (ended) this.notes.push("end");
  }

  override onTunnel(_buffer: Buffer, _start: number, _end: number): void {
    this.notes.push("tunnel");
  }

  override onData(buffer: Buffer, start: number, end: number, ended: boolean): void {
    this.#keep(buffer, start, end);
    if (ended) this.notes.push("end");
  }

  override onWindow(): void {
    this.notes.push("window");
  }

  override onReset(reason: number, text: string): void {
    this.notes.push(`reset ${reason} ${text}`);
  }

  override onLost(error: PlatformError): void {
    this.notes.push(`lost ${error.code}`);
  }
}

/** A channel whose far end is the test. */
export class TestWire implements ChannelOwner {
  readonly socket = new FakeSocket();
  readonly channel = new Channel(this.socket, this);
  readonly controls: unknown[] = [];
  readonly pongs: number[] = [];
  readonly broken: WireProtocolError[] = [];
  closedStreams = 0;

  onControl(message: unknown): void {
    this.controls.push(message);
  }

  onPong(token: number): void {
    this.pongs.push(token);
  }

  onStreamClosed(): void {
    this.closedStreams += 1;
  }

  onBroken(error: WireProtocolError): void {
    this.broken.push(error);
  }

  /** Opens a stream with a head and perhaps a body. */
  open<Stream extends ClientStream = NotingStream>(
    options: { body?: Uint8Array; flags?: number; stream?: Stream } = {},
  ): Stream {
    const stream = options.stream ?? (new NotingStream() as unknown as Stream);
    const head = Buffer.from("GET / http a  127.0.0.1 1\r\nhost: a\r\n");
    const buffer = Buffer.concat([head, options.body ?? Buffer.alloc(0)]);
    this.channel.open(
      stream,
      buffer,
      0,
      head.length,
      head.length,
      buffer.length,
      options.flags ?? FLAG_END,
    );
    return stream;
  }

  /** What the node has sent since the last call. */
  sent(): Frame[] {
    this.channel.onDrain();
    return framesOf(this.socket.read());
  }

  /** Frames from the runner. */
  receive(...frames: Buffer[]): void {
    this.channel.onBytes(Buffer.concat(frames));
  }

  respond(id: number, body = "", flags = 0): void {
    this.receive(frame(FrameType.RESPONSE, id, responsePayload(body), flags));
  }

  data(id: number, body: Uint8Array | string, flags = 0): void {
    this.receive(frame(FrameType.DATA, id, body, flags));
  }
}

/** A whole number from 0 up to `below`, which is not reached. */
export type Random = (below: number) => number;

/** Numbers that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Another one each run; `LEVAIN_TEST_SEED` repeats one. */
export function testSeed(): number {
  return Number(process.env["LEVAIN_TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
}
