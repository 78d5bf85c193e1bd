/**
 * Frames what a handler returned. What is in memory leaves in one frame, head and body together, without a promise; the
 * rest is read as a stream, no faster than the node takes it.
 */
import { FLAG_END, ResetReason } from "../wire/frames.ts";
import { describe, known, streamed, text } from "./answer-body.ts";
import { addType, type Head, headOf, writeHead } from "./answer-head.ts";
import { connectionClosed } from "./connection-closed.ts";
import { answerFile, blobBytes, isFile } from "./file-answer.ts";
import { inlineBodyBytesMax } from "./limits.ts";
import { buffered, sourceOf } from "./response-source.ts";
import type { ServerStream } from "./server-stream.ts";
import type { WireRequest } from "./wire-request.ts";

/** Told when the body cannot be had and nothing was sent yet: the app's `error` handler may have another answer. */
export type OnRespondError = (stream: ServerStream, request: WireRequest, error: unknown) => void;

/** Answers the stream with what the handler returned. Never throws: what cannot be framed resets the stream. */
export function respond(
  stream: ServerStream,
  request: WireRequest,
  response: unknown,
  onError: OnRespondError,
): void {
  if (stream.closed) return dropBody(response);
  if (!(response instanceof Response)) {
    const what = `the handler returned ${describe(response)} instead of a Response`;
    return stream.reset(ResetReason.RESPONSE_INVALID, what);
  }
  if (response.bodyUsed) return onError(stream, request, bodyAlreadyUsed());
  const head = headOf(response, request.changedCookies);
  if (typeof head === "string") {
    dropBody(response);
    return stream.reset(ResetReason.RESPONSE_INVALID, head);
  }
  const source = sourceOf(response);
  if (stream.head.method === "HEAD" || head.status === 204 || head.status === 304) {
    void withoutBody(stream, response, head).catch((error) => onError(stream, request, error));
  } else if (typeof source === "string") {
    // Bun.serve says so too when nobody else has.
    if (source !== "") addType(head, "text/plain;charset=utf-8");
    text(stream, head, source);
  } else if (source === null) {
    text(stream, head, "");
  } else if (source !== undefined) {
    const body =
      source === buffered ? bytes(stream, head, response) : blob(stream, head, source, request);
    void body.catch((error) => onError(stream, request, error));
  } else if (response.body === null) {
    text(stream, head, "");
  } else if (response.body.locked) {
    onError(stream, request, bodyAlreadyUsed());
  } else {
    streamed(stream, head, response.body);
  }
}

async function bytes(stream: ServerStream, head: Head, response: Response): Promise<void> {
  addType(head, "application/octet-stream");
  known(stream, head, await response.bytes());
}

/** Rejects only while nothing was sent. */
async function blob(
  stream: ServerStream,
  head: Head,
  source: Blob,
  request: Request,
): Promise<void> {
  addType(head, source.type);
  if (isFile(source)) return answerFile(stream, head, source, request);
  if (source.size <= inlineBodyBytesMax) {
    return known(stream, head, new Uint8Array(await source.arrayBuffer()));
  }
  head.declaredBytes = source.size;
  streamed(stream, head, source.stream());
}

async function withoutBody(stream: ServerStream, response: Response, head: Head): Promise<void> {
  let length = head.declaredBytes;
  if (length === -1 && head.status !== 204 && head.status !== 304) {
    length = await bodyBytesOf(response);
  }
  dropBody(response);
  if (stream.closed) return;
  writeHead(stream, head, FLAG_END, length, 0);
  stream.close();
}

/** How long the body would be, or -1. @throws when it is a file that does not exist. */
async function bodyBytesOf(response: Response): Promise<number> {
  const source = sourceOf(response);
  if (source === null) return 0;
  if (typeof source === "string") return Buffer.byteLength(source);
  if (source === buffered) return (await response.bytes()).length;
  return source instanceof Blob ? blobBytes(source) : -1;
}

/** Tells the source of a body that will not be sent. */
function dropBody(response: unknown): void {
  if (!(response instanceof Response) || sourceOf(response) !== undefined) return;
  if (response.bodyUsed || response.body?.locked) return;
  response.body?.cancel(connectionClosed()).catch(() => {});
}

function bodyAlreadyUsed(): TypeError {
  return Object.assign(
    new TypeError("Response body already used: a body can be sent once, create a new Response"),
    { code: "ERR_BODY_ALREADY_USED" },
  );
}
