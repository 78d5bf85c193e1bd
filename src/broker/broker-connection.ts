/**
 * One connection to the broker: reads requests, one after the other, and hands each to what answers it.
 *
 *   head ──poll──▶ held …                          by the core (`held-poll.ts`)
 *     ├──dispatch──▶ body ──▶ held …               by the core (`held-dispatch.ts`)
 *     ├──anything else, perhaps body──▶ head …     answered at once
 *     │         held ──answered──▶ head …
 *     │         held ──client gone──▶ closed
 *   any of them ──last answer given──▶ lingering ──▶ closed      FIN is sent; what still comes is read away
 *
 * A client that sends FIN while it waits has gone: runners never do so otherwise, and to a supervisor no answer is as good as
 * "no". What is too slow is closed without an answer, for it may be a runner, and any answer but a 2xx would end that.
 */
import type { Deadlined } from "../base/deadlines.ts";
import { invariant, PlatformError } from "../base/errors.ts";
import { ClientSocket, type RawSocket } from "../http/client-socket.ts";
import { parseHead, problemOfUnfinishedHead } from "../http/head-parser.ts";
import { endOfHead, nothing, rest } from "../http/input.ts";
import { headBytesMax } from "../http/limits.ts";
import { malformed } from "../http/malformed.ts";
import { parsed } from "../http/parsed-head.ts";
import { HeldDispatch } from "./held-dispatch.ts";
import { HeldPoll } from "./held-poll.ts";
import { connectAnswer, healthAnswer, isAdmitted } from "./immediate-answers.ts";
import { IncomingBody } from "./incoming-body.ts";
import * as limits from "./limits.ts";
import { noRedirect, readRedirectQuery } from "./redirect-query.ts";
import { allowLine, errorAnswer, kindOf, pathOf, queryOf, type Side } from "./requests.ts";
import type { ServerContext } from "./server-context.ts";

type State = "head" | "body" | "held" | "lingering" | "closed";

const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

export class BrokerConnection implements Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly context: ServerContext;
  readonly socket: ClientSocket;
  /** Of the other side. Without a port. */
  readonly address: string;
  readonly #side: Side;
  #state: State = "head";
  #input: Buffer = nothing;
  /** No request's body was taken out of it yet. */
  #isFirstOfChunk = true;
  /** `#readRequests` is on the stack. */
  #isReading = false;
  #keepAlive = true;
  /** The deadline is that of a head that has begun. */
  #isInHead = true;
  /** Made with the first request of their kind. */
  #poll: HeldPoll | null = null;
  #dispatch: HeldDispatch | null = null;
  #body: IncomingBody | null = null;
  /** For whom the body is. */
  #target = "";
  #isForDispatch = false;

  constructor(context: ServerContext, socket: RawSocket, side: Side, address: string) {
    this.context = context;
    this.socket = new ClientSocket(socket);
    this.address = address;
    this.#side = side;
    this.#await(limits.headTimeoutMs);
    context.deadlines.add(this);
  }

  // --- what the server says ---

  /** Goes on with what came while something else was answered. */
  resume(): void {
    this.#readRequests();
  }

  /** Breaks it off. Twice is safe. */
  abort(): void {
    if (this.#state === "closed") return;
    this.socket.reset();
    this.onClose(false);
  }

  /** There is no request on it, nor an answer that has not left. */
  get isIdle(): boolean {
    const isBusy = this.#state === "held" || this.#state === "body";
    return !isBusy && this.socket.unsentBytes === 0;
  }

  // --- what the socket says ---

  onData(chunk: Buffer): void {
    if (this.#input.length === 0) {
      if (this.#state === "head" && this.#takeKnown(chunk)) return;
      this.#input = chunk;
      this.#isFirstOfChunk = true;
    } else this.#input = Buffer.concat([this.#input, chunk]);
    this.#readInput();
  }

  onDrain(): void {
    const hasLeft = this.socket.drain();
    // However slowly it reads, it does.
    if (!hasLeft) return this.#await(limits.readingTimeoutMs);
    if (this.#state === "lingering") this.#finish();
    else if (this.#state === "head") {
      this.#awaitRequest();
      this.#readRequests();
    }
  }

  /** The client sends no more. */
  onEnd(): void {
    const isAnswered = this.#state === "head" || this.#state === "lingering";
    // It may still read what it is owed (RFC 9112, 9.6).
    if (isAnswered && this.socket.unsentBytes > 0) this.#linger();
    else this.end();
  }

  /** The socket is gone, for whatever reason. Twice is safe. @param isReset the client has broken it off */
  onClose(isReset: boolean): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.context.deadlines.remove(this);
    this.context.onClosed(this);
    this.#poll?.onClose(isReset);
    this.#dispatch?.onClose();
    this.#poll = null;
    this.#dispatch = null;
    this.#body?.release();
    this.#body = null;
    this.socket.forget();
    this.#input = nothing;
  }

  onDeadline(): void {
    const isMidway = this.#state === "body" || (this.#state === "head" && this.#input.length > 0);
    const isUnread = this.socket.unsentBytes > 0;
    if (isMidway || isUnread) this.context.counts.tooSlow += 1;
    if (isUnread) this.abort();
    else this.end();
  }

  // --- what those who answer say ---

  /** From now on the request is held; the client may take its time. */
  hold(): void {
    this.#state = "held";
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Its answer is about to be sent. Returns whether it is the last one. */
  release(): boolean {
    invariant(this.#state === "held", "a held request is answered once");
    this.#state = "head";
    return !this.#keepAlive;
  }

  /** No request is read after this answer. */
  beLast(): void {
    this.#keepAlive = false;
  }

  /** An answer was given to the socket whole. */
  complete(): void {
    if (!this.#keepAlive) return this.#linger();
    this.#awaitRequest();
    // Whose turn it is goes first; what was sent ahead here could answer others, and so on.
    if (this.#input.length > 0 && !this.#isReading) this.context.resumeLater(this);
  }

  /** Sends a whole answer. It is not kept. */
  answer(answer: Buffer): void {
    this.socket.write(answer, 0, answer.length);
    this.complete();
  }

  /** Closes without a further answer. Twice is safe. */
  end(): void {
    if (this.#state === "closed") return;
    this.socket.close();
    this.onClose(false);
  }

  refuse(error: PlatformError, isLast = false, lines = ""): void {
    const { counts, answers } = this.context;
    if (error.code === "BROKER_DISPATCH_REFUSED") counts.unauthorized += 1;
    else if (error.code === "BROKER_DEPLOYMENT_REFUSED") counts.refused += 1;
    else counts.malformed += 1;
    if (isLast) this.beLast();
    this.answer(errorAnswer(answers, error, !this.#keepAlive, lines));
  }

  // --- private: heads ---

  #readInput(): void {
    switch (this.#state) {
      case "head":
        return this.#readRequests();
      case "body":
        return this.#readBody();
      case "held":
        // To read no more would hide that the client goes.
        if (this.#input.length > limits.pipelinedBytesMax) this.abort();
        return;
      default:
        this.#input = nothing;
    }
  }

  /** The head of the request before it, and alone in its chunk: nothing to parse. */
  #takeKnown(chunk: Buffer): boolean {
    if (this.socket.unsentBytes > 0) return false;
    this.#isReading = true;
    const isPoll = this.#poll?.takeIfKnown(chunk) === true;
    const isDispatch = !isPoll && this.#dispatch?.takeIfKnown(chunk) === true;
    if (isDispatch) this.#poll?.confirm();
    this.#isReading = false;
    return isPoll || isDispatch;
  }

  /** Reads requests as long as each is answered at once, without recursion. */
  #readRequests(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#state === "head" && this.socket.unsentBytes === 0 && this.#readHead());
    this.#isReading = false;
  }

  /** Reads one head and starts its request. Returns false when more bytes are needed. */
  #readHead(): boolean {
    // RFC 9112, 2.2: an empty line before a request line is ignored.
    let at = 0;
    while (this.#input[at] === 0x0d && this.#input[at + 1] === 0x0a) at += 2;
    if (at > 0) this.#input = rest(this.#input, at);
    const input = this.#input;
    if (input.length === 0) return false;
    const end = endOfHead(input);
    if (end < 4 || end > headBytesMax) return this.#waitForHead();
    this.context.counts.requests += 1;
    const problem = parseHead(input, 0, end, parsed);
    this.#keepAlive = parsed.keepAlive && !this.context.isDraining;
    if (problem !== null) this.refuse(problem, true);
    else {
      this.#input = rest(input, parsed.end);
      this.#start(input.subarray(0, parsed.end));
    }
    return true;
  }

  #waitForHead(): false {
    const problem = problemOfUnfinishedHead(this.#input);
    if (problem !== null) this.refuse(problem, true);
    else if (!this.#isInHead) {
      this.#isInHead = true;
      this.#await(limits.headTimeoutMs);
    }
    return false;
  }

  /** @param head what `parsed` says was read from it */
  #start(head: Buffer): void {
    const { target, method, contentLength, isChunked } = parsed;
    const hasBody = contentLength > 0 || isChunked;
    const kind = kindOf(this.#side, method, target);
    if (kind instanceof PlatformError) {
      const isMethod = kind.code === "BROKER_METHOD_UNKNOWN";
      return this.refuse(kind, hasBody, isMethod ? allowLine(this.#side, target) : "");
    }
    if (kind === "dispatch" || kind === "operation") {
      this.#poll?.confirm();
      return this.#startGuarded(kind, head);
    }
    if (hasBody) return this.refuse(malformed(`a body in a ${method}`), true);
    if (kind === "poll") return this.#startPoll(head);
    this.#poll?.confirm();
    if (kind === "health") {
      return this.answer(healthAnswer(this.context, method === "HEAD", !this.#keepAlive));
    }
    this.answer(connectAnswer(this.context, this.address, !this.#keepAlive));
  }

  #startPoll(head: Buffer): void {
    this.#poll ??= new HeldPoll(this);
    const error = this.#poll.read(head, parsed);
    if (error === null) this.#poll.start(readRedirectQuery(queryOf(parsed.target)));
    else this.refuse(error);
  }

  #startGuarded(kind: "dispatch" | "operation", head: Buffer): void {
    const { target, method, traceparent } = parsed;
    const query = kind === "dispatch" ? readRedirectQuery(queryOf(target)) : noRedirect;
    const hasBody = parsed.contentLength > 0 || parsed.isChunked;
    if (!isAdmitted(this.context, head, kind, query.voucher)) {
      return this.refuse(new PlatformError("BROKER_DISPATCH_REFUSED", []), hasBody);
    }
    this.#target = pathOf(target);
    this.#isForDispatch = kind === "dispatch";
    if (kind === "dispatch") {
      this.#dispatch ??= new HeldDispatch(this);
      this.#dispatch.read(query, traceparent, query === noRedirect ? head : null);
    } else if (method === "GET") {
      if (hasBody) return this.refuse(malformed("a body in a GET"), true);
      return this.#operate("GET", nothing);
    }
    this.#startBody(this.#isForDispatch ? this.context.bodyBytesMax : limits.controlBytesMax);
  }

  // --- private: bodies ---

  #startBody(bytesMax: number): void {
    const { contentLength, isChunked, expectsContinue } = parsed;
    if (contentLength > bytesMax) {
      return this.#refuseBody(new PlatformError("BROKER_MESSAGE_TOO_LARGE", [bytesMax]));
    }
    const length = Math.max(contentLength, 0);
    if (!isChunked && this.#input.length >= length) {
      const input = this.#input;
      this.#input = rest(input, length);
      const body = input.subarray(0, length);
      // What stands around it in its chunk would be kept as long as it is.
      const isAlone = this.#isFirstOfChunk && this.#input.length <= length;
      this.#isFirstOfChunk = false;
      return this.#take(isAlone ? body : Buffer.from(body));
    }
    this.#body = new IncomingBody(contentLength, isChunked, bytesMax, this.context.room);
    this.#state = "body";
    this.#await(limits.bodyTimeoutMs);
    if (expectsContinue && this.#input.length === 0) {
      this.socket.write(CONTINUE, 0, CONTINUE.length);
    }
    if (this.#input.length > 0) this.#readBody();
  }

  #readBody(): void {
    const body = this.#body!;
    try {
      this.#input = rest(this.#input, body.take(this.#input));
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      return this.#refuseBody(error);
    }
    if (body.isTooLarge) {
      return this.#refuseBody(new PlatformError("BROKER_MESSAGE_TOO_LARGE", [body.bytesMax]));
    }
    if (body.isCrowdedOut) {
      return this.#refuseBody(new PlatformError("BROKER_BUSY", [this.context.room.takenMax]));
    }
    if (!body.isDone) return;
    this.#body = null;
    this.#state = "head";
    const { bytes } = body;
    body.release();
    this.#take(bytes);
    this.#readRequests();
  }

  /** The rest of the body may come; nobody knows where it ends. */
  #refuseBody(error: PlatformError): void {
    this.#body?.release();
    this.#body = null;
    this.#state = "head";
    this.refuse(error, true);
  }

  #take(body: Buffer): void {
    if (this.#isForDispatch) this.#dispatch!.start(body);
    else this.#operate("POST", body);
  }

  #operate(method: string, body: Buffer): void {
    const { operations, answers } = this.context;
    const { status, contentType, body: text } = operations(this.#target, method, body);
    this.answer(answers.text(status, contentType, text, !this.#keepAlive));
  }

  // --- private: the end ---

  /** The last answer is given: the client reads it and closes, or its time is over. */
  #linger(): void {
    if (this.#state === "closed") return;
    this.#state = "lingering";
    this.#input = nothing;
    if (this.socket.unsentBytes > 0) this.#await(limits.readingTimeoutMs);
    else this.#finish();
  }

  #finish(): void {
    this.#await(limits.lingerTimeoutMs);
    this.socket.finish();
  }

  #awaitRequest(): void {
    this.#isInHead = false;
    this.#await(this.socket.unsentBytes > 0 ? limits.readingTimeoutMs : limits.idleTimeoutMs);
  }

  #await(ms: number): void {
    this.deadlineMs = this.context.deadlines.after(ms);
  }
}
