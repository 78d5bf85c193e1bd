/** What a client connection speaks: HTTP, or a WebSocket. The connection moves bytes; the protocol knows what they mean. */
import { AnswerReader } from "./answer-reader.ts";
import type { ReadyRequest } from "./request-bytes.ts";

/** `more`: the answer, or what is read before the first request, goes on. */
export type Reading = "more" | "done" | "malformed" | "closed";

export interface Protocol {
  /** Sent when the connection has opened and answered before the first request; null for nothing. */
  readonly greeting: Buffer | null;
  /** Said before an idle connection is closed; null for nothing. */
  readonly farewell: Buffer | null;
  /** To be sent without being asked, such as a pong; null for nothing. The connection sets it to null. */
  reply: Buffer | null;
  /** Of the latest answer; a message counts as 200. */
  readonly status: number;
  /** Of the latest answer, as they came. Bytes. */
  readonly bytes: number;
  /** After the latest answer another request may be sent. */
  readonly keepsAlive: boolean;
  /** The answer to this one comes next. */
  begin(request: ReadyRequest): void;
  /** Reads what has come of the answer. More than the answer is malformed. */
  read(chunk: Buffer): Reading;
  /** What comes while nothing was asked. `done` for nothing of importance. */
  readUnasked(chunk: Buffer): Reading;
  /** The connection has ended. Returns whether that ends the answer well. */
  endInput(): boolean;
}

export class HttpProtocol implements Protocol {
  readonly greeting = null;
  readonly farewell = null;
  reply: Buffer | null = null;
  readonly #reader = new AnswerReader();

  get status(): number {
    return this.#reader.status;
  }

  get bytes(): number {
    return this.#reader.bytes;
  }

  get keepsAlive(): boolean {
    return !this.#reader.closes;
  }

  begin(request: ReadyRequest): void {
    this.#reader.begin(request.isHead);
  }

  read(chunk: Buffer): Reading {
    const reader = this.#reader;
    const end = reader.read(chunk);
    if (reader.isMalformed) return "malformed";
    if (!reader.isDone) return "more";
    // A second answer that nobody has asked for: where the next one begins will never be known.
    return end < chunk.length ? "malformed" : "done";
  }

  readUnasked(): Reading {
    return "malformed";
  }

  endInput(): boolean {
    return this.#reader.endInput();
  }
}
