/**
 * The client's side of a WebSocket whose messages are sent back: a handshake, then one message and its echo at a time.
 *
 *   handshake ──101──▶ frames (head ⇄ payload)       a ping is answered, a close is the end
 */
import { answerHeadBytesMax, frameHeadBytesMax } from "./limits.ts";
import type { PreparedRequest } from "./plan.ts";
import type { Protocol, Reading } from "./protocol.ts";
import { maskedFrame, type ReadyRequest, webSocketHandshake } from "./request-bytes.ts";

const CONTINUATION = 0x0;
const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
/** RFC 6455, 5.5. */
const controlBytesMax = 125;

const nothing = Buffer.alloc(0);

export class WebSocketProtocol implements Protocol {
  readonly greeting: Buffer;
  readonly farewell = maskedFrame(CLOSE, nothing);
  reply: Buffer | null = null;
  status = 0;
  bytes = 0;
  readonly #accept: string;
  /** Of the handshake's answer, until it has come whole; then null. */
  #head: Buffer | null = nothing;
  /** What is to come back; null when nothing was sent. */
  #echo: Buffer | null = null;
  /** How much of it has. Bytes. */
  #echoed = 0;
  /** A message has begun and goes on in the next frame. */
  #isContinued = false;
  /** Head of the frame that is being read. */
  readonly #frame = Buffer.alloc(frameHeadBytesMax);
  #frameBytes = 0;
  #opcode = 0;
  #isFinal = false;
  /** Of the frame's payload. Bytes; -1 while its head is read. */
  #left = -1;
  /** Payload of a control frame. */
  readonly #control = Buffer.alloc(controlBytesMax);
  #controlBytes = 0;

  constructor(request: PreparedRequest) {
    const { bytes, accept } = webSocketHandshake(request);
    this.greeting = bytes;
    this.#accept = accept;
  }

  /** A WebSocket lasts until somebody closes it; a handshake that was refused has none. */
  get keepsAlive(): boolean {
    return this.#head === null;
  }

  begin(request: ReadyRequest): void {
    this.#echo = request.echo;
    this.#echoed = 0;
    this.bytes = 0;
    this.status = 200;
  }

  read(chunk: Buffer): Reading {
    if (this.#head !== null) return this.#readHandshake(chunk);
    this.bytes += chunk.length;
    return this.#readFrames(chunk);
  }

  /** Pings may come at any time. A message may not. */
  readUnasked(chunk: Buffer): Reading {
    const reading = this.#readFrames(chunk);
    return reading === "more" ? "done" : reading;
  }

  endInput(): boolean {
    return false;
  }

  // --- private ---

  #readHandshake(chunk: Buffer): Reading {
    const head = Buffer.concat([this.#head ?? nothing, chunk]);
    this.#head = head;
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return head.length > answerHeadBytesMax ? "malformed" : "more";
    const text = head.latin1Slice(0, end);
    const status = /^HTTP\/1\.[01] ([1-9]\d\d)/.exec(text)?.[1];
    if (status === undefined) return "malformed";
    this.status = Number(status);
    if (this.status !== 101) return "done";
    const accept = /^sec-websocket-accept:[ \t]*(\S+)[ \t]*$/im.exec(text)?.[1];
    const isUpgrade = /^upgrade:[ \t]*websocket[ \t]*$/im.test(text);
    // No extension was offered, so none can have been agreed on.
    const isExtended = /^sec-websocket-extensions:/im.test(text);
    if (accept !== this.#accept || !isUpgrade || isExtended) return "malformed";
    this.#head = null;
    const rest = head.subarray(end + 4);
    if (rest.length === 0) return "done";
    return this.readUnasked(rest);
  }

  #readFrames(chunk: Buffer): Reading {
    let at = 0;
    let isAnswered = false;
    while (at < chunk.length) {
      if (this.#left === -1) {
        this.#frame[this.#frameBytes++] = chunk[at++]!;
        if (!this.#readFrameHead()) return "malformed";
      } else {
        const end = at + Math.min(this.#left, chunk.length - at);
        if (!this.#readPayload(chunk, at, end)) return "malformed";
        this.#left -= end - at;
        at = end;
      }
      if (this.#left !== 0) continue;
      const reading = this.#endFrame();
      if (reading === "done") isAnswered = true;
      else if (reading !== "more") return reading;
    }
    return isAnswered ? "done" : "more";
  }

  /** Sets `#left` when the head is whole. Returns false when it is malformed. */
  #readFrameHead(): boolean {
    const frame = this.#frame;
    if (this.#frameBytes < 2) return true;
    const length = frame[1]! & 0x7f;
    const extended = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (this.#frameBytes < 2 + extended) return true;
    this.#frameBytes = 0;
    this.#isFinal = (frame[0]! & 0x80) !== 0;
    this.#opcode = frame[0]! & 0x0f;
    this.#left =
      extended === 0
        ? length
        : extended === 2
          ? frame.readUInt16BE(2)
          : Number(frame.readBigUInt64BE(2));
    const isReserved = (frame[0]! & 0x70) !== 0;
    const isMasked = (frame[1]! & 0x80) !== 0;
    if (isReserved || isMasked) return false;
    if (this.#opcode >= CLOSE) {
      this.#controlBytes = 0;
      return this.#opcode <= PONG && this.#isFinal && this.#left <= controlBytesMax;
    }
    if (this.#echo === null || this.#isContinued !== (this.#opcode === CONTINUATION)) return false;
    return this.#opcode <= BINARY && this.#left <= this.#echo.length - this.#echoed;
  }

  #readPayload(chunk: Buffer, start: number, end: number): boolean {
    if (this.#opcode >= CLOSE) {
      this.#controlBytes += chunk.copy(this.#control, this.#controlBytes, start, end);
      return true;
    }
    const from = this.#echoed;
    this.#echoed += end - start;
    return chunk.compare(this.#echo!, from, this.#echoed, start, end) === 0;
  }

  #endFrame(): Reading {
    this.#left = -1;
    switch (this.#opcode) {
      case CLOSE:
        return "closed";
      case PING:
        this.reply = maskedFrame(PONG, this.#control.subarray(0, this.#controlBytes));
        return "more";
      case PONG:
        return "more";
      default:
        this.#isContinued = !this.#isFinal;
        if (!this.#isFinal) return "more";
        if (this.#echoed !== this.#echo!.length) return "malformed";
        this.#echo = null;
        return "done";
    }
  }
}
