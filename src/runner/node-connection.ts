/**
 * A connection to the app's own server of node:http, over a unix socket that never leaves this process. It carries one
 * request at a time as HTTP/1.1 and brings the answer to the request's stream.
 *
 *   new ──ask()──▶ opening ──▶ asking
 *   idle ──ask()──▶ asking ──answer and request complete──▶ idle
 *                     ├──101──▶ tunnel ──either side ends──▶ closed
 *                     └──stream closed, app hung up, answer cannot be read──▶ closed
 *
 * Neither direction holds more than its window: what the app does not take is not granted to the node, and the app's
 * answer is not read while the node's window is full.
 */
import { FLAG_CLOSE, FLAG_END, FrameType, ResetReason, WireProtocolError } from "../wire/frames.ts";
import { framePayloadBytesMax, responseHeadBytesMax } from "../wire/limits.ts";
import {
  checkHeaderBlock,
  checkReason,
  checkTunnelHead,
  RESPONSE_FIXED_BYTES,
} from "../wire/response-head.ts";
import { addedLinesBytesMax, inlineBodyBytesMax } from "./limits.ts";
import { AnswerBody, AnswerFault, AnswerHead, readAnswerHead } from "./node-answer.ts";
import type { BodySink, NodeRequest } from "./node-request.ts";
import type { ServerStream, Tunnel } from "./server-stream.ts";

/** Who has the connections. */
export interface NodeConnectionOwner {
  /** It can take another request. */
  onIdle(connection: NodeConnection): void;
  /** It is of no use any more. Called once. */
  onClosed(connection: NodeConnection): void;
  /** It could not be opened; nothing of the request was sent. */
  onUnreached(request: NodeRequest): void;
  /** The app closed it before it had seen the request, none of which has reached its code. */
  onUnseen(request: NodeRequest): void;
}

/** Bytes on their way to the app; `bodyBytes` of them are granted to the node when all have been taken. */
interface Piece {
  bytes: Uint8Array;
  bodyBytes: number;
}

/** The app's own code may replace it. */
const { connect } = Bun;
const chunkEnd = Buffer.from("\r\n");
const lastChunk = Buffer.from("0\r\n\r\n");

/** Where heads are put together; made for the first. */
let scratch: Buffer | null = null;
/** One is enough: a head is used before the next is read. */
const head = new AnswerHead();

export class NodeConnection implements BodySink, Tunnel {
  /** Of the app's socket. */
  readonly path: string;
  readonly #owner: NodeConnectionOwner;
  readonly #body = new AnswerBody();
  #socket: Bun.Socket<undefined> | null = null;
  #isClosed = false;
  #wasOpen = false;
  #request: NodeRequest | null = null;
  /** Set when the request is upgraded. */
  #tunnelled: ServerStream | null = null;
  #unsent: Piece[] = [];
  /** All of the request has been handed over. */
  #isAsked = false;
  #endsAfterUnsent = false;
  /** The head of the answer has been passed on. */
  #hasHead = false;
  /** The app ends the connection with this answer. */
  #closes = false;
  /** What has come of the answer and cannot be read yet. */
  #unread: Buffer | null = null;
  /** What the node's window has kept back; the socket is paused meanwhile. */
  #kept: Uint8Array | null = null;

  constructor(path: string, owner: NodeConnectionOwner) {
    this.path = path;
    this.#owner = owner;
    connect({
      unix: path,
      socket: {
        binaryType: "buffer",
        open: (socket) => this.#onOpen(socket),
        data: (_socket, chunk: Buffer) => this.#onData(chunk),
        drain: () => this.#pump(),
        close: () => this.#onClose(),
        error: () => this.#onClose(),
      },
    } as Bun.UnixSocketOptions<undefined>).catch(() => this.#onClose());
  }

  /** Sends a request, once the connection is open; it is idle, or new. */
  ask(request: NodeRequest): void {
    this.#request = request;
    this.#isAsked = false;
    this.#hasHead = false;
    request.stream.onClose = () => this.close();
    if (this.#socket !== null) this.#begin(request);
  }

  #begin(request: NodeRequest): void {
    scratch ??= Buffer.allocUnsafeSlow(2 * framePayloadBytesMax);
    let bytes = request.writeHead(scratch);
    const { first } = request;
    if (first !== null && !request.isChunked) {
      scratch.set(first, bytes);
      bytes += first.length;
      this.#send(scratch, bytes, first.length);
    } else {
      this.#send(scratch, bytes, 0);
      if (first !== null) this.write(first);
    }
    request.sink = this;
  }

  // --- the request's body ---

  write(body: Uint8Array): void {
    if (this.#request?.isChunked !== true) return this.#send(body, body.length, body.length);
    const size = Buffer.from(`${body.length.toString(16)}\r\n`);
    const chunk = Buffer.concat([size, body, chunkEnd]);
    this.#send(chunk, chunk.length, body.length);
  }

  finish(): void {
    if (this.#request?.isChunked === true) this.#send(lastChunk, lastChunk.length, 0);
    this.#isAsked = true;
  }

  // --- the tunnel ---

  push(chunk: Uint8Array): void {
    this.#send(chunk, chunk.length, chunk.length);
  }

  end(): void {
    this.#endsAfterUnsent = true;
    this.#pump();
  }

  /** Ends it at once; whatever is under way is nobody's any more. Twice is safe. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#request = null;
    this.#unsent = [];
    this.#socket?.terminate();
    this.#owner.onClosed(this);
  }

  // --- to the app ---

  /** Sends the first `count` of `bytes`, which may be used again when it returns. */
  #send(bytes: Uint8Array, count: number, bodyBytes: number): void {
    if (this.#isClosed) return;
    let taken = 0;
    if (this.#socket !== null && this.#unsent.length === 0) {
      // A view of the bytes would cost as much as half of the system call.
      taken = Math.max(this.#socket.write(bytes, 0, count), 0);
      if (taken === count) return this.#granted(bodyBytes);
    }
    this.#unsent.push({ bytes: new Uint8Array(bytes.subarray(taken, count)), bodyBytes });
  }

  #pump(): void {
    const socket = this.#socket;
    if (socket === null) return;
    for (let piece = this.#unsent[0]; piece !== undefined; piece = this.#unsent[0]) {
      const taken = Math.max(socket.write(piece.bytes), 0);
      if (taken < piece.bytes.length) {
        piece.bytes = piece.bytes.subarray(taken);
        return;
      }
      this.#unsent.shift();
      this.#granted(piece.bodyBytes);
    }
    if (this.#endsAfterUnsent) socket.end();
  }

  #granted(bytes: number): void {
    if (bytes > 0) (this.#request?.stream ?? this.#tunnelled)?.granted(bytes);
  }

  // --- from the app ---

  #onOpen(socket: Bun.Socket<undefined>): void {
    if (this.#isClosed) return void socket.terminate();
    this.#socket = socket;
    this.#wasOpen = true;
    if (this.#request !== null) this.#begin(this.#request);
  }

  /** The chunk is the socket's and only valid now. */
  #onData(chunk: Buffer): void {
    if (this.#tunnelled !== null) return this.#pass(this.#tunnelled, chunk);
    // Nobody has asked for anything.
    if (this.#request === null) return this.close();
    const buffer = this.#unread === null ? chunk : Buffer.concat([this.#unread, chunk]);
    this.#unread = null;
    // A socket that was just paused may still have something.
    if (this.#kept !== null) this.#unread = buffer === chunk ? Buffer.from(chunk) : buffer;
    else this.#readAnswer(this.#request, buffer);
  }

  #readAnswer(request: NodeRequest, buffer: Buffer): void {
    try {
      if (this.#hasHead) this.#readBody(request, buffer, 0);
      else this.#readHead(request, buffer);
    } catch (error) {
      if (!(error instanceof AnswerFault || error instanceof WireProtocolError)) throw error;
      this.#fail(request, error.message);
    }
  }

  /** @throws {AnswerFault} @throws {WireProtocolError} for bytes that may not stand in a head */
  #readHead(request: NodeRequest, buffer: Buffer): void {
    let at = 0;
    while (true) {
      const end = readAnswerHead(buffer, at, buffer.length, head);
      if (end === -1) {
        if (buffer.length - at > responseHeadBytesMax) throw new AnswerFault(headTooLong);
        this.#unread = Buffer.from(buffer.subarray(at));
        return;
      }
      if (head.status === 101) return this.#beginTunnel(request, buffer, at, end);
      at = end;
      if (head.status >= 200) break;
    }
    this.#body.begin(head, request.stream.head.method === "HEAD");
    this.#readBody(request, buffer, at);
  }

  #readBody(request: NodeRequest, buffer: Buffer, from: number): void {
    const body = this.#body;
    const at = body.read(buffer, from, buffer.length);
    const { start, end, isDone } = body;
    if (at < buffer.length) {
      if (isDone) throw new AnswerFault("it has more bytes than its headers say");
      this.#unread = Buffer.from(buffer.subarray(at));
    }
    const sent = this.#hasHead ? start : this.#passHead(request.stream, buffer, start, end);
    if (request.stream.closed) return this.#settle();
    this.#pass(request.stream, buffer.subarray(sent, end));
    if (isDone && this.#kept === null) this.#complete(request);
  }

  /** Returns how far the body went with the head. */
  #passHead(stream: ServerStream, buffer: Buffer, start: number, end: number): number {
    const { kept } = head;
    let { reasonStart } = head;
    // The edge knows this one.
    if (head.status === 200 && head.reasonEnd - reasonStart === 2) reasonStart = head.reasonEnd;
    checkReason(buffer, reasonStart, head.reasonEnd);
    let blockBytes = 0;
    for (let index = 0; index < kept.length; index += 2) {
      checkHeaderBlock(buffer, kept.offsets[index]!, kept.offsets[index + 1]!);
      blockBytes += kept.offsets[index + 1]! - kept.offsets[index]!;
    }
    const reasonBytes = head.reasonEnd - reasonStart;
    if (blockBytes + reasonBytes > headBytesMax) throw new AnswerFault(headTooLong);
    const bodyBytes = Math.min(end - start, inlineBodyBytesMax);
    const isWhole = this.#body.isDone && bodyBytes === end - start;
    this.#hasHead = true;
    this.#closes = head.closes || this.#body.endsWithConnection;

    const at = stream.begin(
      FrameType.RESPONSE,
      (isWhole ? FLAG_END : 0) | (head.saysClose ? FLAG_CLOSE : 0),
      RESPONSE_FIXED_BYTES + reasonBytes + blockBytes + bodyBytes,
      bodyBytes,
    );
    const out = stream.buffer;
    out.writeUInt16LE(head.status, at);
    out.writeUInt16LE(reasonBytes, at + 2);
    out.writeUInt32LE(blockBytes, at + 4);
    out.writeDoubleLE(head.contentLength, at + 8);
    let to = at + RESPONSE_FIXED_BYTES;
    to += buffer.copy(out, to, reasonStart, head.reasonEnd);
    to = kept.copy(buffer, out, to);
    buffer.copy(out, to, start, start + bodyBytes);
    if (isWhole) this.#letGo(stream);
    return start + bodyBytes;
  }

  /** Sends what the node's window allows, and the rest later. */
  #pass(stream: ServerStream, bytes: Uint8Array): void {
    const sent = this.#kept === null ? stream.send(bytes, 0) : 0;
    if (sent === bytes.length) return;
    const rest = new Uint8Array(bytes.subarray(sent));
    if (this.#kept !== null) {
      this.#kept = Buffer.concat([this.#kept, rest]);
      return;
    }
    this.#kept = rest;
    this.#socket?.pause();
    void this.#passRest(stream);
  }

  async #passRest(stream: ServerStream): Promise<void> {
    while (this.#kept !== null && !stream.closed) {
      const rest = this.#kept;
      const sent = stream.send(rest, 0);
      this.#kept = sent === rest.length ? null : rest.subarray(sent);
      if (this.#kept !== null) await stream.roomMade();
    }
    if (stream.closed) return;
    const request = this.#request;
    if (request !== null) {
      if (this.#body.isDone) {
        this.#socket?.resume();
        return this.#complete(request);
      }
      const unread = this.#unread;
      this.#unread = null;
      if (unread !== null) this.#readAnswer(request, unread);
      if (this.#kept !== null || stream.closed) return;
    }
    if (this.#isClosed) this.#ended();
    else this.#socket?.resume();
  }

  #beginTunnel(request: NodeRequest, buffer: Buffer, start: number, end: number): void {
    const { stream } = request;
    if (!stream.asksUpgrade) throw new AnswerFault("it is a 101 that the client did not ask for");
    checkTunnelHead(buffer, start, end);
    this.#tunnelled = stream;
    this.#request = null;
    stream.onClose = null;
    stream.tunnel = this;
    const at = stream.begin(FrameType.TUNNEL, 0, end - start, 0);
    buffer.copy(stream.buffer, at, start, end);
    if (end < buffer.length) this.#pass(stream, buffer.subarray(end));
  }

  // --- how it ends ---

  #onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket = null;
    this.#owner.onClosed(this);
    if (this.#kept === null) this.#ended();
  }

  /** The app has hung up, and what it had sent has been passed on. */
  #ended(): void {
    if (this.#tunnelled !== null) return this.#tunnelled.end();
    const request = this.#request;
    if (request === null) return;
    this.#request = null;
    const { stream } = request;
    if (this.#hasHead) {
      stream.onClose = null;
      if (this.#body.endsWithConnection) stream.end();
      else stream.reset(ResetReason.BODY_FAILED, "the app closed the connection within its answer");
    } else if (!this.#wasOpen) {
      this.#owner.onUnreached(request);
    } else if (!request.isDispatched && request.isWhole && !request.isSecondTry) {
      this.#owner.onUnseen(request);
    } else {
      stream.onClose = null;
      stream.reset(ResetReason.RESPONSE_INVALID, "the app closed the connection without an answer");
    }
  }

  #fail({ stream }: NodeRequest, what: string): void {
    stream.onClose = null;
    this.close();
    const reason = this.#hasHead ? ResetReason.BODY_FAILED : ResetReason.RESPONSE_INVALID;
    stream.reset(reason, what);
  }

  #complete({ stream }: NodeRequest): void {
    stream.onClose = null;
    stream.end();
    this.#settle();
  }

  /** The stream has its last frame. */
  #letGo(stream: ServerStream): void {
    stream.onClose = null;
    stream.close();
  }

  /** The answer is complete: another request can follow when this one is too. */
  #settle(): void {
    this.#request = null;
    if (this.#isClosed) return;
    if (this.#closes || !this.#isAsked || this.#unsent.length > 0) this.close();
    else this.#owner.onIdle(this);
  }
}

/** Room for the lines that the node adds. */
const headBytesMax = responseHeadBytesMax - addedLinesBytesMax;
const headTooLong = `its headers have more than ${headBytesMax} bytes`;
