/**
 * Remembers what a `Response` was made of, so that a text or a buffer can be framed at once: asking a Response for its
 * bytes costs a promise, asking it for its stream costs a stream.
 *
 * `Response` is replaced by a function with the same prototype: `instanceof`, subclasses and the static methods work as
 * before. A Response that native code made (a `fetch` result) has no source and is read as a stream.
 */

/** What a Response was made of. */
export type ResponseSource = string | ArrayBufferView | ArrayBuffer | Blob | null;

const SOURCE = Symbol("source");
/** In memory already, though not in a form we know: `bytes()` answers without waiting for anybody. */
const BUFFERED = Symbol("buffered");

interface Marked {
  [SOURCE]?: ResponseSource;
  [BUFFERED]?: true;
}

/** The source; `undefined` when it is not known, then see `isBuffered`. */
export function sourceOf(response: Response): ResponseSource | undefined {
  return (response as Marked)[SOURCE];
}

export function isBuffered(response: Response): boolean {
  return (response as Marked)[BUFFERED] === true;
}

function mark(response: Response, body: unknown): Response {
  const marked = response as Marked;
  if (typeof body === "string") marked[SOURCE] = body;
  else if (body === undefined || body === null) marked[SOURCE] = null;
  else if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer || body instanceof Blob) {
    marked[SOURCE] = body as ResponseSource;
  } else if (body instanceof FormData || body instanceof URLSearchParams) {
    marked[BUFFERED] = true;
  }
  return response;
}

/** Replaces the global `Response`. Call it once, before any code of the app's is loaded. */
export function watchResponses(): void {
  const Native = globalThis.Response;

  function Response(this: unknown, body?: unknown, init?: ResponseInit): Response {
    if (new.target === undefined)
      throw new TypeError("Class constructor Response cannot be invoked without 'new'");
    const made =
      new.target === (Response as unknown)
        ? new Native(body as Bun.BodyInit, init)
        : (Reflect.construct(Native, [body, init], new.target) as Response);
    return mark(made, body);
  }

  Response.prototype = Native.prototype;
  Object.defineProperty(Native.prototype, "constructor", {
    value: Response,
    writable: true,
    configurable: true,
  });
  Response.json = (...args: Parameters<typeof Native.json>): Response => {
    const made = Native.json(...args) as Response & Marked;
    made[BUFFERED] = true;
    return made;
  };
  Response.redirect = (...args: Parameters<typeof Native.redirect>): Response =>
    mark(Native.redirect(...args), null);
  Response.error = (): Response => Native.error();

  const nativeClone = Native.prototype.clone;
  Native.prototype.clone = function clone(this: Response & Marked): Response {
    const made = nativeClone.call(this) as Response & Marked;
    const source = this[SOURCE];
    if (source !== undefined) made[SOURCE] = source;
    if (this[BUFFERED] === true) made[BUFFERED] = true;
    return made;
  };

  globalThis.Response = Response as unknown as typeof globalThis.Response;
}
