/**
 * A dispatch's head. A supervisor sends the same bytes each time, but for the length of the body, so a connection keeps the last
 * head: while the bytes around that number are equal, nothing is parsed. One with `traceparent` differs each time.
 */
import type { ParsedHead } from "../http/parsed-head.ts";

export interface KnownDispatchHead {
  /** From the request line to the digits of the body's length. */
  readonly before: Buffer;
  /** From behind the digits to the end of the head. */
  readonly after: Buffer;
}

/** A length has fewer digits: no body is that long. Count. */
const digitsMax = 10;
const LENGTH_NAME = /\r\ncontent-length:[ \t]*([0-9]{1,10})\r\n/i;

/** @param parsed what the parser says of `head` @returns null for a head that cannot be known by its bytes */
export function knownDispatchHead(head: Buffer, parsed: ParsedHead): KnownDispatchHead | null {
  const { keepAlive, isHttp10, isChunked, expectsContinue, traceparent } = parsed;
  if (!keepAlive || isHttp10 || isChunked || expectsContinue || traceparent !== "") return null;
  const text = head.latin1Slice(0, head.length);
  const found = LENGTH_NAME.exec(text);
  if (found === null) return null;
  const end = found.index + found[0].length - 2;
  const start = end - found[1]!.length;
  return {
    before: Buffer.from(text.slice(0, start), "latin1"),
    after: Buffer.from(text.slice(end), "latin1"),
  };
}

/** Where the body starts, when `chunk` is the known head and a whole body, and nothing else; else -1. */
export function bodyStartIfKnown({ before, after }: KnownDispatchHead, chunk: Buffer): number {
  const start = before.length;
  if (chunk.length < start + after.length || before.compare(chunk, 0, start) !== 0) return -1;
  let at = start;
  let bytes = 0;
  for (let digit = chunk[at]! - 0x30; digit >= 0 && digit <= 9; digit = chunk[++at]! - 0x30) {
    if (at - start >= digitsMax) return -1;
    bytes = bytes * 10 + digit;
  }
  const bodyStart = at + after.length;
  const isWhole = at > start && bodyStart + bytes === chunk.length;
  return isWhole && after.compare(chunk, at, bodyStart) === 0 ? bodyStart : -1;
}
