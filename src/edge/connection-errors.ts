/** What a connection can wait for, and what it answers when that does not come or is too much. */
import { PlatformError } from "../base/errors.ts";
import type { Destination } from "../router/destination.ts";
import { headTimeoutMs } from "./limits.ts";

export type Awaited =
  /** The first byte of a request. */
  | "request"
  /** The rest of a head that has begun. */
  | "head"
  /** A request hook. Told by the hooks themselves when it does not come. */
  | "hook"
  /** An instance that takes the request. */
  | "instance"
  /** The client's next piece of the body. */
  | "body"
  /** The first byte of the answer. */
  | "answer"
  /** The next piece of the answer. */
  | "stream"
  /** That the client reads. */
  | "reading"
  /** That the client closes. */
  | "close";

/** The answer when it did not come; null when the connection ends without one. */
export function errorOfTimeout(
  awaited: Awaited,
  streamIdleMs: number,
  destination: Destination | null,
): PlatformError | null {
  const app = destination?.spec.app ?? "";
  switch (awaited) {
    case "head":
      return new PlatformError("REQUEST_TIMEOUT", [headTimeoutMs]);
    case "instance":
      return destination?.heldTooLong() ?? null;
    case "body":
      return new PlatformError("REQUEST_TIMEOUT", [streamIdleMs]);
    case "answer": {
      const timeoutMs = destination?.spec.limits.requestTimeoutMs ?? 0;
      return new PlatformError("APP_RESPONSE_TIMEOUT", [app, timeoutMs]);
    }
    case "stream":
      return new PlatformError("APP_RESPONSE_STALLED", [app, streamIdleMs]);
    default:
      return null;
  }
}

export function bodyTooLarge({ spec }: Destination): PlatformError {
  return new PlatformError("REQUEST_BODY_TOO_LARGE", [spec.app, spec.limits.bodyBytesMax]);
}
