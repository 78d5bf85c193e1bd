/**
 * The requests this process is handling: frames in, handler called, answer framed.
 */

import type { FrameWriter } from "../wire/frame-writer.ts";
import { FLAG_END, FLAG_UPGRADE, FrameType, ResetReason } from "../wire/frames.ts";
import { changedCookies } from "./app.ts";
import type { Capture } from "./capture.ts";
import type { RequestContext } from "./captured-server.ts";
import { currentRequestId } from "./console.ts";
import type { EphemeralApp } from "./ephemeral.ts";
import { RequestBody } from "./request-body.ts";
import { readRequestHead } from "./request-head.ts";
import { respond } from "./respond.ts";
import { ServerStream } from "./server-stream.ts";
import { asksForWebSocket, type PendingUpgrades } from "./upgrades.ts";

/**
 * A Request that came over the wire. Its signal is made when somebody reads it: an AbortController for each request is
 * dear, and few handlers ask. (`signal` of the native prototype cannot be replaced, so this is a subclass.)
 */
class WireRequest extends Request {
  #stream: ServerStream | null = null;

  static {
    const native = Object.getOwnPropertyDescriptor(Request.prototype, "signal")!;
    Object.defineProperty(WireRequest.prototype, "signal", {
      get(this: WireRequest): AbortSignal {
        return this.#stream === null ? native.get!.call(this) : this.#stream.signal;
      },
    });
    // Apps that print it, or compare names, see what they would see without us.
    Object.defineProperty(WireRequest, "name", { value: "Request" });
  }

  set stream(stream: ServerStream) {
    this.#stream = stream;
  }
}

/** Calls the handler; `release` ends what belongs to the request alone. */
type Handle = (request: Request, stream: ServerStream) => unknown;

export class Requests {
  readonly #writer: () => FrameWriter;
  readonly #streams = new Map<number, ServerStream>();
  readonly #contexts = new WeakMap<Request, RequestContext>();
  readonly #forget = (stream: ServerStream) => this.#streams.delete(stream.id);
  #handle: Handle = () => new Response("not loaded", { status: 503 });
  #upgrades: PendingUpgrades | null = null;

  constructor(writer: () => FrameWriter) {
    this.#writer = writer;
  }

  /** Requests and tunnels open now. Count. */
  get inFlight(): number {
    return this.#streams.size;
  }

  contextOf(request: Request): RequestContext | undefined {
    return this.#contexts.get(request);
  }

  serve(capture: Capture, upgrades: PendingUpgrades): void {
    const { app, server } = capture;
    this.#handle = (request) => app.handle(request, server);
    this.#upgrades = upgrades;
  }

  serveEphemeral(app: EphemeralApp): void {
    this.#handle = (request, stream) => {
      const run = app.run(request);
      stream.onRelease = () => run.dispose();
      return run.result;
    };
  }

  onFrame(
    type: number,
    flags: number,
    id: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if (type === FrameType.REQUEST) return this.#onRequest(flags, id, buffer, start, end);
    const stream = this.#streams.get(id);
    // It crossed the end of its stream on the way.
    if (stream === undefined) return;
    if (type === FrameType.DATA) {
      const receiver = stream.tunnel ?? stream.body;
      if (end > start) {
        // The buffer is the socket's; the app keeps the bytes.
        const chunk = new Uint8Array(buffer.subarray(start, end));
        if (stream.tunnel !== null) stream.tunnel.onData(chunk);
        else stream.body?.push(chunk);
      }
      if ((flags & FLAG_END) !== 0 && receiver !== null) {
        if (stream.tunnel !== null) stream.tunnel.onEnd();
        else stream.body?.end();
      }
    } else if (type === FrameType.WINDOW) {
      stream.onWindow(buffer.readUInt32LE(start));
    } else if (type === FrameType.CANCEL) {
      stream.onCancel();
    }
  }

  #onRequest(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const headEnd = start + 4 + buffer.readUInt32LE(start);
    const head = readRequestHead(buffer, start + 4, headEnd);
    const stream = new ServerStream(id, this.#writer(), this.#forget);
    this.#streams.set(id, stream);

    const init: RequestInit = { method: head.method, headers: head.headers };
    if ((flags & FLAG_END) !== 0) {
      if (end > headEnd) {
        init.body = new Uint8Array(buffer.subarray(headEnd, end));
        stream.granted(end - headEnd);
      }
    } else {
      const body = new RequestBody((bytes) => stream.granted(bytes));
      if (end > headEnd) body.push(new Uint8Array(buffer.subarray(headEnd, end)));
      stream.body = body;
      init.body = body.stream;
    }
    let request: WireRequest;
    try {
      request = new WireRequest(head.url, init);
    } catch (error) {
      return stream.reset(ResetReason.RESPONSE_INVALID, String(error));
    }
    request.stream = stream;
    const context: RequestContext = {
      peerAddress: head.peerAddress,
      peerPort: head.peerPort,
      canUpgrade: (flags & FLAG_UPGRADE) !== 0 && asksForWebSocket(request),
      upgrade: null,
    };
    this.#contexts.set(request, context);
    currentRequestId.run(head.requestId, () => this.#run(request, stream, context));
  }

  #run(request: WireRequest, stream: ServerStream, context: RequestContext): void {
    let result: unknown;
    try {
      result = this.#handle(request, stream);
    } catch (error) {
      return this.#threw(stream, error);
    }
    if (result instanceof Promise) {
      result.then(
        (value) => this.#answer(request, stream, context, value),
        (error) => this.#threw(stream, error),
      );
    } else {
      this.#answer(request, stream, context, result);
    }
  }

  #answer(
    request: WireRequest,
    stream: ServerStream,
    context: RequestContext,
    result: unknown,
  ): void {
    // Whatever comes after an upgrade is ignored, as in Bun: Hono returns a Response there.
    if (context.upgrade !== null && this.#upgrades !== null) {
      if (stream.closed) return;
      void this.#upgrades.tunnel(stream, request, {
        ...context.upgrade,
        peerAddress: context.peerAddress,
      });
      return;
    }
    const cookies = changedCookies(request);
    if (cookies.length > 0 && result instanceof Response) {
      for (const cookie of cookies) result.headers.append("set-cookie", cookie);
    }
    void respond(stream, this.#writer(), result, request.method);
  }

  #threw(stream: ServerStream, error: unknown): void {
    console.error(error);
    stream.reset(ResetReason.HANDLER_THREW, error instanceof Error ? error.message : String(error));
  }
}
