/**
 * The bytes of answers. What is the same each time stands ready; the date in it is written anew once a second, so that an
 * answer costs a copy at most.
 */
import { STATUS_CODES } from "node:http";
import type { TurnClock } from "../base/turn-clock.ts";
import { copiedMessageBytesMax } from "./limits.ts";
import type { Message } from "./message.ts";

const DATE = "Thu, 01 Jan 1970 00:00:00 GMT";
const JSON_TYPE = "application/json";
/** A head with all of its variable parts. Bytes. */
const headRoom = 512;
/** A location: a peer's base URL with what a redirect says. Bytes. */
const locationBytesMax = 4096;

export class Answers {
  readonly #clock: TurnClock;
  #dueMs = Number.NEGATIVE_INFINITY;
  /** What has a date, and where. */
  readonly #dated: { buffer: Buffer; at: number }[] = [];
  readonly #hit: Buffer;
  readonly #miss: Buffer;
  readonly #lastHit: Buffer;
  readonly #lastMiss: Buffer;
  /** Where answers with variable parts are put together: sent or copied before the next one. */
  readonly #message: Buffer;
  readonly #messageAt: number;
  readonly #redirect: Buffer;
  readonly #redirectAt: number;

  constructor(clock: TurnClock) {
    this.#clock = clock;
    this.#hit = this.#verdict(true, "");
    this.#miss = this.#verdict(false, "");
    this.#lastHit = this.#verdict(true, CLOSE);
    this.#lastMiss = this.#verdict(false, CLOSE);
    const messageHead = `${dated(200)}content-type: ${JSON_TYPE}\r\ncontent-length: `;
    this.#message = Buffer.allocUnsafeSlow(headRoom + copiedMessageBytesMax);
    this.#messageAt = this.#message.latin1Write(messageHead, 0);
    this.#keep(this.#message);
    const redirectHead = `${dated(307)}content-length: 0\r\nlocation: `;
    this.#redirect = Buffer.allocUnsafeSlow(headRoom + locationBytesMax);
    this.#redirectAt = this.#redirect.latin1Write(redirectHead, 0);
    this.#keep(this.#redirect);
  }

  /** Valid until the next call of anything here, as all of them. */
  verdict(didWarmStart: boolean, isLast: boolean): Buffer {
    this.#update();
    if (isLast) return didWarmStart ? this.#lastHit : this.#lastMiss;
    return didWarmStart ? this.#hit : this.#miss;
  }

  /** The head of a message, and the message behind it when it is short. `end` says where it ends. */
  message({ buffer, start, end, byteLength }: Message, isLast: boolean): Buffer {
    this.#update();
    const out = this.#message;
    let at = this.#messageAt + out.latin1Write(String(byteLength), this.#messageAt);
    at += out.latin1Write(isLast ? LAST_END : END, at);
    if (byteLength <= copiedMessageBytesMax) at += buffer.copy(out, at, start, end);
    this.end = at;
    return out;
  }

  /** `end` says where it ends. */
  redirect(location: string, isLast: boolean): Buffer {
    this.#update();
    const out = this.#redirect;
    let at = this.#redirectAt + out.latin1Write(location, this.#redirectAt, locationBytesMax);
    at += out.latin1Write(isLast ? LAST_END : END, at);
    this.end = at;
    return out;
  }

  /** Where the latest `message` or `redirect` ends. */
  end = 0;

  /** Anything else. @param lines more header lines, each with its CRLF */
  text(status: number, contentType: string, body: string, isLast: boolean, lines = ""): Buffer {
    const date = `date: ${new Date(this.#clock.wallMs()).toUTCString()}\r\n`;
    const type = body === "" ? "" : `content-type: ${contentType}\r\n`;
    const length = `content-length: ${Buffer.byteLength(body)}\r\n`;
    const close = isLast ? CLOSE : "";
    return Buffer.from(`${statusLine(status)}${date}${type}${length}${lines}${close}\r\n${body}`);
  }

  #verdict(didWarmStart: boolean, lines: string): Buffer {
    const body = JSON.stringify({ didWarmStart });
    const head = `${dated(200)}content-type: ${JSON_TYPE}\r\ncontent-length: ${body.length}\r\n`;
    return this.#keep(Buffer.from(`${head}${lines}\r\n${body}`));
  }

  #keep(buffer: Buffer): Buffer {
    this.#dated.push({ buffer, at: buffer.indexOf(DATE) });
    return buffer;
  }

  #update(): void {
    const nowMs = this.#clock.lastMs;
    if (nowMs < this.#dueMs) return;
    const wallMs = this.#clock.wallMs();
    this.#dueMs = nowMs + 1000 - (wallMs % 1000);
    const text = new Date(wallMs).toUTCString();
    for (const { buffer, at } of this.#dated) buffer.latin1Write(text, at);
  }
}

const CLOSE = "connection: close\r\n";
const END = "\r\n\r\n";
const LAST_END = `\r\n${CLOSE}\r\n`;

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
}

function dated(status: number): string {
  return `${statusLine(status)}date: ${DATE}\r\n`;
}
