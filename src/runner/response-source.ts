/**
 * Remembers what a `Response` was made of, so that a text can be framed at once: asking a Response for its bytes costs a
 * promise, asking it for its stream costs a stream.
 *
 * `Response` is replaced by a function with the same prototype: `instanceof`, subclasses and the static methods work as
 * before. A Response that native code made has no source and is read as a stream.
 *
 * `fetch` is replaced to remember which bodies Bun has already decompressed: they still have the `content-encoding` they
 * came with, and passed on so, no client could read them.
 */

import { jsonLines, jsonType, type KnownLines, knownLines } from "./known-lines.ts";

/** What a Response was made of; `buffered` is in memory, in a form that only `bytes()` knows. */
export type ResponseSource = string | Blob | null | typeof buffered;

export const buffered = Symbol("buffered");

const SOURCE = Symbol("source");
const DECODED = Symbol("decoded");

interface Marked {
  [SOURCE]?: ResponseSource;
  [DECODED]?: true;
}

/** Streams of bodies that Bun has decompressed. */
const decodedStreams = new WeakSet<object>();

const jsonInit: ResponseInit = { headers: { "content-type": jsonType } };

/** The source; `undefined` when it is not known. */
export function sourceOf(response: Response): ResponseSource | undefined {
  return (response as Marked)[SOURCE];
}

/** Its header lines; `undefined` when they have to be asked for. */
export function linesOf(response: Response): KnownLines | undefined {
  return PlainResponse.linesOf(response);
}

/** Whether the body is plain although its `content-encoding` says otherwise. */
export function isDecoded(response: Response): boolean {
  return (response as Marked)[DECODED] === true;
}

/** A Response whose header lines are known, until somebody asks for its headers: whoever has them can change them. */
class PlainResponse extends globalThis.Response {
  #lines: KnownLines | undefined;

  constructor(lines: KnownLines, body?: Bun.BodyInit, init?: ResponseInit) {
    super(body, init);
    this.#lines = lines;
  }

  static linesOf(response: Response): KnownLines | undefined {
    return #lines in response ? response.#lines : undefined;
  }

  override get headers(): Headers {
    this.#lines = undefined;
    return super.headers;
  }

  static {
    // Apps see no other class.
    Object.defineProperty(PlainResponse.prototype, "constructor", {
      get: () => globalThis.Response,
    });
  }
}

function hasNoType(body: unknown): boolean {
  return !(body instanceof Blob || body instanceof FormData || body instanceof URLSearchParams);
}

function mark(response: Response, body: unknown): Response {
  const marked = response as Marked;
  if (typeof body === "string") marked[SOURCE] = body;
  else if (body === undefined || body === null) marked[SOURCE] = null;
  else if (body instanceof ReadableStream) {
    if (decodedStreams.has(body)) marked[DECODED] = true;
  } else if (body instanceof Blob) {
    // A file in S3 becomes a redirect to itself.
    marked[SOURCE] = "presign" in body ? null : body;
  } else if (
    ArrayBuffer.isView(body) ||
    body instanceof ArrayBuffer ||
    body instanceof FormData ||
    body instanceof URLSearchParams
  ) {
    // The app may change the memory afterwards; the Response has a copy.
    marked[SOURCE] = buffered;
  }
  return response;
}

/** Replaces the global `Response` and `fetch`. Call it once, before any code of the app's is loaded. */
export function watchResponses(): void {
  const Native = globalThis.Response;

  function Response(this: unknown, body?: unknown, init?: ResponseInit): Response {
    if (new.target === undefined)
      throw new TypeError("Class constructor Response cannot be invoked without 'new'");
    if (new.target !== (Response as unknown)) {
      return mark(Reflect.construct(Native, [body, init], new.target) as Response, body);
    }
    // A body of another kind brings its own type.
    const lines = hasNoType(body) ? knownLines(init) : undefined;
    const given = body as Bun.BodyInit;
    return mark(
      lines === undefined ? new Native(given, init) : new PlainResponse(lines, given, init),
      body,
    );
  }

  Response.prototype = Native.prototype;
  Object.defineProperty(Native.prototype, "constructor", {
    value: Response,
    writable: true,
    configurable: true,
  });
  Response.json = (data: unknown, init?: ResponseInit): Response => {
    const text = JSON.stringify(data);
    // It throws as it always does.
    if (text === undefined) return Native.json(data, init);
    if (init === undefined) {
      return mark(new PlainResponse(jsonLines, text, jsonInit), text);
    }
    const made = mark(new Native(text, init), text);
    const { headers } = made;
    if (!headers.has("content-type")) headers.set("content-type", "application/json;charset=utf-8");
    return made;
  };
  Response.redirect = (...args: Parameters<typeof Native.redirect>): Response =>
    mark(Native.redirect(...args), null);
  Response.error = (): Response => mark(Native.error(), null);

  const { clone } = Native.prototype;
  Native.prototype.clone = function cloneWithMarks(this: Response & Marked): Response {
    const made = clone.call(this) as Response & Marked;
    if (SOURCE in this) made[SOURCE] = this[SOURCE]!;
    if (this[DECODED] === true) made[DECODED] = true;
    return made;
  };

  globalThis.Response = Response as unknown as typeof globalThis.Response;
  watchFetch();
}

function watchFetch(): void {
  const native = globalThis.fetch;
  // Not `async`: an error that Bun prints then shows the app's line, not this one.
  const fetch = (input: string | URL | Request, init?: BunFetchRequestInit) =>
    native(input, init).then((response: Response & Marked) => {
      const isEncoded = response.headers.has("content-encoding");
      if (isEncoded && init?.decompress !== false) markDecoded(response);
      return response;
    });
  globalThis.fetch = Object.assign(fetch, { preconnect: native.preconnect });
}

function markDecoded(response: Response & Marked): void {
  response[DECODED] = true;
  // Its stream may be given to another Response, together with its headers.
  Object.defineProperty(response, "body", {
    configurable: true,
    get(this: Response): ReadableStream | null {
      const body: ReadableStream | null = bodyOf.call(this);
      if (body !== null) decodedStreams.add(body);
      return body;
    },
  });
}

const bodyOf = Object.getOwnPropertyDescriptor(Response.prototype, "body")!.get!;
