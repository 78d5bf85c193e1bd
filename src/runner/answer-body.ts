/** The body of a response, in the ways it can travel: with its head, in pieces from memory, or as it comes. */
import { FLAG_END, ResetReason } from "../wire/frames.ts";
import { type Head, writeHead } from "./answer-head.ts";
import { connectionClosed } from "./connection-closed.ts";
import { inlineBodyBytesMax } from "./limits.ts";
import type { ServerStream } from "./server-stream.ts";
import { atTurnEnd } from "./turn-end.ts";

/** A text, in one frame with its head when it is short. */
export function text(stream: ServerStream, head: Head, body: string): void {
  if (stream.closed) return;
  const bytes = body.length === 0 ? 0 : Buffer.byteLength(body);
  if (bytes > inlineBodyBytesMax) {
    void sendLongText(stream, head, body, bytes);
    return;
  }
  const to = writeHead(stream, head, FLAG_END, bytes, bytes);
  if (bytes > 0) stream.buffer.utf8Write(body, to);
  stream.close();
}

/** What fits goes with the head. */
async function sendLongText(
  stream: ServerStream,
  head: Head,
  body: string,
  bytes: number,
): Promise<void> {
  // Only where a character is a byte is it known which ones fit.
  const first = bytes === body.length ? inlineBodyBytesMax : 0;
  const to = writeHead(stream, head, 0, bytes, first);
  if (first > 0) stream.buffer.utf8Write(body.slice(0, first), to);
  if (await stream.sendText(body.slice(first), bytes - first)) stream.end();
}

/** Bytes in memory. */
export function known(stream: ServerStream, head: Head, body: Uint8Array): void {
  if (stream.closed) return;
  if (body.length > inlineBodyBytesMax) {
    const first = writeHead(stream, head, 0, body.length, inlineBodyBytesMax);
    stream.buffer.set(body.subarray(0, inlineBodyBytesMax), first);
    const rest = body.subarray(inlineBodyBytesMax);
    void stream.sendAll(rest).then((isSent) => isSent && stream.end());
    return;
  }
  const to = writeHead(stream, head, FLAG_END, body.length, body.length);
  stream.buffer.set(body, to);
  stream.close();
}

/** Sends the body as it comes. */
export function streamed(stream: ServerStream, head: Head, body: ReadableStream<unknown>): void {
  if (stream.closed) return void body.cancel(connectionClosed()).catch(() => {});
  const reader = body.getReader();
  // An idle body (SSE) must end at once when the client goes, not at its next piece.
  stream.onClose = () => void reader.cancel(connectionClosed()).catch(() => {});
  void sendPieces(stream, new Opening(stream, head), reader);
}

async function sendPieces(
  stream: ServerStream,
  opening: Opening,
  reader: { read(): Promise<{ done: boolean; value?: unknown }> },
): Promise<void> {
  try {
    while (true) {
      // Ask for the next piece only when there is room for some of it.
      if (!stream.hasRoom) await stream.roomMade();
      if (stream.closed) return;
      const { done, value } = await reader.read();
      if (stream.closed) return;
      if (done) break;
      const bytes = bytesOf(value);
      if (opening.keep(bytes)) continue;
      const sent = stream.send(bytes, 0);
      if (sent < bytes.length && !(await stream.sendAll(bytes.subarray(sent)))) return;
    }
    stream.onClose = null;
    opening.finish();
  } catch (error) {
    if (stream.closed) return;
    // The client must see that the body is not complete; the app's log must say why.
    console.error(error);
    stream.onClose = null;
    opening.send();
    stream.reset(ResetReason.BODY_FAILED, String(error));
  } finally {
    opening.stop();
  }
}

/**
 * The head of a streamed body, and the first pieces, until the turn of the event loop ends: a body that ends within it is
 * sent whole, with its length, and any other starts then.
 */
class Opening {
  readonly #stream: ServerStream;
  readonly #head: Head;
  readonly #turnEnd = atTurnEnd(() => this.send());
  #pieces: Uint8Array[] | null = [];
  #bytes = 0;

  constructor(stream: ServerStream, head: Head) {
    this.#stream = stream;
    this.#head = head;
  }

  /** Keeps a copy, for the app may use the memory again. Returns false when the start has left. */
  keep(bytes: Uint8Array): boolean {
    if (this.#pieces !== null && this.#bytes + bytes.length > inlineBodyBytesMax) this.send();
    if (this.#pieces === null) return false;
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.length;
    return true;
  }

  send(): void {
    const pieces = this.#pieces;
    if (pieces === null || this.#stream.closed) return;
    this.#pieces = null;
    writeHead(this.#stream, this.#head, 0, this.#head.declaredBytes, 0);
    // They fit the window: it is larger than what is kept.
    for (const piece of pieces) this.#stream.send(piece, 0);
  }

  finish(): void {
    if (this.#pieces === null) this.#stream.end();
    else known(this.#stream, this.#head, Buffer.concat(this.#pieces));
  }

  stop(): void {
    clearImmediate(this.#turnEnd);
  }
}

/** @throws {TypeError} for a piece that has no bytes. */
function bytesOf(piece: unknown): Uint8Array {
  if (piece instanceof Uint8Array) return piece;
  if (typeof piece === "string") return Buffer.from(piece);
  if (ArrayBuffer.isView(piece)) {
    return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  }
  if (piece instanceof ArrayBuffer) return new Uint8Array(piece);
  throw new TypeError(`A body can have text and bytes, not ${describe(piece)}`);
}

/** What `value` is, in words. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object"
    ? `an object (${value.constructor?.name ?? "without a prototype"})`
    : typeof value;
}
