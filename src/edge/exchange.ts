/**
 * One request and its response at the edge: takes what the wire brings and writes HTTP/1.x to the client.
 *
 *   idle ──begin()──▶ held ──onOpen──▶ open ──head──▶ streaming ──▶ idle
 *                       │                └──TUNNEL──▶ tunnel ──▶ idle
 *                       └── verdict ──▶ idle
 *
 * A connection has one exchange object and uses it for its requests one after the other.
 */
import { STATUS_CODES } from "node:http";
import { PlatformError } from "../base/errors.ts";
import {
  ClientStream,
  type Destination,
  HAS_DATE,
  HAS_REQUEST_ID,
  ResetReason,
} from "../router/destination.ts";
import { type EdgeContext, scratch } from "./edge-context.ts";
import type { ResponseWriter } from "./response-writer.ts";
import { verdictPage } from "./verdict-page.ts";

/** How the client learns where the body ends. */
type Framing = "none" | "length" | "chunked" | "close";

/** What the connection does for its exchange. */
export interface ExchangeHost {
  /** An instance has the request; its body may be sent. */
  onOpen(): void;
  /** More of the request's body may be sent. */
  onWindow(): void;
  /** Whether the connection may serve another request after this one; asked when the head is written. */
  keepsAlive(): boolean;
  /** Something came from the app: the response is not stalled. */
  onProgress(): void;
  /** The request was upgraded. */
  onTunnel(): void;
  /** The response has been written completely. */
  onComplete(): void;
  /** The response cannot be completed: the client must see a broken connection. */
  abort(): void;
}

export class Exchange extends ClientStream {
  readonly #context: EdgeContext;
  readonly #host: ExchangeHost;
  readonly #writer: ResponseWriter;

  /** Where the request went, or null before it was routed. */
  pool: Destination | null = null;
  method = "";
  target = "";
  requestId = "";
  accept = "";
  isHttp10 = false;
  /** The response's head has been written. */
  headSent = false;
  #framing: Framing = "none";
  /** Body bytes that the client still expects. */
  #leftBytes = 0;
  /** Body bytes from the wire that have not left yet. */
  #heldBytes = 0;

  constructor(context: EdgeContext, host: ExchangeHost, writer: ResponseWriter) {
    super();
    this.#context = context;
    this.#host = host;
    this.#writer = writer;
  }

  /** Starts anew for the next request. */
  begin(method: string, target: string, accept: string, isHttp10: boolean): void {
    this.pool = null;
    this.method = method;
    this.target = target;
    this.requestId = "";
    this.accept = accept;
    this.isHttp10 = isHttp10;
    this.headSent = false;
    this.#framing = "none";
    this.#leftBytes = 0;
    this.#heldBytes = 0;
  }

  /** The client is gone or the answer is given: whoever works on it is told. Twice is safe. */
  drop(): void {
    this.pool?.cancel(this);
    this.pool = null;
  }

  /** Answers with an error of the catalogue; breaks the connection when a response has already begun. */
  fail(error: PlatformError): void {
    this.#record(error);
    const wasSent = this.headSent;
    this.drop();
    if (wasSent) return this.#host.abort();
    const { status, block, body } = verdictPage(error, this.requestId, this.accept);
    const isHead = this.method === "HEAD";
    this.headSent = true;
    const bytes = Buffer.byteLength(body);
    let at = scratch.latin1Write(`${statusLine(status, "")}${block}${this.#requestIdLine()}`, 0);
    at += scratch.latin1Write(
      `${this.#context.date.line}content-length: ${bytes}\r\n${this.#connectionLine()}\r\n`,
      at,
    );
    if (!isHead) at += scratch.utf8Write(body, at);
    this.#writer.write(scratch, 0, at);
    this.#host.onComplete();
  }

  /** Everything the writer kept has left: the app may send as much again. */
  onDrained(): void {
    if (this.#heldBytes === 0) return;
    const bytes = this.#heldBytes;
    this.#heldBytes = 0;
    this.granted(bytes);
  }

  // --- what the wire brings ---

  override onOpen(): void {
    this.#host.onOpen();
  }

  override onWindow(): void {
    this.#host.onWindow();
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
    const bodyBytes = bodyEnd - bodyStart;
    const hasNoBody = this.method === "HEAD" || status === 204 || status === 304;
    const length = ended && !hasNoBody ? bodyBytes : contentLength;
    this.headSent = true;
    this.#framing = this.#framingOf(hasNoBody, length);
    this.#leftBytes = length - bodyBytes;

    let at = scratch.latin1Write(statusLine(status, reason), 0);
    at += buffer.copy(scratch, at, blockStart, blockEnd);
    let lines = this.#requestIdLine();
    if ((this.foundLines & HAS_DATE) === 0) lines += this.#context.date.line;
    if (this.#framing === "chunked") lines += "transfer-encoding: chunked\r\n";
    else if (length >= 0 && status !== 204) lines += `content-length: ${length}\r\n`;
    at += scratch.latin1Write(`${lines}${this.#connectionLine()}\r\n`, at);
    if (bodyBytes > 0 && !hasNoBody) at = this.#putBody(at, buffer, bodyStart, bodyEnd);
    if (ended && this.#framing === "chunked") at += scratch.latin1Write("0\r\n\r\n", at);
    this.#writer.write(scratch, 0, at);
    if (ended) return this.#complete();
    this.#hold(bodyBytes);
    this.#host.onProgress();
  }

  override onData(buffer: Buffer, start: number, end: number, ended: boolean): void {
    const bytes = end - start;
    if (this.isTunnel) {
      if (bytes > 0) this.#writer.write(buffer, start, end);
      this.#hold(bytes);
      if (ended) this.#host.onComplete();
      return;
    }
    if (this.#framing === "length") {
      this.#leftBytes -= bytes;
      if (this.#leftBytes < 0 || (ended && this.#leftBytes > 0)) {
        return this.fail(
          this.#invalid("its body does not have the length that its content-length says"),
        );
      }
    }
    if (this.#framing !== "none") {
      let at = 0;
      if (bytes > 0) at = this.#putBody(0, buffer, start, end);
      if (ended && this.#framing === "chunked") at += scratch.latin1Write("0\r\n\r\n", at);
      if (at > 0) this.#writer.write(scratch, 0, at);
    }
    if (ended) return this.#complete();
    this.#hold(bytes);
    this.#host.onProgress();
  }

  override onTunnel(buffer: Buffer, start: number, end: number): void {
    this.headSent = true;
    this.#writer.write(buffer, start, end);
    this.#host.onTunnel();
  }

  override onReset(reason: number, text: string): void {
    const app = this.pool?.spec.app ?? "";
    if (reason === ResetReason.HANDLER_THREW) {
      this.fail(new PlatformError("APP_THREW", [app], { cause: new Error(text) }));
    } else if (this.isTunnel) {
      this.#host.abort();
    } else {
      this.fail(this.#invalid(text));
    }
  }

  override onLost(error: PlatformError): void {
    if (this.isTunnel) return this.#host.abort();
    this.fail(error);
  }

  // --- private ---

  #invalid(what: string): PlatformError {
    return new PlatformError("APP_RESPONSE_INVALID", [this.pool?.spec.app ?? "", what]);
  }

  #framingOf(hasNoBody: boolean, length: number): Framing {
    if (hasNoBody) return "none";
    if (length >= 0) return "length";
    return this.isHttp10 ? "close" : "chunked";
  }

  /** Puts body bytes into the scratch, framed. Returns where they end. */
  #putBody(start: number, buffer: Buffer, from: number, to: number): number {
    let at = start;
    if (this.#framing === "chunked")
      at += scratch.latin1Write(`${(to - from).toString(16)}\r\n`, at);
    at += buffer.copy(scratch, at, from, to);
    if (this.#framing === "chunked") at += scratch.latin1Write("\r\n", at);
    return at;
  }

  #requestIdLine(): string {
    if (this.requestId === "" || (this.foundLines & HAS_REQUEST_ID) !== 0) return "";
    return `x-request-id: ${this.requestId}\r\n`;
  }

  #connectionLine(): string {
    // A body that only the end of the connection ends leaves no choice.
    if (this.#framing === "close" || !this.#host.keepsAlive()) return "connection: close\r\n";
    return this.isHttp10 ? "connection: keep-alive\r\n" : "";
  }

  /** Lets the app send on only when the client has taken what it sent. */
  #hold(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#writer.unsentBytes === 0) this.onDrained();
  }

  #complete(): void {
    this.pool = null;
    this.#host.onComplete();
  }

  #record(error: PlatformError): void {
    if (error.status >= 500) this.#context.counters.verdicts += 1;
    if (this.pool === null) return;
    const { app, number } = this.pool.spec;
    this.#context.log.write({
      time: new Date(this.#context.clock.wallMs()).toISOString(),
      app,
      version: number,
      instance: null,
      stream: "platform",
      requestId: this.requestId,
      event: "verdict",
      message: error.message,
      fields: {
        code: error.code,
        status: error.status,
        method: this.method,
        target: this.target.slice(0, 500),
        ...(error.cause === undefined ? {} : { cause: error.toBody().cause }),
      },
    });
  }
}

const STATUS_LINES = new Map<number, string>();

function statusLine(status: number, reason: string): string {
  if (reason !== "") return `HTTP/1.1 ${status} ${reason}\r\n`;
  let line = STATUS_LINES.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    STATUS_LINES.set(status, line);
  }
  return line;
}
