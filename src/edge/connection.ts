/**
 * One client connection: reads requests, one after the other, and hands each to its exchange.
 *
 *   head ──parsed──▶ exchange ──complete──▶ head …             keep-alive; request hooks are a part of the exchange
 *                       │  └──complete──▶ discarding ──▶ head  the rest of the request's body is read away
 *                       └──TUNNEL──▶ tunnel                    bytes both ways
 *   any of them ──last answer given──▶ lingering ──▶ closed    FIN is sent; what still comes is read away
 *
 * Requests that were sent ahead (pipelined) wait in the input, which is bounded: beyond it the client is not read. The
 * next request is read when the answer before it has left.
 */
import type { Deadlined } from "../base/deadlines.ts";
import { PlatformError } from "../base/errors.ts";
import { BodyReader, type BodySink, discard } from "../http/body-reader.ts";
import { ClientSocket, type RawSocket } from "../http/client-socket.ts";
import { isTokenRequestId, parseHead, problemOfUnfinishedHead } from "../http/head-parser.ts";
import { endOfHead, nothing, rest } from "../http/input.ts";
import { headBytesMax } from "../http/limits.ts";
import { malformed } from "../http/malformed.ts";
import { ParsedHead, parsed } from "../http/parsed-head.ts";
import { holdTimeoutMs } from "../router/destination.ts";
import type { Route } from "../router/router.ts";
import { answerWithFile } from "./asset-answer.ts";
import { type Awaited, bodyTooLarge, errorOfTimeout } from "./connection-errors.ts";
import type { EdgeContext } from "./edge-context.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import type { Peer } from "./forwarded-head.ts";
import { type HookHost, HookRun } from "./hook-run.ts";
import * as limits from "./limits.ts";
import { requestStart } from "./request-start.ts";

type State = "head" | "exchange" | "discarding" | "tunnel" | "lingering" | "closed";

export class Connection implements Deadlined, ExchangeHost, HookHost {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #context: EdgeContext;
  readonly #socket: ClientSocket;
  readonly #peer: Peer;
  readonly #exchange: Exchange;
  readonly #body = new BodyReader();
  readonly #send: BodySink = (buffer, start, end) => this.#exchange.send(buffer, start, end);
  #state: State = "head";
  #awaited: Awaited = "request";
  #input: Buffer = nothing;
  /** `#readRequests` is on the stack. */
  #isReading = false;
  #keepAlive = true;
  /** The client waits for an interim response before it sends its body. */
  #owesContinue = false;
  /** The client has said that it will send no more. */
  #inputEnded = false;
  #streamIdleMs = limits.clientIdleTimeoutMs;

  constructor(context: EdgeContext, socket: RawSocket, peer: Peer) {
    this.#context = context;
    this.#socket = new ClientSocket(socket);
    this.#peer = peer;
    this.#exchange = new Exchange(context, this, this.#socket, peer);
    this.#await("head", limits.headTimeoutMs);
    context.deadlines.add(this);
  }

  // --- what the edge says ---

  /** The node is going down: an idle connection ends now, another one with its answer. */
  drain(): void {
    if (this.#state === "head" && this.#input.length === 0) this.#linger();
  }

  /** Answers before anything was asked, and ends. */
  refuse(error: PlatformError): void {
    this.#exchange.begin(new ParsedHead());
    this.#refuse(error);
  }

  /** Closes at once; the client sees that it was broken off. */
  abort(): void {
    this.#socket.reset();
    this.onClose();
  }

  // --- what the socket says ---

  onData(chunk: Buffer): void {
    if (this.#state === "lingering" || this.#state === "closed") return;
    // The chunk is the socket's; what is left of it in the end is ours to keep.
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    const whole = this.#input;
    this.#readInput();
    if (this.#input.length > 0 && whole === chunk) this.#input = Buffer.from(this.#input);
    // Later requests wait their turn; a client that sends too many of them is not read.
    if (this.#input.length > limits.pipelinedBytesMax) this.#socket.pause();
  }

  onDrain(): void {
    const hasLeft = this.#socket.drain();
    const isReading = this.#awaited === "reading";
    // However slowly it reads, it does.
    if (isReading || this.#awaited === "stream") this.#await(this.#awaited, this.#streamIdleMs);
    if (!hasLeft) return;
    this.#exchange.onDrained();
    if (this.#state === "lingering") this.#finish();
    else if (this.#state === "tunnel") this.deadlineMs = Number.POSITIVE_INFINITY;
    else if (this.#state === "head" && isReading) this.#awaitRequest();
  }

  /** The client will send no more; it may still read (RFC 9112, 9.6), so an answer under way is given. */
  onEnd(): void {
    if (this.#state === "closed") return;
    this.#inputEnded = true;
    this.#readInput();
    if (this.#state === "exchange" && this.#body.isDone) this.#exchange.armProbe();
  }

  /** The socket is gone, for whatever reason. Twice is safe. */
  onClose(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#exchange.drop();
    this.#socket.forget();
    this.#input = nothing;
    this.#context.deadlines.remove(this);
    this.#context.onClosed(this);
  }

  onDeadline(): void {
    if (this.#state === "discarding") return this.#linger();
    // Whatever is waited for, the client holds it up.
    if (this.#socket.unsentBytes > 0) return this.abort();
    if (this.#awaited === "hook") return this.#exchange.hooked?.expire();
    if (this.#state === "lingering") {
      this.#socket.close();
      return this.onClose();
    }
    const error = errorOfTimeout(this.#awaited, this.#streamIdleMs, this.#exchange.pool);
    const isHead = this.#state === "head";
    if (error === null || (isHead && this.#input.length === 0)) return this.#linger();
    if (isHead) return this.refuse(error);
    // Where the next request begins will never be known.
    if (this.#awaited === "body") this.#keepAlive = false;
    this.#exchange.fail(error);
  }

  // --- what the exchange and its hooks say ---

  onOpen(): void {
    if (this.#owesContinue && this.#input.length === 0) this.#exchange.writeContinue();
    this.#owesContinue = false;
    this.#awaitApp();
    if (!this.#body.isDone) this.#sendBody();
  }

  onWindow(): void {
    if (this.#state === "tunnel") this.#pumpTunnel();
    else if (this.#state === "exchange") this.#sendBody();
  }

  keepsAlive(): boolean {
    if (!this.#keepAlive || this.#context.isDraining) return false;
    if (this.#inputEnded && this.#input.length === 0) return false;
    // A client that still waits to be asked for its body may send it or not; a long body is not worth reading away.
    return !this.#owesContinue && this.#body.declaredBytes <= limits.unreadBodyBytesMax;
  }

  onProgress(): void {
    if (this.#state === "exchange") this.#await("stream", this.#streamIdleMs);
    else if (this.#socket.unsentBytes > 0 && this.deadlineMs === Number.POSITIVE_INFINITY) {
      this.#await("reading", this.#streamIdleMs);
    }
  }

  onTunnel(): void {
    this.#state = "tunnel";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#pumpTunnel();
  }

  onComplete(): void {
    if (this.#state === "tunnel" || this.#exchange.endsWithConnection || !this.keepsAlive()) {
      return this.#linger();
    }
    if (this.#body.isDone) return this.#nextRequest();
    this.#state = "discarding";
    this.#body.bytes = 0;
    this.#socket.resume();
    this.#await("close", limits.lingerTimeoutMs);
    this.#discardBody();
  }

  awaitHook(ms: number): void {
    this.#await("hook", ms);
  }

  passHooks(source: Buffer, head: ParsedHead, isLate: boolean): void {
    this.#submit(this.#context.router.route(head.host), source, head);
    if (isLate && this.#input.length <= limits.pipelinedBytesMax) this.#socket.resume();
  }

  // --- private: requests ---

  #readInput(): void {
    switch (this.#state) {
      case "head":
        return this.#readRequests();
      case "exchange":
        return this.#sendBody();
      case "discarding":
        return this.#discardBody();
      case "tunnel":
        return this.#pumpTunnel();
      default:
    }
  }

  /** Reads requests as long as each is answered at once, without recursion. */
  #readRequests(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#state === "head" && this.#socket.unsentBytes === 0 && this.#readHead());
    this.#isReading = false;
  }

  /** Reads one head and starts its exchange. Returns false when more bytes are needed. */
  #readHead(): boolean {
    // RFC 9112, 2.2: an empty line before a request line is ignored.
    let at = 0;
    while (this.#input[at] === 0x0d && this.#input[at + 1] === 0x0a) at += 2;
    if (at > 0) this.#input = this.#input.subarray(at);
    const input = this.#input;
    const end = endOfHead(input);
    if (end < 4 || end > headBytesMax) return this.#waitForHead();
    const problem = parseHead(input, 0, end, parsed);
    this.#exchange.begin(parsed);
    this.#state = "exchange";
    this.#context.counters.requests += 1;
    if (problem !== null) this.#refuse(problem);
    else this.#start(input);
    return true;
  }

  #waitForHead(): false {
    const problem = problemOfUnfinishedHead(this.#input);
    if (problem !== null) this.refuse(problem);
    else if (this.#inputEnded && this.#input.length === 0) this.#linger();
    else if (this.#inputEnded) this.refuse(malformed("a head that ends early"));
    else if (this.#awaited === "request" && this.#input.length > 0) {
      this.#await("head", limits.headTimeoutMs);
    }
    return false;
  }

  #start(input: Buffer): void {
    const exchange = this.#exchange;
    const route = this.#context.router.route(parsed.host);
    const { hooks, trace } = this.#context;
    trace.next();
    if (isTokenRequestId(parsed.requestId)) exchange.id.set(parsed.requestId);
    else exchange.id.take(trace);
    this.#keepAlive = parsed.keepAlive;
    this.#body.begin(parsed.contentLength, parsed.isChunked);
    this.#input = rest(input, parsed.end);
    this.#owesContinue = parsed.expectsContinue && !this.#body.isDone && this.#input.length === 0;
    if (hooks === null) return this.#submit(route, input, parsed);
    new HookRun(hooks, exchange, this, route, parsed, input, this.#peer, trace).start();
  }

  #submit(route: Route, source: Buffer, head: ParsedHead): void {
    const exchange = this.#exchange;
    this.#streamIdleMs = limits.clientIdleTimeoutMs;
    if (route instanceof PlatformError) return exchange.fail(route);
    exchange.pool = route;
    const { spec } = route;
    this.#streamIdleMs = spec.limits.streamIdleMs;
    if (head.contentLength > spec.limits.bodyBytesMax) return exchange.fail(bodyTooLarge(route));
    if (spec.assets !== null) {
      this.#await("answer", spec.limits.requestTimeoutMs);
      if (answerWithFile(this.#context, exchange, source, head)) return this.#armIfEnded();
    }
    const { trace } = this.#context;
    const start = requestStart(source, head, this.#peer, trace, exchange, this.#input);
    const bodyBytes = start.bodyEnd - start.bodyStart;
    if (bodyBytes > 0) {
      this.#body.begin(-1, false);
      this.#input = rest(this.#input, bodyBytes);
    }
    this.#await("instance", holdTimeoutMs);
    route.submit(exchange, start);
    this.#armIfEnded();
  }

  #armIfEnded(): void {
    if (this.#inputEnded && this.#state === "exchange") this.#exchange.armProbe();
  }

  #nextRequest(): void {
    if (this.#context.isDraining) return this.#linger();
    this.#state = "head";
    this.#socket.resume();
    if (this.#socket.unsentBytes > 0) this.#await("reading", this.#streamIdleMs);
    else this.#awaitRequest();
  }

  #awaitRequest(): void {
    this.#await("request", limits.keepAliveTimeoutMs);
    if (this.#input.length > 0 || this.#inputEnded) this.#readRequests();
  }

  /** An answer of the platform's own after which nothing on this connection can be trusted. */
  #refuse(error: PlatformError): void {
    this.#state = "exchange";
    this.#context.trace.next();
    this.#exchange.id.take(this.#context.trace);
    this.#failForGood(error);
  }

  #failForGood(error: PlatformError): void {
    this.#keepAlive = false;
    this.#exchange.fail(error);
  }

  // --- private: bodies ---

  /** Passes on what has come of the request's body, as far as the wire takes it. */
  #sendBody(): void {
    const exchange = this.#exchange;
    // While the request is held, its body waits with the client.
    if (this.#body.isDone || exchange.channel === null) return;
    if (!this.#readBody(this.#send)) return;
    const route = exchange.pool!;
    const { bodyBytesMax } = route.spec.limits;
    if (this.#body.bytes > bodyBytesMax) return this.#failForGood(bodyTooLarge(route));
    if (this.#body.isDone) exchange.sendEnd();
    else if (this.#inputEnded && !this.#body.isBlocked) {
      return this.#failForGood(malformed("a body that ends early"));
    }
    if (this.#body.isBlocked || this.#input.length > limits.pipelinedBytesMax) this.#socket.pause();
    else this.#socket.resume();
    this.#awaitApp();
  }

  #discardBody(): void {
    if (!this.#readBody(discard)) return;
    if (this.#body.isDone) return this.#nextRequest();
    if (this.#inputEnded || this.#body.bytes > limits.unreadBodyBytesMax) this.#linger();
  }

  /** Returns false when the body is malformed; the connection has then been dealt with. */
  #readBody(sink: BodySink): boolean {
    try {
      this.#input = rest(this.#input, this.#body.read(this.#input, sink));
      return true;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (this.#state === "discarding") this.#linger();
      else this.#failForGood(error);
      return false;
    }
  }

  /** Says what is waited for while an instance has the request. */
  #awaitApp(): void {
    if (this.#exchange.hooked?.isWaiting) return;
    if (this.#exchange.headSent) this.#await("stream", this.#streamIdleMs);
    else if (this.#body.isDone || this.#body.isBlocked) {
      this.#await("answer", this.#exchange.pool!.spec.limits.requestTimeoutMs);
    } else this.#await("body", this.#streamIdleMs);
  }

  #pumpTunnel(): void {
    const taken = this.#exchange.send(this.#input, 0, this.#input.length);
    this.#input = rest(this.#input, taken);
    if (this.#input.length > 0) return this.#socket.pause();
    this.#socket.resume();
    if (this.#inputEnded) this.#exchange.sendEnd();
  }

  // --- private: the end ---

  /** The last answer is given: the client reads it and closes, or its time is over. */
  #linger(): void {
    if (this.#state === "lingering" || this.#state === "closed") return;
    this.#exchange.drop();
    this.#state = "lingering";
    this.#input = nothing;
    this.#socket.resume();
    if (this.#socket.unsentBytes > 0) this.#await("reading", this.#streamIdleMs);
    else this.#finish();
  }

  #finish(): void {
    this.#await("close", limits.lingerTimeoutMs);
    this.#socket.finish();
  }

  #await(awaited: Awaited, ms: number): void {
    this.#awaited = awaited;
    this.deadlineMs = this.#context.deadlines.after(ms);
  }
}
