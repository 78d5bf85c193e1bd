/**
 * Parses the head of an HTTP/1.x request (RFC 9112), strictly: what two parties could read differently is refused, since
 * the app behind the wire must see the request that the edge saw. Pure; works on offsets and allocates nothing but the
 * few strings that routing needs.
 */
import { PlatformError } from "../base/errors.ts";
import { headBytesMax, headerLinesMax, targetBytesMax } from "./limits.ts";
import { malformed } from "./malformed.ts";
import type { ParsedHead } from "./parsed-head.ts";
import { HOST, interned, parseRequestLine, TOKEN } from "./request-line.ts";

/** What is done with a header line. */
const KEEP = 0;
const DROP = 1;
/** Passed on only for a trusted proxy. */
const FORWARDED = 2;

const CR = 0x0d;
const LF = 0x0a;

/** Bytes of a field value: space, tab, visible, obs-text. */
const VALUE = new Uint8Array(256);
for (let code = 0x20; code < 256; code++) VALUE[code] = code === 0x7f ? 0 : 1;
VALUE[0x09] = 1;
/**
 * Parses the head at `start`. Somewhere in `buffer[start..end)`, which ends with an empty line's CRLF, it ends.
 *
 * @returns null, or why the head is refused. `head` then holds what was read so far.
 */
export function parseHead(
  buffer: Buffer,
  start: number,
  end: number,
  head: ParsedHead,
): PlatformError | null {
  head.reset();
  head.start = start;
  head.end = end;
  const problem = parseRequestLine(buffer, start, head);
  if (problem !== null) return problem;

  let at = head.end;
  let keptFrom = at;
  let lines = 0;
  // An empty line ends the head; there is one at `end`.
  while (buffer[at] !== CR) {
    if (++lines > headerLinesMax) return tooLarge();
    const nameStart = at;
    while (TOKEN[buffer[at]!] === 1) at++;
    if (at === nameStart || buffer[at] !== 0x3a) return malformed("a malformed header name");
    const nameEnd = at;
    at++;
    while (VALUE[buffer[at]!] === 1) at++;
    if (buffer[at] !== CR || buffer[at + 1] !== LF) return malformed("a malformed header value");
    const next = at + 2;
    const fate = readLine(buffer, nameStart, nameEnd, at, head);
    if (typeof fate === "object") return fate;
    if (fate !== KEEP) {
      if (keptFrom < nameStart) head.kept.add(keptFrom, nameStart);
      keptFrom = next;
      if (fate === FORWARDED) head.forwarded.add(nameStart, next);
    }
    at = next;
  }
  if (buffer[at + 1] !== LF) return malformed("a malformed header name");
  if (keptFrom < at) head.kept.add(keptFrom, at);
  head.end = at + 2;
  return conclude(head);
}

/** What is wrong with a head that is too large, or has no end yet and that no further byte can make valid; else null. */
export function problemOfUnfinishedHead(input: Buffer): PlatformError | null {
  const newline = input.indexOf(0x0a);
  const lineBytes = newline === -1 ? input.length : newline;
  if (lineBytes > targetBytesMax + requestLineBytesBesides) {
    return new PlatformError("REQUEST_TARGET_TOO_LONG", [targetBytesMax]);
  }
  if ((newline !== -1 && input[newline - 1] !== 0x0d) || input.includes(0)) {
    return malformed("a line that does not end with CRLF");
  }
  return input.length > headBytesMax ? tooLarge() : null;
}

/** Room for what a request line has beside its target. Bytes. */
const requestLineBytesBesides = 256;

function tooLarge(): PlatformError {
  return new PlatformError("REQUEST_HEAD_TOO_LARGE", [headBytesMax, headerLinesMax]);
}

/** What is done with the line, or why the head is refused. Length first: most names need one comparison. */
function readLine(
  buffer: Buffer,
  start: number,
  nameEnd: number,
  end: number,
  head: ParsedHead,
): number | PlatformError {
  switch (nameEnd - start) {
    case 2:
      return is(buffer, start, "te") ? DROP : KEEP;
    case 4:
      return is(buffer, start, "host") ? readHost(buffer, nameEnd, end, head) : KEEP;
    case 6:
      if (is(buffer, start, "accept")) head.accept = fieldValue(buffer, nameEnd, end);
      return is(buffer, start, "expect")
        ? readExpect(fieldValue(buffer, nameEnd, end), head)
        : KEEP;
    case 7:
      if (is(buffer, start, "upgrade")) {
        head.upgrade += `,${fieldValue(buffer, nameEnd, end).toLowerCase()}`;
        head.upgradeLines.add(start, end + 2);
        return DROP;
      }
      return is(buffer, start, "trailer") ? DROP : KEEP;
    case 9:
      return is(buffer, start, "forwarded") || is(buffer, start, "x-real-ip") ? FORWARDED : KEEP;
    case 10:
      if (is(buffer, start, "connection")) {
        head.connection += `,${fieldValue(buffer, nameEnd, end).toLowerCase()}`;
        return DROP;
      }
      return is(buffer, start, "keep-alive") ? DROP : KEEP;
    case 11:
      if (!is(buffer, start, "traceparent")) return KEEP;
      head.traceparent = fieldValue(buffer, nameEnd, end);
      return DROP;
    case 12:
      if (!is(buffer, start, "x-request-id")) return KEEP;
      head.requestId = fieldValue(buffer, nameEnd, end);
      return DROP;
    case 14:
      if (is(buffer, start, "content-length")) return readContentLength(buffer, nameEnd, end, head);
      return is(buffer, start, "http2-settings") ? DROP : KEEP;
    case 15:
      if (!is(buffer, start, "x-forwarded-for")) return KEEP;
      head.forwardedFor += `${head.forwardedFor === "" ? "" : ", "}${fieldValue(buffer, nameEnd, end)}`;
      return DROP;
    case 16:
      if (is(buffer, start, "proxy-connection")) return DROP;
      return is(buffer, start, "x-forwarded-host") || is(buffer, start, "x-forwarded-port")
        ? FORWARDED
        : KEEP;
    case 17:
      if (is(buffer, start, "transfer-encoding")) {
        const coding = fieldValue(buffer, nameEnd, end).toLowerCase();
        head.transferEncoding =
          head.transferEncoding === null ? coding : `${head.transferEncoding},${coding}`;
        return DROP;
      }
      if (!is(buffer, start, "x-forwarded-proto")) return KEEP;
      // With several proxies, the first one knows what the client has used.
      if (!head.hasForwardedProto) {
        head.isForwardedSecure = SECURE.test(fieldValue(buffer, nameEnd, end));
      }
      head.hasForwardedProto = true;
      return FORWARDED;
    default:
      return KEEP;
  }
}

const SECURE = /^https(?:[ \t]*,|$)/i;

/** Whether the name at `start` is `name`, which is lower case; the lengths are known to be equal. */
function is(buffer: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    // Names are tokens, so setting bit 5 lower-cases letters and maps nothing else onto a letter, a digit or a hyphen.
    if ((buffer[start + index]! | 0x20) !== name.charCodeAt(index)) return false;
  }
  return true;
}

function fieldValue(buffer: Buffer, nameEnd: number, end: number): string {
  let from = nameEnd + 1;
  while (buffer[from] === 0x20 || buffer[from] === 0x09) from++;
  let to = end;
  while (to > from && (buffer[to - 1] === 0x20 || buffer[to - 1] === 0x09)) to--;
  return interned.read(buffer, from, to);
}

/** The latest Host header that was well-formed. */
let goodHost = "";

function readHost(
  buffer: Buffer,
  nameEnd: number,
  end: number,
  head: ParsedHead,
): number | PlatformError {
  head.hostLines += 1;
  if (head.hostLines > 1) return malformed("more than one Host header");
  const host = fieldValue(buffer, nameEnd, end);
  // Most often it is the one that was good a moment ago.
  if (host !== goodHost && !HOST.test(host)) return malformed("a malformed Host header");
  goodHost = host;
  // The authority of an absolute-form target replaces it; it is written anew.
  if (head.hostIsFromTarget) return DROP;
  head.host = host;
  return KEEP;
}

function readExpect(value: string, head: ParsedHead): number | PlatformError {
  // An HTTP/1.0 client knows no interim answers (RFC 9110, 10.1.1).
  if (head.isHttp10) return DROP;
  if (value.toLowerCase() !== "100-continue") {
    return new PlatformError("EXPECTATION_UNKNOWN", [value.slice(0, 100)]);
  }
  head.expectsContinue = true;
  return DROP;
}

function readContentLength(
  buffer: Buffer,
  nameEnd: number,
  end: number,
  head: ParsedHead,
): number | PlatformError {
  if (head.contentLength !== -1) return malformed("more than one Content-Length");
  const value = fieldValue(buffer, nameEnd, end);
  if (!/^[0-9]{1,15}$/.test(value)) return malformed("a malformed Content-Length");
  head.contentLength = Number(value);
  return KEEP;
}

function conclude(head: ParsedHead): PlatformError | null {
  if (head.hostLines === 0 && !head.isHttp10) return malformed("no Host header");
  if (head.transferEncoding !== null) {
    // Two ways to say where a body ends are how requests are smuggled.
    if (head.contentLength !== -1) return malformed("both Transfer-Encoding and Content-Length");
    if (head.isHttp10) return malformed("Transfer-Encoding in HTTP/1.0");
    if (head.transferEncoding !== "chunked") {
      return malformed("a Transfer-Encoding other than chunked");
    }
    head.isChunked = true;
  }
  head.keepAlive = head.isHttp10
    ? listHas(head.connection, "keep-alive") && !listHas(head.connection, "close")
    : !listHas(head.connection, "close");
  if (listHas(head.upgrade, "websocket") && listHas(head.connection, "upgrade")) {
    const hasBody = head.contentLength > 0 || head.isChunked;
    head.wantsWebSocket = head.method === "GET" && !head.isHttp10 && !hasBody;
    if (head.wantsWebSocket) head.kept.addAll(head.upgradeLines);
  }
  return null;
}

/** Whether a list of options, collected with a comma in front of each line's value, has `option`. */
function listHas(list: string, option: string): boolean {
  if (list === "") return false;
  // What clients send most.
  if (list === ",keep-alive") return option === "keep-alive";
  return list.split(",").some((item) => item.trim() === option);
}

/** Whether a client's `x-request-id` is taken over: short, visible ASCII. */
export function isTokenRequestId(value: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(value);
}

/** `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zero (W3C Trace Context). */
export function isTraceparent(value: string): boolean {
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(value);
}
