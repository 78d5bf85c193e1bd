/**
 * One request and its response at the edge: takes what the wire brings and writes HTTP/1.x to the client.
 *
 *   begun ──onOpen──▶ open ──head──▶ streaming ──▶ complete
 *     │                 ├──TUNNEL──▶ tunnel ──▶ complete
 *     └── verdict ◀─────┘
 *
 * With request hooks, heads of answers pass through them (`hook-run.ts`) before they are written.
 *
 * A connection has one exchange object and uses it for its requests one after the other.
 */
import { PlatformError } from "../base/errors.ts";
import type { ClientSocket } from "../http/client-socket.ts";
import type { ParsedHead } from "../http/parsed-head.ts";
import {
  ClientStream,
  type Destination,
  HAS_DATE,
  HAS_REQUEST_ID,
  ResetReason,
  WANTS_CLOSE,
} from "../router/destination.ts";
import { statusLine, writeContentLength } from "./answer-lines.ts";
import { type EdgeContext, scratch } from "./edge-context.ts";
import type { Peer } from "./forwarded-head.ts";
import { HalfCloseProbe } from "./half-close-probe.ts";
import type { HookRun } from "./hook-run.ts";
import { batchBytesMax, movedBytesMin } from "./limits.ts";
import { RequestId } from "./request-id.ts";
import { RequestTally } from "./request-tally.ts";
import { verdictPage } from "./verdict-page.ts";
import { verdictRecord } from "./verdict-record.ts";

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
  readonly #socket: ClientSocket;

  /** Where the request went, or null before it was routed. */
  pool: Destination | null = null;
  /** The operator's hooks at work on this request; null without hooks. */
  hooked: HookRun | null = null;
  method = "";
  target = "";
  readonly id = new RequestId();
  readonly tally: RequestTally;
  accept = "";
  isHttp10 = false;
  /** The response's head has been written. */
  headSent = false;
  /** The buffer that its body comes in stays as it is from the body on, also after it was given. */
  isBodyKept = false;
  #framing: Framing = "none";
  /** Body bytes that the client still expects. */
  #leftBytes = 0;
  /** Body bytes from the wire that have not left yet. */
  #heldBytes = 0;
  /** What stands in the scratch and leaves with the next piece. */
  #batchBytes = 0;
  #probe: HalfCloseProbe | null = null;

  constructor(context: EdgeContext, host: ExchangeHost, socket: ClientSocket, peer: Peer) {
    super();
    this.#context = context;
    this.#host = host;
    this.#socket = socket;
    this.tally = new RequestTally(context, peer);
  }

  /** Starts anew for the next request. */
  begin({ method, target, accept, isHttp10, forwardedFor }: ParsedHead): void {
    this.pool = null;
    this.hooked = null;
    this.method = method;
    this.target = target;
    this.id.clear();
    this.accept = accept;
    this.isHttp10 = isHttp10;
    this.headSent = false;
    this.isBodyKept = false;
    this.foundLines = 0;
    this.wake = null;
    this.feed = null;
    this.#framing = "none";
    this.#leftBytes = 0;
    this.#heldBytes = 0;
    this.#batchBytes = 0;
    this.tally.begin(forwardedFor);
  }

  /** The client can only tell by the end of the connection where the body ends, or the app has asked for that end. */
  get endsWithConnection(): boolean {
    return this.#framing === "close" || (this.foundLines & WANTS_CLOSE) !== 0;
  }

  /** The client is gone or the answer is given: whoever works on it is told. Twice is safe. */
  drop(): void {
    this.tally.abort(this);
    this.#release();
  }

  /** Answers with an error of the catalogue; breaks the connection when a response has already begun. */
  fail(error: PlatformError): void {
    // It may come from a timer or a hook.
    this.#context.clock.nowMs();
    this.#record(error);
    this.#release();
    this.tally.code = error.code;
    this.tally.hook = null;
    this.tally.status = error.status;
    if (this.headSent) {
      this.tally.end(this);
      return this.#host.abort();
    }
    const { status, block, body } = verdictPage(error, this.id.text, this.accept);
    if (this.hooked !== null && error.code !== "HOOK_FAILED") {
      return this.answer("platform", status, block, Buffer.from(body));
    }
    this.headSent = true;
    let at = this.#writeStart(status, "", false);
    at = this.id.writeLine(scratch, at);
    const lines = `${block}content-length: ${Buffer.byteLength(body)}\r\n${this.#connectionLine()}\r\n`;
    at += scratch.latin1Write(lines, at);
    const bodyBytes = this.method === "HEAD" ? 0 : scratch.utf8Write(body, at);
    this.tally.sentBytes = bodyBytes;
    this.#socket.write(scratch, 0, at + bodyBytes);
    this.#complete();
  }

  /** Answers a request that has hooks, with header lines and a body that did not come from the app. */
  answer(source: "platform" | "hook", status: number, block: string, body: Buffer): void {
    this.#context.clock.nowMs();
    this.foundLines = 0;
    const blockEnd = block.length;
    const whole = Buffer.concat([Buffer.from(block, "latin1"), body]);
    // Of a 304, the length is that of the answer it stands for.
    const length = status === 304 ? -1 : body.length;
    this.hooked!.respond(
      source,
      status,
      "",
      length,
      whole,
      0,
      blockEnd,
      blockEnd,
      whole.length,
      true,
    );
  }

  /** Everything has left: the app may send as much again. */
  onDrained(): void {
    if (this.#heldBytes === 0) return;
    const bytes = this.#heldBytes;
    this.#heldBytes = 0;
    this.granted(bytes);
  }

  /** The client has said that it will send no more: sees before long whether it is still there. */
  armProbe(): void {
    this.#probe ??= new HalfCloseProbe(this.#context.deadlines, () => this.#writeProbe());
  }

  writeContinue(): void {
    this.#write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  // --- what the wire brings ---

  override send(buffer: Buffer, start: number, end: number): number {
    const taken = super.send(buffer, start, end);
    this.tally.receivedBytes += taken;
    return taken;
  }

  override onOpen(): void {
    this.tally.channel = this.channel;
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
    if (this.hooked !== null && !this.hooked.isAdorned) {
      this.hooked.respond(
        "app",
        status,
        reason,
        contentLength,
        buffer,
        blockStart,
        blockEnd,
        bodyStart,
        bodyEnd,
        ended,
      );
      return;
    }
    const bodyBytes = bodyEnd - bodyStart;
    const hasNoBody = this.method === "HEAD" || status === 204 || status === 205 || status === 304;
    const length = status === 205 ? 0 : ended && !hasNoBody ? bodyBytes : contentLength;
    this.#framing = this.#framingOf(hasNoBody, length);
    this.#leftBytes = length - bodyBytes;
    if (this.#framing === "length" && this.#leftBytes < 0) return this.#failLength();
    this.headSent = true;
    this.tally.status = status;

    let at = this.#writeStart(status, reason, (this.foundLines & HAS_DATE) !== 0);
    if ((this.foundLines & HAS_REQUEST_ID) === 0) at = this.id.writeLine(scratch, at);
    if (this.wake !== null) at += scratch.latin1Write(this.wake.headerLine, at);
    if (blockEnd > blockStart) at += buffer.copy(scratch, at, blockStart, blockEnd);
    if (this.#framing === "chunked") {
      at += scratch.latin1Write("transfer-encoding: chunked\r\n", at);
    } else if (length >= 0 && status !== 204) at = writeContentLength(scratch, at, length);
    at += scratch.latin1Write(this.#connectionLine(), at);
    scratch[at++] = CR;
    scratch[at++] = LF;
    this.#writeBody(at, buffer, bodyStart, bodyEnd, ended, false);
  }

  override onData(buffer: Buffer, start: number, end: number, ended: boolean, more: boolean): void {
    if (this.hooked?.isWaiting) return this.hooked.hold(buffer, start, end, ended);
    this.#leftBytes -= end - start;
    if (this.#framing === "length") {
      // Nothing is written beyond the length: it would be read as the next response.
      if (this.#leftBytes < 0 || (ended && this.#leftBytes > 0)) return this.#failLength();
    }
    this.#writeBody(this.#batchBytes, buffer, start, end, ended, more);
  }

  override onTunnel(buffer: Buffer, start: number, end: number): void {
    this.headSent = true;
    this.#framing = "close";
    this.tally.status = 101;
    this.pool?.traffic.webSocketOpened();
    this.#socket.write(buffer, start, end);
    this.#host.onTunnel();
  }

  override onReset(reason: number, text: string): void {
    if (this.isTunnel) return this.#host.abort();
    if (reason === ResetReason.HANDLER_THREW) {
      this.fail(new PlatformError("APP_THREW", [this.#app], { cause: new Error(text) }));
    } else {
      this.fail(new PlatformError("APP_RESPONSE_INVALID", [this.#app, text]));
    }
  }

  override onLost(error: PlatformError): void {
    if (this.isTunnel) return this.#host.abort();
    this.fail(error);
  }

  // --- private ---

  get #app(): string {
    return this.pool?.spec.app ?? "";
  }

  #failLength(): void {
    const what = "its body does not have the length that its content-length says";
    this.fail(new PlatformError("APP_RESPONSE_INVALID", [this.#app, what]));
  }

  #framingOf(hasNoBody: boolean, length: number): Framing {
    if (hasNoBody) return "none";
    if (length >= 0) return "length";
    return this.isHttp10 ? "close" : "chunked";
  }

  /** Puts body bytes into the scratch behind what is there up to `start`, framed, and sends it unless `more` follows. */
  #writeBody(
    start: number,
    buffer: Buffer,
    from: number,
    to: number,
    ended: boolean,
    more: boolean,
  ): void {
    let at = start;
    if (this.#framing !== "none") this.tally.sentBytes += to - from;
    if (this.#framing === "chunked") {
      if (to > from) {
        at += scratch.latin1Write(`${(to - from).toString(16)}\r\n`, at);
        at += buffer.copy(scratch, at, from, to);
        at += scratch.latin1Write("\r\n", at);
      }
      if (ended) at += scratch.latin1Write("0\r\n\r\n", at);
    } else if (this.#framing !== "none") {
      if (to - from >= movedBytesMin && from >= at) {
        // What stands before a piece has been used, so a head fits there, and the piece is sent from where it is.
        scratch.copy(buffer, from - at, 0, at);
        this.#socket.write(buffer, from - at, to, this.isBodyKept ? from : undefined);
        at = 0;
      } else at += buffer.copy(scratch, at, from, to);
    }
    this.#heldBytes += to - from;
    // The next piece follows before anybody else uses the scratch.
    if (more && at < batchBytesMax) {
      this.#batchBytes = at;
      return;
    }
    this.#batchBytes = 0;
    if (at > 0) this.#socket.write(scratch, 0, at);
    if (ended) return this.#complete();
    // The app may send on only when the client has taken what it sent.
    if (this.#socket.unsentBytes === 0) this.onDrained();
    this.#host.onProgress();
  }

  /** Writes the status line and, unless the app has given one, the date. Returns where they end. */
  #writeStart(status: number, reason: string, hasDate: boolean): number {
    const { date, deadlines } = this.#context;
    date.update(deadlines.nowMs);
    if (status === 200 && reason === "" && !hasDate) return date.ok.copy(scratch, 0);
    const at = scratch.latin1Write(statusLine(status, reason), 0);
    return hasDate ? at : at + date.line.copy(scratch, at);
  }

  #connectionLine(): string {
    if (this.endsWithConnection || !this.#host.keepsAlive()) return "connection: close\r\n";
    return this.isHttp10 ? "connection: keep-alive\r\n" : "";
  }

  /**
   * Writes something that changes nothing: between two chunks a leading zero of the next size; before the head an interim
   * response, 100 rather than 102, since some clients take any other one for the answer. Else nothing can be written.
   */
  #writeProbe(): void {
    if (!this.headSent && !this.isHttp10) this.writeContinue();
    else if (this.#framing === "chunked") this.#write("0");
  }

  #disarmProbe(): void {
    this.#probe?.cancel();
    this.#probe = null;
  }

  /** Whoever works on the answer is told that nobody wants it. Twice is safe. */
  #release(): void {
    this.#disarmProbe();
    this.hooked?.cancel();
    this.pool?.cancel(this);
  }

  #complete(): void {
    this.#disarmProbe();
    this.tally.end(this);
    this.#host.onComplete();
  }

  #write(text: string): void {
    this.#socket.write(scratch, 0, scratch.latin1Write(text, 0));
  }

  #record(error: PlatformError): void {
    const { counters, verdictLog, clock } = this.#context;
    if (error.status >= 500) counters.verdicts += 1;
    if (this.pool === null || !verdictLog.takes(this.pool.spec, error)) return;
    verdictLog.write(verdictRecord(this.pool, error, this, clock.wallMs()));
  }
}

const CR = 0x0d;
const LF = 0x0a;
