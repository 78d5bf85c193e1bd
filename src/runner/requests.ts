/**
 * The requests this process is handling: frames in, handler called, answer framed.
 */

import { messageOf } from "../base/errors.ts";
import type { FrameWriter } from "../wire/frame-writer.ts";
import {
  FLAG_END,
  FLAG_UPGRADE,
  FrameType,
  ResetReason,
  WireProtocolError,
} from "../wire/frames.ts";
import type { Capture } from "./capture.ts";
import { currentRequestId } from "./console.ts";
import type { EphemeralApp } from "./ephemeral.ts";
import type { Nap } from "./nap.ts";
import type { NodeApp } from "./node-app.ts";
import { RequestBody } from "./request-body.ts";
import { RequestHead } from "./request-head.ts";
import { respond } from "./respond.ts";
import { ServerStream } from "./server-stream.ts";
import { WireRequest } from "./wire-request.ts";

/** What answers requests. */
interface Handler {
  /** Returns what the app's handler returned, or a promise of it; throws what it threw. */
  handle(request: WireRequest, stream: ServerStream): unknown;
  /** What the app has to say to an error, or a promise of it; undefined for nothing. */
  recover(error: unknown, stream: ServerStream): unknown;
}

export class Requests {
  readonly #writer: () => FrameWriter;
  readonly #nap: Nap;
  readonly #streams = new Map<number, ServerStream>();
  readonly #forget = (stream: ServerStream) => void this.#streams.delete(stream.id);
  readonly #onRespondError = this.#failed.bind(this);
  #handler: Handler | null = null;
  /** Instead of a handler. */
  #nodeApp: NodeApp | null = null;

  /** @param nap whether requests can be given to the app; after a nap they have to wait for it */
  constructor(writer: () => FrameWriter, nap: Nap) {
    this.#writer = writer;
    this.#nap = nap;
  }

  /** The same app for the requests of another wire. */
  onAnotherWire(writer: () => FrameWriter): Requests {
    const requests = new Requests(writer, this.#nap);
    requests.#handler = this.#handler;
    requests.#nodeApp = this.#nodeApp;
    return requests;
  }

  /** The wire is gone: nobody waits for any answer on it. */
  cancelAll(): void {
    for (const stream of [...this.#streams.values()]) stream.onCancel();
  }

  /** Requests and tunnels open now. Count. */
  get inFlight(): number {
    return this.#streams.size;
  }

  serve({ app, server }: Capture): void {
    this.#handler = {
      handle: (request) => app.handle(request, server),
      recover: (error) => app.recover(error, server),
    };
  }

  serveEphemeral(app: EphemeralApp): void {
    this.#handler = {
      handle: (request, stream) => app.handle(request, stream),
      recover: (error, stream) => app.recover(error, stream),
    };
  }

  /** The app is a server of its own. */
  serveNode(app: NodeApp): void {
    this.#nodeApp = app;
  }

  /** @throws {WireProtocolError} for a frame that the node would not send. */
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
    switch (type) {
      case FrameType.DATA: {
        const receiver = stream?.tunnel ?? stream?.body;
        // Otherwise it crossed the end of its stream on the way.
        if (receiver == null) return;
        // The buffer is the socket's; the app keeps the bytes.
        if (end > start) receiver.push(new Uint8Array(buffer.subarray(start, end)));
        if ((flags & FLAG_END) !== 0) receiver.end();
        return;
      }
      case FrameType.WINDOW:
        if (end - start !== 4) throw new WireProtocolError("a WINDOW that is not 4 bytes");
        return stream?.onWindow(buffer.readUInt32LE(start));
      case FrameType.CANCEL:
        return stream?.onCancel();
      default:
        throw new WireProtocolError(`a frame of unknown type ${type}`);
    }
  }

  #onRequest(flags: number, id: number, buffer: Buffer, start: number, end: number): void {
    const nodeApp = this.#nodeApp;
    if (this.#handler === null && nodeApp === null)
      throw new WireProtocolError("a REQUEST before the app is loaded");
    if (this.#streams.has(id)) throw new WireProtocolError(`a second REQUEST for stream ${id}`);
    const headEnd = end - start < 4 ? end + 1 : start + 4 + buffer.readUInt32LE(start);
    if (headEnd > end) throw new WireProtocolError("a REQUEST longer than its frame");
    const head = new RequestHead(buffer, start + 4, headEnd);
    const asksUpgrade = (flags & FLAG_UPGRADE) !== 0;
    const stream = new ServerStream(id, head, asksUpgrade, this.#writer(), this.#forget);
    this.#streams.set(id, stream);
    const first = end > headEnd ? new Uint8Array(buffer.subarray(headEnd, end)) : null;
    const isWhole = (flags & FLAG_END) !== 0;
    if (nodeApp !== null) {
      const request = nodeApp.request(stream, first, isWhole);
      if (this.#nap.isAwake) nodeApp.start(request);
      else this.#nap.hold(() => stream.closed || nodeApp.start(request));
      return;
    }
    const body = bodyOf(stream, first, isWhole);
    let request: WireRequest;
    try {
      request = new WireRequest(head, stream, initOf(head.method, body));
    } catch (error) {
      return stream.reset(ResetReason.RESPONSE_INVALID, String(error));
    }
    if (this.#nap.isAwake) this.#start(request, stream);
    else this.#nap.hold(() => stream.closed || this.#start(request, stream));
  }

  #start(request: WireRequest, stream: ServerStream): void {
    currentRequestId.run(stream.head.requestId, () => this.#run(request, stream));
  }

  #run(request: WireRequest, stream: ServerStream): void {
    let result: unknown;
    try {
      result = this.#handler!.handle(request, stream);
    } catch (error) {
      return this.#failed(stream, request, error);
    }
    if (!(result instanceof Promise)) return this.#answer(stream, request, result);
    result.then(
      (value) => this.#answer(stream, request, value),
      (error) => this.#failed(stream, request, error),
    );
  }

  #answer(stream: ServerStream, request: WireRequest, result: unknown): void {
    // The socket was the answer; whatever the handler returned beside it is ignored, as Bun does.
    if (stream.tunnel !== null) return;
    respond(stream, request, result, this.#onRespondError);
  }

  /** Asks the app's `error` handler for an answer, once. */
  #failed(stream: ServerStream, request: WireRequest, error: unknown): void {
    if (stream.closed) return this.#give(stream, error);
    let answer: unknown;
    try {
      answer = this.#handler!.recover(error, stream);
    } catch (thrown) {
      return this.#give(stream, thrown);
    }
    if (!(answer instanceof Promise)) return this.#recovered(stream, request, error, answer);
    answer.then(
      (value) => this.#recovered(stream, request, error, value),
      (thrown) => this.#give(stream, thrown),
    );
  }

  #recovered(stream: ServerStream, request: WireRequest, error: unknown, answer: unknown): void {
    if (stream.tunnel !== null || !(answer instanceof Response)) return this.#give(stream, error);
    respond(stream, request, answer, (_stream, _request, again) => this.#give(stream, again));
  }

  /** There is no answer: the node gives one. */
  #give(stream: ServerStream, error: unknown): void {
    // That its client has gone is no news in the app's log.
    if (stream.closed && (error as Error | undefined)?.name === "AbortError") return;
    console.error(error);
    if (stream.tunnel !== null) return;
    stream.reset(ResetReason.HANDLER_THREW, messageOf(error));
  }
}

/** What the Request is given as its body. */
function bodyOf(
  stream: ServerStream,
  first: Uint8Array | null,
  hasAll: boolean,
): Uint8Array | RequestBody | null {
  if (hasAll) {
    if (first !== null) stream.granted(first.length);
    return first;
  }
  const body = new RequestBody((bytes) => stream.granted(bytes));
  if (first !== null) body.push(first);
  stream.body = body;
  return body;
}

function initOf(method: string, body: Uint8Array | RequestBody | null): RequestInit | undefined {
  if (method === "GET" || method === "HEAD") {
    // As in Bun: such a request has no body for the app.
    if (body instanceof RequestBody) body.drop();
    return method === "GET" ? undefined : { method };
  }
  if (body === null) return { method };
  return {
    method,
    body: body instanceof RequestBody ? body.stream : (body as Uint8Array<ArrayBuffer>),
  };
}
