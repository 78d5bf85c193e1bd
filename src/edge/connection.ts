/**
 * One client connection: reads requests, one after the other, and hands each to its exchange.
 *
 *   head ──parsed──▶ body ──read──▶ answering ──complete──▶ head …        keep-alive
 *                                       └──────────────────▶ lingering    last answer given
 *   head ──websocket──▶ … ──TUNNEL──▶ tunnel                              bytes both ways
 *
 * Requests that were sent ahead (pipelined) wait in the input, which is bounded: beyond it the client is not read.
 */
import type { Deadlined } from "../base/deadlines.ts";
import { PlatformError } from "../base/errors.ts";
import { dataBytesMax, FLAG_END, FLAG_UPGRADE, holdTimeoutMs } from "../router/destination.ts";
import { BodyReader } from "./body-reader.ts";
import { type EdgeContext, scratch } from "./edge-context.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import { type Peer, writeForwardedHead } from "./forwarded-head.ts";
import { type HeadProblem, ParsedHead, parseHead } from "./head-parser.ts";
import {
  halfCloseProbeMs,
  headBytesMax,
  headerLinesMax,
  headTimeoutMs,
  keepAliveTimeoutMs,
  lingerTimeoutMs,
  pipelinedBytesMax,
  targetBytesMax,
  unreadBodyBytesMax,
} from "./limits.ts";
import { ResponseWriter } from "./response-writer.ts";

/** The part of a Bun socket that a connection needs. */
export interface EdgeSocket {
  write(data: Uint8Array | string, byteOffset?: number, byteLength?: number): number;
  pause(): void;
  resume(): void;
  /** Half-closes after what was written. */
  end(): void;
  /** Closes at once; the peer sees a reset. */
  terminate(): void;
}

type State = "head" | "exchange" | "tunnel" | "lingering" | "closed";

const nothing = Buffer.alloc(0);
/** Parsing is synchronous, so one parsed head serves all connections. */
const parsed = new ParsedHead();

export class Connection implements Deadlined, ExchangeHost {
  deadlineMs: number;
  readonly #context: EdgeContext;
  readonly #socket: EdgeSocket;
  readonly #peer: Peer;
  readonly #writer: ResponseWriter;
  readonly #exchange: Exchange;
  readonly #body = new BodyReader();
  #state: State = "head";
  #input: Buffer = nothing;
  #keepAlive = true;
  #isPaused = false;
  /** The client has said that it will send no more. */
  #inputEnded = false;
  #wasProbed = false;
  /** The answer is complete; what is left of the request is read away. */
  #answered = false;

  constructor(context: EdgeContext, socket: EdgeSocket, peer: Peer) {
    this.#context = context;
    this.#socket = socket;
    this.#peer = peer;
    this.#writer = new ResponseWriter(socket);
    this.#exchange = new Exchange(context, this, this.#writer);
    this.deadlineMs = context.deadlines.nowMs + headTimeoutMs;
    context.deadlines.add(this);
  }

  /** Between two requests, with nothing begun. */
  get isIdle(): boolean {
    return this.#state === "head" && this.#input.length === 0;
  }

  // --- what the socket says ---

  onData(chunk: Buffer): void {
    if (this.#state === "head" && this.#input.length === 0) {
      this.#input = chunk;
      this.#readRequests();
      // The chunk is the socket's; what is left of it is ours to keep.
      if (this.#input.length > 0) this.#input = Buffer.from(this.#input);
      return;
    }
    switch (this.#state) {
      case "head":
        this.#input = Buffer.concat([this.#input, chunk]);
        return this.#readRequests();
      case "exchange":
        this.#input =
          this.#input.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#input, chunk]);
        return this.#readBody();
      case "tunnel":
        this.#input =
          this.#input.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#input, chunk]);
        return this.#pumpTunnel();
      default:
    }
  }

  onDrain(): void {
    if (!this.#writer.drain()) return;
    this.#exchange.onDrained();
    if (this.#state === "lingering") this.#socket.end();
  }

  /** The client will send no more; it may still read (RFC 9112, 9.6), so an answer under way is given. */
  onEnd(): void {
    this.#inputEnded = true;
    switch (this.#state) {
      case "head":
        return this.close();
      case "exchange":
        if (!this.#body.isDone || this.#exchange.headSent) return this.close();
        // Gone or only silent? An interim response tells: it is reset when nobody is there.
        this.deadlineMs = this.#context.deadlines.nowMs + halfCloseProbeMs;
        return;
      case "tunnel":
        if (this.#input.length === 0) this.#exchange.sendEnd();
        return;
      case "lingering":
        if (this.#writer.unsentBytes === 0) this.close();
        return;
      default:
    }
  }

  /** The socket is gone, for whatever reason. Twice is safe. */
  onClose(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#exchange.drop();
    this.#writer.clear();
    this.#input = nothing;
    this.#context.deadlines.remove(this);
    this.#context.onClosed(this);
  }

  /** Closes at once. */
  close(): void {
    this.#socket.terminate();
    this.onClose();
  }

  /** The node is going down: an idle connection ends now, another one with its answer. */
  drain(): void {
    this.#keepAlive = false;
    if (this.isIdle) this.close();
  }

  onDeadline(): void {
    const { pool } = this.#exchange;
    switch (this.#state) {
      case "head":
        if (this.#input.length === 0) return this.close();
        return this.#refuse(new PlatformError("REQUEST_TIMEOUT", [headTimeoutMs]));
      case "lingering":
        return this.close();
      case "exchange": {
        if (pool === null || this.#answered) return this.close();
        const { app, limits } = pool.spec;
        if (this.#exchange.channel === null && !this.#exchange.headSent) {
          return this.#exchange.fail(new PlatformError("HOLD_TIMEOUT", [app, holdTimeoutMs]));
        }
        if (this.#inputEnded && !this.#wasProbed) return this.#probe(limits.requestTimeoutMs);
        if (this.#writer.unsentBytes > 0) return this.close();
        if (!this.#body.isDone && !this.#isPaused) {
          return this.#exchange.fail(new PlatformError("REQUEST_TIMEOUT", [limits.streamIdleMs]));
        }
        if (this.#exchange.headSent) {
          return this.#exchange.fail(
            new PlatformError("APP_RESPONSE_STALLED", [app, limits.streamIdleMs]),
          );
        }
        return this.#exchange.fail(
          new PlatformError("APP_RESPONSE_TIMEOUT", [app, limits.requestTimeoutMs]),
        );
      }
      default:
    }
  }

  // --- what the exchange says ---

  onOpen(): void {
    this.#deadline(this.#exchange.pool!.spec.limits.requestTimeoutMs);
    if (!this.#body.isDone) this.#readBody();
  }

  onWindow(): void {
    if (this.#state === "tunnel") this.#pumpTunnel();
    else if (this.#state === "exchange") this.#readBody();
  }

  keepsAlive(): boolean {
    // A long body that nobody reads would have to be read away before the next request.
    if (this.#body.unreadBytes > unreadBodyBytesMax) this.#keepAlive = false;
    return this.#keepAlive && !this.#context.isDraining;
  }

  onProgress(): void {
    this.#deadline(this.#exchange.pool!.spec.limits.streamIdleMs);
  }

  onTunnel(): void {
    this.#state = "tunnel";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#keepAlive = false;
    this.#pumpTunnel();
  }

  onComplete(): void {
    if (this.#state === "tunnel") return this.#linger();
    if (this.#state !== "exchange") return;
    if (!this.keepsAlive() || this.#inputEnded) return this.#linger();
    this.#answered = true;
    if (!this.#body.isDone) {
      this.#deadline(lingerTimeoutMs);
      return this.#readBody();
    }
    this.#nextRequest();
  }

  abort(): void {
    this.close();
  }

  // --- private: requests ---

  #readRequests(): void {
    while (this.#state === "head" && this.#input.length > 0) {
      if (!this.#readHead()) return;
    }
  }

  /** Reads one head and starts its exchange. Returns false when more bytes are needed or the connection ends. */
  #readHead(): boolean {
    const input = this.#skipEmptyLines();
    const end = input.indexOf("\r\n\r\n", 0, "latin1");
    if (end === -1 || end + 4 > headBytesMax) return this.#headIncomplete(end !== -1);
    const headEnd = end + 4;
    const problem = parseHead(input, 0, headEnd, parsed, { targetBytesMax, headerLinesMax });
    this.#exchange.begin(parsed.method, parsed.target, parsed.accept, parsed.isHttp10);
    this.#state = "exchange";
    this.#answered = false;
    this.#context.counters.requests += 1;
    if (problem !== null) {
      this.#refuse(errorOf(problem));
      return false;
    }
    this.#keepAlive = parsed.keepAlive;
    this.#body.begin(parsed.contentLength, parsed.isChunked);
    this.#start(input, headEnd);
    return true;
  }

  /** RFC 9112, 2.2: an empty line before a request line is ignored. */
  #skipEmptyLines(): Buffer {
    let at = 0;
    while (this.#input[at] === 0x0d && this.#input[at + 1] === 0x0a) at += 2;
    if (at > 0) this.#input = this.#input.subarray(at);
    return this.#input;
  }

  #headIncomplete(isTooLarge: boolean): false {
    const input = this.#input;
    if (isTooLarge || input.length > headBytesMax) {
      this.#exchange.begin("", "", "", false);
      this.#refuse(new PlatformError("REQUEST_HEAD_TOO_LARGE", [headBytesMax]));
      return false;
    }
    // A head that can never become valid is refused at once, not when its time is over.
    const newline = input.indexOf(0x0a);
    const isMalformed = (newline !== -1 && input[newline - 1] !== 0x0d) || input.includes(0);
    if (isMalformed) {
      this.#exchange.begin("", "", "", false);
      this.#refuse(new PlatformError("REQUEST_MALFORMED", ["a line that does not end with CRLF"]));
      return false;
    }
    if (this.deadlineMs > this.#context.deadlines.nowMs + headTimeoutMs)
      this.#deadline(headTimeoutMs);
    return false;
  }

  #start(input: Buffer, headEnd: number): void {
    const route = this.#context.router.route(parsed.host);
    const exchange = this.#exchange;
    if (route instanceof PlatformError) {
      exchange.requestId = this.#context.ids.next().slice(0, 32);
      this.#input = input.subarray(headEnd);
      return this.#answer(route);
    }
    const { spec } = route;
    const headBytes = writeForwardedHead(scratch, input, parsed, this.#peer, this.#context.ids);
    exchange.pool = route;
    exchange.requestId = parsed.requestId;
    if (parsed.contentLength > spec.limits.bodyBytesMax) {
      this.#input = input.subarray(headEnd);
      return this.#answer(
        new PlatformError("REQUEST_BODY_TOO_LARGE", [spec.app, spec.limits.bodyBytesMax]),
      );
    }
    // A short body that has come whole travels in the same frame.
    const bodyEnd = headEnd + Math.max(parsed.contentLength, 0);
    const isWhole =
      !parsed.isChunked && bodyEnd <= input.length && bodyEnd - headEnd <= dataBytesMax;
    let flags = parsed.wantsWebSocket ? FLAG_UPGRADE : 0;
    if (isWhole) {
      flags |= FLAG_END;
      this.#body.begin(-1, false);
      input.copy(scratch, headBytes, headEnd, bodyEnd);
      this.#input = input.subarray(bodyEnd);
    } else {
      if (parsed.expectsContinue && input.length === headEnd) this.#writeInterim(100, "Continue");
      this.#input = input.subarray(headEnd);
    }
    this.#deadline(holdTimeoutMs);
    const bodyBytes = isWhole ? bodyEnd - headEnd : 0;
    route.submit(exchange, {
      buffer: scratch,
      headStart: 0,
      headEnd: headBytes,
      bodyStart: headBytes,
      bodyEnd: headBytes + bodyBytes,
      flags,
    });
    if (!this.#body.isDone && this.#state === "exchange") this.#readBody();
  }

  #nextRequest(): void {
    this.#state = "head";
    this.#deadline(keepAliveTimeoutMs);
    this.#resume();
    if (this.#input.length === 0) return;
    // An answer that was given at once would make this a recursion as deep as the pipeline.
    queueMicrotask(() => {
      if (this.#state === "head") this.#readRequests();
    });
  }

  /** An answer of the platform's own to a request whose framing is understood. */
  #answer(error: PlatformError): void {
    if (this.#body.isDone || parsed.expectsContinue) this.#keepAlive &&= this.#body.isDone;
    this.#exchange.fail(error);
    if (this.#state === "exchange" && !this.#body.isDone) this.#readBody();
  }

  /** An answer of the platform's own after which nothing on this connection can be trusted. */
  #refuse(error: PlatformError): void {
    this.#state = "exchange";
    this.#keepAlive = false;
    this.#exchange.requestId ||= this.#context.ids.next().slice(0, 32);
    this.#exchange.fail(error);
  }

  // --- private: bodies ---

  /** Passes on what has come of the request's body, as far as the wire takes it. */
  #readBody(): void {
    const exchange = this.#exchange;
    if (this.#body.isDone) return this.#keepPipelined();
    if (exchange.channel === null && !this.#answered) {
      // Held: the body waits with the client.
      if (this.#input.length > pipelinedBytesMax) this.#pause();
      return;
    }
    let problem: PlatformError | null;
    try {
      problem = this.#passBody();
    } catch (error) {
      this.#keepAlive = false;
      problem = new PlatformError("REQUEST_MALFORMED", [(error as Error).message]);
    }
    if (problem !== null) {
      this.#keepAlive = false;
      if (this.#answered) return this.close();
      return exchange.fail(problem);
    }
    if (this.#state !== "exchange") return;
    if (this.#body.isDone) {
      this.#resume();
      if (this.#answered) return this.#nextRequest();
      exchange.sendEnd();
      return this.#keepPipelined();
    }
    if (this.#input.length > 0 && this.#body.isBlocked) this.#pause();
    else this.#resume();
  }

  /** Returns an error when the body is longer than the app allows or than is worth reading away. */
  #passBody(): PlatformError | null {
    const exchange = this.#exchange;
    const sink = this.#answered
      ? (_buffer: Buffer, start: number, end: number) => end - start
      : (buffer: Buffer, start: number, end: number) => exchange.send(buffer, start, end);
    const before = this.#input.length;
    const taken = this.#body.read(this.#input, sink);
    this.#input = taken === before ? nothing : this.#input.subarray(taken);
    if (taken > 0 && !this.#answered && !exchange.headSent) {
      this.#deadline(
        this.#body.isDone
          ? exchange.pool!.spec.limits.requestTimeoutMs
          : exchange.pool!.spec.limits.streamIdleMs,
      );
    }
    if (this.#answered) {
      return this.#body.discardedBytes > unreadBodyBytesMax
        ? new PlatformError("INTERNAL", [])
        : null;
    }
    const { app, limits } = exchange.pool!.spec;
    if (this.#body.bytes <= limits.bodyBytesMax) return null;
    return new PlatformError("REQUEST_BODY_TOO_LARGE", [app, limits.bodyBytesMax]);
  }

  /** Later requests wait their turn; a client that sends too many of them is not read. */
  #keepPipelined(): void {
    if (this.#input.length > pipelinedBytesMax) this.#pause();
  }

  #pumpTunnel(): void {
    const taken = this.#exchange.send(this.#input, 0, this.#input.length);
    if (taken === this.#input.length) {
      this.#input = nothing;
      this.#resume();
      if (this.#inputEnded) this.#exchange.sendEnd();
      return;
    }
    this.#input = this.#input.subarray(taken);
    this.#pause();
  }

  // --- private: socket ---

  #probe(nextTimeoutMs: number): void {
    this.#wasProbed = true;
    if (!this.#exchange.isHttp10) this.#writeInterim(102, "Processing");
    this.#deadline(nextTimeoutMs);
  }

  #writeInterim(status: number, reason: string): void {
    const interim = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n\r\n`, "latin1");
    this.#writer.write(interim, 0, interim.length);
  }

  /** The last answer is given: the client reads it and closes, or its time is over. */
  #linger(): void {
    if (this.#state === "closed") return;
    this.#exchange.drop();
    this.#state = "lingering";
    this.#input = nothing;
    this.#resume();
    this.#deadline(lingerTimeoutMs);
    if (this.#writer.unsentBytes > 0) return;
    this.#socket.end();
    if (this.#inputEnded) this.close();
  }

  #deadline(afterMs: number): void {
    this.deadlineMs = this.#context.deadlines.nowMs + afterMs;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }
}

function errorOf(problem: HeadProblem): PlatformError {
  switch (problem.code) {
    case "malformed":
      return new PlatformError("REQUEST_MALFORMED", [problem.what]);
    case "targetTooLong":
      return new PlatformError("REQUEST_TARGET_TOO_LONG", [targetBytesMax]);
    case "tooManyHeaders":
      return new PlatformError("REQUEST_HEAD_TOO_LARGE", [headBytesMax]);
    case "method":
      return new PlatformError("METHOD_NOT_SUPPORTED", [problem.method]);
    case "version":
      return new PlatformError("PROTOCOL_VERSION_UNKNOWN", [problem.version]);
    case "expectation":
      return new PlatformError("EXPECTATION_UNKNOWN", [problem.value]);
  }
}
