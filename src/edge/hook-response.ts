/** An answer's head as hooks see it, and what hooks answer themselves. */
import type { HookAnswer, HookHeaderValues, HookResponse } from "../../sdk/src/hooks.ts";
import { EditableHeaders, type LineSource, RESPONSE_LINES_OF_EDGE } from "./hook-headers.ts";
import { hookAnswerBytesMax } from "./limits.ts";

export type ResponseSource = HookResponse["source"];

export class HookedResponse implements HookResponse {
  readonly source: ResponseSource;
  readonly headers: EditableHeaders;
  #status: number;
  #isSealed = false;

  constructor(source: ResponseSource, status: number, lines: LineSource | string) {
    this.source = source;
    this.#status = status;
    this.headers = new EditableHeaders(RESPONSE_LINES_OF_EDGE, lines);
  }

  get status(): number {
    return this.#status;
  }

  set status(status: number) {
    if (this.#isSealed) throw new TypeError("it has been sent on: it cannot be changed");
    if (status === this.#status) return;
    checkStatus(status, 200);
    // Where the body ends was said by the old one.
    if (!hasBody(status) || !hasBody(this.#status)) {
      throw new TypeError(
        `status ${this.#status} cannot become ${status}: one of them has no body`,
      );
    }
    this.#status = status;
  }

  /** No change any more; headers that nobody has asked for cannot be read either. */
  seal(): void {
    this.#isSealed = true;
    this.headers.seal();
  }
}

/** An answer as it is written. */
export interface ReadyAnswer {
  status: number;
  /** Header lines, each ended by CRLF. */
  lines: string;
  body: Buffer;
}

const nothing = Buffer.alloc(0);

/** @throws {TypeError} when it is no answer that can be sent. */
export function readyAnswer({ status, headers, body }: HookAnswer): ReadyAnswer {
  checkStatus(status, 200);
  const bytes = bytesOf(body);
  if (bytes.length > 0 && !hasBody(status)) {
    throw new TypeError(`an answer with status ${status} has no body`);
  }
  const lines = new EditableHeaders(RESPONSE_LINES_OF_EDGE, "");
  appendAll(lines, headers);
  if (typeof body === "string" && body !== "" && !lines.has("content-type")) {
    lines.set("content-type", "text/plain;charset=utf-8");
  }
  return { status, lines: lines.toLines(), body: bytes };
}

/** `block` with the lines of `headers` in place of those of the same name. @throws {TypeError} */
export function replacedLines(block: string, headers: HookHeaderValues | undefined): string {
  const lines = new EditableHeaders(RESPONSE_LINES_OF_EDGE, block);
  const given = new EditableHeaders(RESPONSE_LINES_OF_EDGE, "");
  appendAll(given, headers);
  for (const [name] of given) lines.delete(name);
  for (const [name, value] of given) lines.append(name, value);
  return lines.toLines();
}

/** @throws {TypeError} */
export function checkStatus(status: unknown, smallest: number): asserts status is number {
  if (Number.isInteger(status) && (status as number) >= smallest && (status as number) <= 599)
    return;
  throw new TypeError(`a status is a whole number from ${smallest} to 599, is ${String(status)}`);
}

function hasBody(status: number): boolean {
  return status !== 204 && status !== 205 && status !== 304;
}

function bytesOf(body: HookAnswer["body"]): Buffer {
  if (body === undefined || body === null) return nothing;
  const isBytes = body instanceof Uint8Array;
  if (!isBytes && typeof body !== "string") {
    throw new TypeError("the body of a hook's answer is a string or a Uint8Array");
  }
  // A copy: whoever made it may go on writing to it.
  const bytes = isBytes ? Buffer.from(body) : Buffer.from(body, "utf8");
  if (bytes.length <= hookAnswerBytesMax) return bytes;
  throw new RangeError(
    `the body of a hook's answer has at most ${hookAnswerBytesMax} bytes, has ${bytes.length}`,
  );
}

function appendAll(lines: EditableHeaders, headers: HookHeaderValues | undefined): void {
  if (headers === undefined || headers === null) return;
  const isList = typeof (headers as Iterable<unknown>)[Symbol.iterator] === "function";
  const entries = isList
    ? (headers as Iterable<readonly [string, string]>)
    : Object.entries(headers as Record<string, string | readonly string[]>);
  for (const [name, values] of entries) {
    for (const value of typeof values === "string" ? [values] : values) lines.append(name, value);
  }
}
