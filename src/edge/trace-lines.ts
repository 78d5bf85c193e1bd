/**
 * The lines that give a request its ids when it brings none, made ahead in batches:
 *
 *   x-request-id: <trace id> CRLF
 *   traceparent: 00-<trace id>-<span id>-01 CRLF        (W3C Trace Context; the request's id is the trace id)
 *
 * Drawing random bytes for many at once, and writing only the digits anew, leaves one copy for a request.
 */
import { traceBatchMax } from "./limits.ts";

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
const DRAWN_BYTES = TRACE_ID_BYTES + SPAN_ID_BYTES;

const ID_NAME = "x-request-id: ";
const TEMPLATE = `${ID_NAME}${"0".repeat(32)}\r\ntraceparent: 00-${"0".repeat(32)}-${"0".repeat(16)}-01\r\n`;
const TRACEPARENT_AT = TEMPLATE.indexOf("traceparent");
const TRACE_ID_AT = TRACEPARENT_AT + "traceparent: 00-".length;
const SPAN_ID_AT = TRACE_ID_AT + 2 * TRACE_ID_BYTES + 1;

/** Both lines. Bytes. */
export const TRACE_LINES_BYTES = TEMPLATE.length;
/** The first line, CRLF included. Bytes. */
export const REQUEST_ID_LINE_BYTES = TRACEPARENT_AT;

/** Two hex digits for each byte. */
const HEX = Buffer.from(
  Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join(""),
);

export class TraceLines {
  readonly #fill: (bytes: Buffer) => void;
  readonly #drawn = Buffer.alloc(DRAWN_BYTES * traceBatchMax);
  /** The lines of a batch. */
  readonly buffer = Buffer.from(TEMPLATE.repeat(traceBatchMax));
  #at = this.buffer.length;

  /** `fill` fills a buffer with random bytes. */
  constructor(fill: (bytes: Buffer) => void) {
    this.#fill = fill;
  }

  /** Where in `buffer` the lines of the current request stand. */
  get at(): number {
    return this.#at;
  }

  /** The current `traceparent`, for a request that other requests may come before. */
  get traceparent(): string {
    return this.buffer.latin1Slice(this.#at + TRACE_ID_AT - 3, this.#at + TRACE_LINES_BYTES - 2);
  }

  /** Goes on to the next request. */
  next(): void {
    this.#at += TRACE_LINES_BYTES;
    if (this.#at >= this.buffer.length) this.#renew();
  }

  #renew(): void {
    this.#fill(this.#drawn);
    for (let index = 0; index < traceBatchMax; index++) {
      const from = index * DRAWN_BYTES;
      const to = index * TRACE_LINES_BYTES;
      this.#write(from, from + TRACE_ID_BYTES, to + ID_NAME.length);
      this.#write(from, from + TRACE_ID_BYTES, to + TRACE_ID_AT);
      this.#write(from + TRACE_ID_BYTES, from + DRAWN_BYTES, to + SPAN_ID_AT);
    }
    this.#at = 0;
  }

  #write(from: number, end: number, start: number): void {
    let to = start;
    for (let at = from; at < end; at++) {
      const digits = this.#drawn[at]! * 2;
      this.buffer[to++] = HEX[digits]!;
      this.buffer[to++] = HEX[digits + 1]!;
    }
  }
}
