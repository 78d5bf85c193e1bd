/**
 * The head of a response on the wire.
 *
 *   u16 status │ u16 reason bytes │ u32 block bytes │ f64 content length │ reason │ block │ body …
 *
 * The reason and the block are latin1. The block is header lines `name: value CRLF`, without those that speak of the
 * connection or of framing: the edge writes these itself. Content length -1: unknown, the body ends with END.
 */
import { WireProtocolError } from "./frames.ts";

export const RESPONSE_FIXED_BYTES = 16;

/** Header lines of a response. Bytes; a head must fit a frame. */
export const responseHeadBytesMax = 64 * 1024;

/** Bytes that may stand in a header value or a reason: visible, space, tab, obs-text. */
const VALUE = new Uint8Array(256);
for (let code = 0x20; code < 256; code++) VALUE[code] = code === 0x7f ? 0 : 1;
VALUE[0x09] = 1;

/** Bytes that may stand in a header name (RFC 9110 token). */
const TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[character.charCodeAt(0)] = 1;
}

/** Whether `text` can stand in a header value or a reason once it is written as latin1. */
export function isFieldValue(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    // U+010D would become a CR when written as latin1.
    if (code > 255 || VALUE[code] === 0) return false;
  }
  return true;
}

/** Whether `text` can stand as a header name. */
export function isFieldName(text: string): boolean {
  if (text.length === 0) return false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255 || TOKEN[code] === 0) return false;
  }
  return true;
}

/** Names the edge writes itself; the length is the first test, so most lines cost one comparison. */
function isFramingName(buffer: Buffer, start: number, bytes: number): boolean {
  if (bytes !== 10 && bytes !== 14 && bytes !== 17 && bytes !== 7) return false;
  const name = buffer.latin1Slice(start, start + bytes).toLowerCase();
  return (
    name === "connection" ||
    name === "keep-alive" ||
    name === "content-length" ||
    name === "transfer-encoding" ||
    name === "upgrade"
  );
}

/** Lines that the edge would otherwise add; what `checkHeaderBlock` finds. */
export const HAS_DATE = 1;
export const HAS_REQUEST_ID = 2;

/**
 * Checks header lines that came from an app's process: nothing in them may end a line early or speak of framing.
 *
 * @returns `HAS_DATE`, `HAS_REQUEST_ID` or both or 0.
 * @throws {WireProtocolError}
 */
export function checkHeaderBlock(buffer: Buffer, start: number, end: number): number {
  let found = 0;
  let at = start;
  while (at < end) {
    const nameStart = at;
    while (at < end && TOKEN[buffer[at]!] === 1) at++;
    if (at === nameStart || buffer[at] !== 0x3a)
      throw new WireProtocolError("a malformed header name");
    if (isFramingName(buffer, nameStart, at - nameStart)) {
      throw new WireProtocolError("a header that only the edge may write");
    }
    found |= foundName(buffer, nameStart, at - nameStart);
    at++;
    while (at < end && VALUE[buffer[at]!] === 1) at++;
    if (at + 1 >= end || buffer[at] !== 0x0d || buffer[at + 1] !== 0x0a) {
      throw new WireProtocolError("a malformed header value");
    }
    at += 2;
  }
  return found;
}

function foundName(buffer: Buffer, start: number, bytes: number): number {
  if (bytes === 4)
    return buffer.latin1Slice(start, start + 4).toLowerCase() === "date" ? HAS_DATE : 0;
  if (bytes !== 12) return 0;
  return buffer.latin1Slice(start, start + 12).toLowerCase() === "x-request-id"
    ? HAS_REQUEST_ID
    : 0;
}

/** @throws {WireProtocolError} when the reason phrase could end its line. */
export function checkReason(buffer: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    if (VALUE[buffer[at]!] === 0) throw new WireProtocolError("a malformed reason phrase");
  }
}
