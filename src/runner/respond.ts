/**
 * Frames a Response. What is in memory leaves in one frame, head and body together, without a promise; the rest is read
 * as a stream, no faster than the node takes it.
 */

import type { FrameWriter } from "../wire/frame-writer.ts";
import { FLAG_END, FrameType, ResetReason } from "../wire/frames.ts";
import { responseHeadBytesMax } from "../wire/limits.ts";
import { RESPONSE_FIXED_BYTES } from "../wire/response-head.ts";
import { inlineBodyBytesMax } from "./limits.ts";
import { isBuffered, sourceOf } from "./response-source.ts";
import type { ServerStream } from "./server-stream.ts";

/** What may not stand in a field value once it is written as latin1 (U+010D would become a CR). */
const NOT_FIELD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const NOT_TOKEN = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;

interface Head {
  status: number;
  reason: string;
  block: string;
  hasType: boolean;
  /** The app's own content-length, or -1. */
  declaredBytes: number;
}

/**
 * Answers the stream with what the handler returned. Never throws: what cannot be framed resets the stream.
 *
 * @returns a promise only when the body has to be waited for.
 */
export function respond(
  stream: ServerStream,
  writer: FrameWriter,
  response: unknown,
  method: string,
): void | Promise<void> {
  if (stream.closed) {
    if (response instanceof Response) cancelBody(response);
    return;
  }
  if (!(response instanceof Response)) {
    return stream.reset(
      ResetReason.RESPONSE_INVALID,
      `the handler returned ${describe(response)} instead of a Response`,
    );
  }
  if (response.bodyUsed) {
    return stream.reset(ResetReason.RESPONSE_INVALID, "its body was already read");
  }
  const head = headOf(response);
  if (typeof head === "string") {
    cancelBody(response);
    return stream.reset(ResetReason.RESPONSE_INVALID, head);
  }
  const source = sourceOf(response);
  if (method === "HEAD" || head.status === 204 || head.status === 304) {
    return withoutBody(stream, writer, response, head, source);
  }
  if (source === null) return whole(stream, writer, head, "");
  if (typeof source === "string") {
    // Bun.serve says so too when nobody else has.
    if (!head.hasType) head.block += "content-type: text/plain;charset=utf-8\r\n";
    if (source.length * 3 <= inlineBodyBytesMax) return whole(stream, writer, head, source);
    return known(stream, writer, head, Buffer.from(source));
  }
  if (source instanceof ArrayBuffer) return known(stream, writer, head, new Uint8Array(source));
  if (ArrayBuffer.isView(source)) {
    return known(
      stream,
      writer,
      head,
      new Uint8Array(source.buffer, source.byteOffset, source.byteLength),
    );
  }
  if (source instanceof Blob) return blob(stream, writer, head, source);
  if (isBuffered(response)) return buffered(stream, writer, response, head);
  if (response.body === null) return whole(stream, writer, head, "");
  return streamed(stream, writer, response.body, head);
}

/** The head, or what is wrong with it. */
function headOf(response: Response): Head | string {
  const status = response.status;
  if (status < 200 || status > 999) return `status ${status} cannot end a response`;
  const reason = response.statusText;
  if (NOT_FIELD_VALUE.test(reason))
    return "its status text has characters that HTTP does not allow";
  let block = "";
  let declaredBytes = -1;
  let wrong = "";
  let hasType = false;
  response.headers.forEach((value, name) => {
    switch (name) {
      case "connection":
      case "keep-alive":
      case "transfer-encoding":
      case "upgrade":
        return;
      case "content-type":
        hasType = true;
        break;
      case "content-length":
        if (/^[0-9]{1,15}$/.test(value)) declaredBytes = Number(value);
        return;
    }
    if (NOT_TOKEN.test(name) || NOT_FIELD_VALUE.test(value)) {
      wrong = `its header "${name.slice(0, 100)}" has characters that HTTP does not allow`;
    }
    block += `${name}: ${value}\r\n`;
  });
  if (wrong !== "") return wrong;
  if (block.length > responseHeadBytesMax) {
    return `its headers have ${block.length} bytes, more than ${responseHeadBytesMax}`;
  }
  return { status, reason, block, hasType, declaredBytes };
}

/** Writes the fixed part, the reason and the block; returns where the body goes. */
function writeHead(
  stream: ServerStream,
  writer: FrameWriter,
  head: Head,
  flags: number,
  contentLength: number,
  bodyBytes: number,
): number {
  const { reason, block } = head;
  const at = stream.begin(
    FrameType.RESPONSE,
    flags,
    RESPONSE_FIXED_BYTES + reason.length + block.length + bodyBytes,
    bodyBytes,
  );
  const out = writer.buffer;
  out.writeUInt16LE(head.status, at);
  out.writeUInt16LE(reason.length, at + 2);
  out.writeUInt32LE(block.length, at + 4);
  out.writeDoubleLE(contentLength, at + 8);
  let to = at + RESPONSE_FIXED_BYTES;
  if (reason.length > 0) to += out.latin1Write(reason, to);
  if (block.length > 0) to += out.latin1Write(block, to);
  return to;
}

/** A text that fits the frame of its head. */
function whole(stream: ServerStream, writer: FrameWriter, head: Head, body: string): void {
  const bytes = body.length === 0 ? 0 : Buffer.byteLength(body);
  const to = writeHead(stream, writer, head, FLAG_END, bytes, bytes);
  if (bytes > 0) writer.buffer.utf8Write(body, to);
  stream.close();
}

/** Bytes in memory. */
function known(
  stream: ServerStream,
  writer: FrameWriter,
  head: Head,
  body: Uint8Array,
): void | Promise<void> {
  if (body.length > inlineBodyBytesMax) return pieces(stream, writer, head, body);
  const to = writeHead(stream, writer, head, FLAG_END, body.length, body.length);
  writer.buffer.set(body, to);
  stream.close();
}

async function pieces(
  stream: ServerStream,
  writer: FrameWriter,
  head: Head,
  body: Uint8Array,
): Promise<void> {
  writeHead(stream, writer, head, 0, body.length, 0);
  if (await stream.sendAll(body)) {
    stream.sendEnd();
    stream.close();
  }
}

async function buffered(
  stream: ServerStream,
  writer: FrameWriter,
  response: Response,
  head: Head,
): Promise<void> {
  const body = await response.bytes();
  if (!stream.closed) await known(stream, writer, head, body);
}

async function blob(
  stream: ServerStream,
  writer: FrameWriter,
  head: Head,
  source: Blob,
): Promise<void> {
  try {
    // A Bun.file knows its size only once it was looked at.
    if ("exists" in source && !(await (source as Bun.BunFile).exists())) {
      return stream.reset(ResetReason.HANDLER_THREW, "the file of its body does not exist");
    }
    if (source.size <= inlineBodyBytesMax) {
      const body = new Uint8Array(await source.arrayBuffer());
      if (!stream.closed) await known(stream, writer, head, body);
      return;
    }
  } catch (error) {
    return stream.reset(ResetReason.HANDLER_THREW, `its body could not be read: ${String(error)}`);
  }
  return streamed(stream, writer, source.stream() as ReadableStream<Uint8Array>, {
    ...head,
    declaredBytes: source.size,
  });
}

async function streamed(
  stream: ServerStream,
  writer: FrameWriter,
  body: ReadableStream<unknown>,
  head: Head,
): Promise<void> {
  const reader = body.getReader();
  // An idle body (SSE) must end at once when the client goes, not at its next event.
  stream.onClose = () => void reader.cancel(clientGone()).catch(() => {});
  writeHead(stream, writer, head, 0, head.declaredBytes, 0);
  try {
    while (true) {
      // Ask for the next piece only when there is room for some of it.
      await stream.windowOpened();
      if (stream.closed) return;
      const { done, value } = await reader.read();
      if (stream.closed) return;
      if (done) break;
      const bytes = typeof value === "string" ? Buffer.from(value) : (value as Uint8Array);
      if (!(await stream.sendAll(bytes))) return;
    }
    stream.onClose = null;
    stream.sendEnd();
    stream.close();
  } catch (error) {
    // The client must see that the body is not complete; the app's log must say why.
    if (!stream.closed) console.error(error);
    stream.onClose = null;
    stream.reset(ResetReason.BODY_FAILED, String(error));
  }
}

function clientGone(): DOMException {
  return new DOMException("The client closed the request", "AbortError");
}

function withoutBody(
  stream: ServerStream,
  writer: FrameWriter,
  response: Response,
  head: Head,
  source: ReturnType<typeof sourceOf>,
): void | Promise<void> {
  const finish = (bytes: number) => {
    writeHead(stream, writer, head, FLAG_END, bytes, 0);
    stream.close();
  };
  if (head.declaredBytes >= 0) {
    cancelBody(response);
    return finish(head.declaredBytes);
  }
  if (head.status === 204 || head.status === 304) {
    cancelBody(response);
    return finish(-1);
  }
  if (source === null) return finish(0);
  if (typeof source === "string") return finish(Buffer.byteLength(source));
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return finish(source.byteLength);
  if (source instanceof Blob) {
    if (!("exists" in source)) return finish(source.size);
    return (source as Bun.BunFile).exists().then(
      () => stream.closed || finish(source.size),
      () => finish(-1),
    ) as Promise<void>;
  }
  if (isBuffered(response)) {
    return response.bytes().then((body) => {
      if (!stream.closed) finish(body.length);
    });
  }
  cancelBody(response);
  finish(-1);
}

function cancelBody(response: Response): void {
  if (sourceOf(response) !== undefined || isBuffered(response) || response.bodyUsed) return;
  response.body?.cancel().catch(() => {});
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object"
    ? `an object (${value.constructor?.name ?? "without a prototype"})`
    : typeof value;
}
