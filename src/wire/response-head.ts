/**
 * The head of a response on the wire.
 *
 *   u16 status │ u16 reason bytes │ u32 block bytes │ f64 content length │ reason │ block │ body …
 *
 * The reason and the block are latin1. The block is header lines `name: value CRLF`, without those that speak of the
 * connection or of framing: the edge writes these itself. Content length -1: unknown, the body ends with END.
 *
 * The head of a TUNNEL is the 101 answer as it goes to the client.
 */
import { WireProtocolError } from "./frames.ts";
import { responseHeadBytesMax } from "./limits.ts";

export const RESPONSE_FIXED_BYTES = 16;

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
    // U+010D would become a CR when written as latin1; its code is beyond the table, which has no such entry.
    if (VALUE[text.charCodeAt(index)] !== 1) return false;
  }
  return true;
}

/** Whether `text` can stand as a header name. */
export function isFieldName(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (TOKEN[text.charCodeAt(index)] !== 1) return false;
  }
  return text.length > 0;
}

/** The parts of a RESPONSE. */
export interface ResponseHead {
  status: number;
  /** -1 for unknown. */
  contentLength: number;
  /** The reason ends where the block starts. */
  reasonStart: number;
  blockStart: number;
  /** The body ends with the frame. */
  bodyStart: number;
  /** What `checkHeaderBlock` found. */
  foundLines: number;
}

/** One is enough: whoever reads a head uses it before the next. */
const head: ResponseHead = {
  status: 0,
  contentLength: 0,
  reasonStart: 0,
  blockStart: 0,
  bodyStart: 0,
  foundLines: 0,
};

/**
 * Reads and checks the payload `buffer[start..end)` of a RESPONSE.
 *
 * @returns an object that the next call uses again.
 * @throws {WireProtocolError}
 */
export function readResponseHead(buffer: Buffer, start: number, end: number): ResponseHead {
  if (end - start < RESPONSE_FIXED_BYTES) throw new WireProtocolError("a short RESPONSE");
  head.status = buffer.readUInt16LE(start);
  const reasonBytes = buffer.readUInt16LE(start + 2);
  const blockBytes = buffer.readUInt32LE(start + 4);
  head.contentLength = buffer.readDoubleLE(start + 8);
  head.reasonStart = start + RESPONSE_FIXED_BYTES;
  head.blockStart = head.reasonStart + reasonBytes;
  head.bodyStart = head.blockStart + blockBytes;
  if (head.bodyStart > end) throw new WireProtocolError("a RESPONSE longer than its frame");
  if (reasonBytes + blockBytes > responseHeadBytesMax)
    throw new WireProtocolError("a RESPONSE with a head that is too long");
  if (head.status < 200 || head.status > 999)
    throw new WireProtocolError(`a RESPONSE with status ${head.status}`);
  if (head.contentLength !== -1 && !isLength(head.contentLength))
    throw new WireProtocolError("a RESPONSE with a malformed content length");
  checkReason(buffer, head.reasonStart, head.blockStart);
  head.foundLines = checkHeaderBlock(buffer, head.blockStart, head.bodyStart);
  return head;
}

function isLength(value: number): boolean {
  // What `Number.isSafeInteger` says, without a call into native code.
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER && Math.trunc(value) === value;
}

/** Lines that the edge would otherwise add; what `checkHeaderBlock` finds. */
export const HAS_DATE = 1;
export const HAS_REQUEST_ID = 2;
/** Beside these in `foundLines`: the app has said `connection: close`. */
export const WANTS_CLOSE = 4;

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
    at = nameEnd(buffer, at, end);
    found |= checkName(buffer, nameStart, at - nameStart);
    at = lineEnd(buffer, at + 1, end);
  }
  return found;
}

/** @throws {WireProtocolError} when the reason phrase could end its line. */
export function checkReason(buffer: Buffer, start: number, end: number): void {
  for (let at = start; at < end; at++) {
    if (VALUE[buffer[at]!] === 0) throw new WireProtocolError("a malformed reason phrase");
  }
}

const TUNNEL_START = "HTTP/1.1 101 ";

/**
 * Checks the 101 answer of an upgrade: exactly one head, and one that a proxy in front of the node takes for the end of
 * HTTP on this connection too. (If it took it for a response with a body, it would use the connection again.)
 *
 * @throws {WireProtocolError}
 */
export function checkTunnelHead(buffer: Buffer, start: number, end: number): void {
  const reasonStart = start + TUNNEL_START.length;
  if (reasonStart > end || buffer.latin1Slice(start, reasonStart) !== TUNNEL_START) {
    throw new WireProtocolError("a TUNNEL without a 101 answer");
  }
  let at = lineEnd(buffer, reasonStart, end);
  while (at < end && buffer[at] !== CR) {
    const nameStart = at;
    at = nameEnd(buffer, at, end);
    const name = buffer.latin1Slice(nameStart, at).toLowerCase();
    if (name === "content-length" || name === "transfer-encoding") {
      throw new WireProtocolError("a TUNNEL with the framing of a body");
    }
    at = lineEnd(buffer, at + 1, end);
  }
  if (at + 2 !== end || buffer[at] !== CR || buffer[at + 1] !== LF) {
    throw new WireProtocolError("a TUNNEL that is not exactly one head");
  }
}

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;

/** Where the name that starts at `start` has its colon. */
function nameEnd(buffer: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && TOKEN[buffer[at]!] === 1) at++;
  if (at === start || at >= end || buffer[at] !== COLON)
    throw new WireProtocolError("a malformed header name");
  return at;
}

/** Where the line after the one whose value starts at `start` begins. */
function lineEnd(buffer: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && VALUE[buffer[at]!] === 1) at++;
  if (at + 1 >= end || buffer[at] !== CR || buffer[at + 1] !== LF) {
    throw new WireProtocolError("a malformed header value");
  }
  return at + 2;
}

/** Refuses names that only the edge writes. Length and first letter decide for most lines, without a string. */
function checkName(buffer: Buffer, start: number, bytes: number): number {
  const first = buffer[start]! | 0x20;
  switch (bytes) {
    case 4: // date
      return first === 0x64 && isName(buffer, start, "date") ? HAS_DATE : 0;
    case 12: // x-request-id
      return first === 0x78 && isName(buffer, start, "x-request-id") ? HAS_REQUEST_ID : 0;
    case 7:
      if (first === 0x75) refuse(buffer, start, "upgrade");
      return 0;
    case 10:
      if (first === 0x63) refuse(buffer, start, "connection");
      if (first === 0x6b) refuse(buffer, start, "keep-alive");
      return 0;
    case 14:
      if (first === 0x63) refuse(buffer, start, "content-length");
      return 0;
    case 17:
      if (first === 0x74) refuse(buffer, start, "transfer-encoding");
      return 0;
    default:
      return 0;
  }
}

function isName(buffer: Buffer, start: number, name: string): boolean {
  return buffer.latin1Slice(start, start + name.length).toLowerCase() === name;
}

function refuse(buffer: Buffer, start: number, name: string): void {
  if (isName(buffer, start, name)) {
    throw new WireProtocolError(`a header that only the edge may write: ${name}`);
  }
}
