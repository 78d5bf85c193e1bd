/**
 * Parses the head of an HTTP/1.x request (RFC 9112), strictly: what two parties could read differently is refused, since
 * the app behind the wire must see the request that the edge saw. Pure; works on offsets and allocates nothing but the
 * few strings that routing needs.
 */
import { PlatformError } from "../base/errors.ts";
import { headBytesMax, headerLinesMax, targetBytesMax } from "./limits.ts";

/** What is done with a header line. */
const KEEP = 0;
const DROP = 1;
/** Passed on only for a trusted proxy. */
const FORWARDED = 2;

/** Bytes of a token (RFC 9110). */
const TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[character.charCodeAt(0)] = 1;
}
/** Bytes of a field value: space, tab, visible, obs-text. */
const VALUE = new Uint8Array(256);
for (let code = 0x20; code < 256; code++) VALUE[code] = code === 0x7f ? 0 : 1;
VALUE[0x09] = 1;
/** Bytes of a request target: visible ASCII, and what lies above it, which is escaped. */
const TARGET = new Uint8Array(256);
for (let code = 0x21; code < 256; code++) TARGET[code] = code === 0x7f ? 0 : 1;
/** A host without user information: name, IPv4 or bracketed IPv6, then perhaps a port. */
const HOST = /^(?:[\w\-.~%!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;
/** Methods are case-sensitive; Request would change `get` to `GET` and refuse the other three. */
const METHOD_REFUSED = /[a-z]|^(?:CONNECT|TRACE|TRACK)$/;

/** A parsed head. One object is used again for every request. */
export class ParsedHead {
  method = "";
  /** Origin form; what an absolute-form target had before its path is in `host`. */
  target = "";
  host = "";
  /** The authority came with an absolute-form target; no Host line is among the kept ones. */
  hostIsFromTarget = false;
  isHttp10 = false;
  keepAlive = true;
  /** Declared length of the body, or -1. */
  contentLength = -1;
  isChunked = false;
  expectsContinue = false;
  /** Asks to become a WebSocket. */
  wantsWebSocket = false;
  /** The client's `accept`, for error pages. */
  accept = "";
  requestId = "";
  traceparent = "";
  /** Values of all `x-forwarded-for` lines. */
  forwardedFor = "";
  hasForwardedProto = false;
  /** Ranges of the buffer that are passed on, as pairs of offsets; whole lines. */
  readonly kept: number[] = [];
  /** Ranges of `x-forwarded-*` and `forwarded` lines, passed on only for a trusted proxy. */
  readonly forwarded: number[] = [];
  // What the lines say together; read by `conclude`.
  hostLines = 0;
  connection = "";
  upgrade = "";
  transferEncoding: string | null = null;
  readonly upgradeLines: number[] = [];

  reset(): void {
    this.method = "";
    this.target = "";
    this.host = "";
    this.hostIsFromTarget = false;
    this.isHttp10 = false;
    this.keepAlive = true;
    this.contentLength = -1;
    this.isChunked = false;
    this.expectsContinue = false;
    this.wantsWebSocket = false;
    this.accept = "";
    this.requestId = "";
    this.traceparent = "";
    this.forwardedFor = "";
    this.hasForwardedProto = false;
    this.kept.length = 0;
    this.forwarded.length = 0;
    this.hostLines = 0;
    this.connection = "";
    this.upgrade = "";
    this.transferEncoding = null;
    this.upgradeLines.length = 0;
  }
}

/**
 * Parses `buffer[start..end)`, which ends with the empty line's CRLF.
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
  const lineEnd = buffer.indexOf("\r\n", start, "latin1");
  const problem = parseRequestLine(buffer, start, lineEnd, head);
  if (problem !== null) return problem;

  let at = lineEnd + 2;
  let keptFrom = at;
  let lines = 0;
  const last = end - 2;
  while (at < last) {
    if (++lines > headerLinesMax) return tooLarge();
    const nameStart = at;
    while (TOKEN[buffer[at]!] === 1) at++;
    if (at === nameStart || buffer[at] !== 0x3a) return malformed("a malformed header name");
    const nameEnd = at;
    at++;
    while (VALUE[buffer[at]!] === 1) at++;
    if (buffer[at] !== 0x0d || buffer[at + 1] !== 0x0a)
      return malformed("a malformed header value");
    const next = at + 2;
    const fate = readLine(buffer, nameStart, nameEnd, at, head);
    if (typeof fate === "object") return fate;
    if (fate !== KEEP) {
      if (keptFrom < nameStart) head.kept.push(keptFrom, nameStart);
      keptFrom = next;
      if (fate === FORWARDED) head.forwarded.push(nameStart, next);
    }
    at = next;
  }
  if (keptFrom < last) head.kept.push(keptFrom, last);
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

/** Why a request is refused, as the client reads it after "Cannot read the request:". */
export function malformed(what: string): PlatformError {
  return new PlatformError("REQUEST_MALFORMED", [what]);
}

function tooLarge(): PlatformError {
  return new PlatformError("REQUEST_HEAD_TOO_LARGE", [headBytesMax, headerLinesMax]);
}

function parseRequestLine(
  buffer: Buffer,
  start: number,
  end: number,
  head: ParsedHead,
): PlatformError | null {
  let at = start;
  while (TOKEN[buffer[at]!] === 1) at++;
  if (at === start || buffer[at] !== 0x20) return malformed("a malformed request line");
  head.method = methodOf(buffer, start, at);
  const targetStart = ++at;
  let bits = 0;
  while (TARGET[buffer[at]!] === 1) bits |= buffer[at++]!;
  if (at - targetStart > targetBytesMax) {
    return new PlatformError("REQUEST_TARGET_TOO_LONG", [targetBytesMax]);
  }
  if (at === targetStart || buffer[at] !== 0x20) return malformed("a malformed request target");
  const version = buffer.latin1Slice(at + 1, end);
  if (version === "HTTP/1.0") head.isHttp10 = true;
  else if (version !== "HTTP/1.1") {
    return /^HTTP\/\d\.\d$/.test(version)
      ? new PlatformError("PROTOCOL_VERSION_UNKNOWN", [version])
      : malformed("a malformed request line");
  }
  if (METHOD_REFUSED.test(head.method)) {
    return new PlatformError("METHOD_NOT_SUPPORTED", [head.method.slice(0, 100)]);
  }
  const target = buffer.latin1Slice(targetStart, at);
  return readTarget(bits < 0x80 ? target : escaped(target), head);
}

/** The most common method without making a string. */
function methodOf(buffer: Buffer, start: number, end: number): string {
  const isGet =
    end - start === 3 &&
    buffer[start] === 0x47 &&
    buffer[start + 1] === 0x45 &&
    buffer[start + 2] === 0x54;
  return isGet ? "GET" : buffer.latin1Slice(start, end);
}

/** A URL has no bytes outside of ASCII; clients that send UTF-8 mean its escapes. */
function escaped(target: string): string {
  return target.replace(
    /[\x80-\xff]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function readTarget(target: string, head: ParsedHead): PlatformError | null {
  if (target.includes("#")) return malformed("a fragment in the request target");
  if (target.charCodeAt(0) === 0x2f) {
    head.target = target;
    return null;
  }
  // Absolute form: its authority counts, the Host header does not (RFC 9112, 3.2.2). `*` is a request about the server
  // itself, of which there is nothing to say.
  const [, authority, path = "/"] = /^https?:\/\/([^/?]+)([/?].*)?$/i.exec(target) ?? [];
  if (authority === undefined || !HOST.test(authority)) {
    return malformed("a malformed request target");
  }
  head.host = authority;
  head.hostIsFromTarget = true;
  head.target = path.startsWith("?") ? `/${path}` : path;
  return null;
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
        head.upgradeLines.push(start, end + 2);
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
      head.hasForwardedProto = true;
      return FORWARDED;
    default:
      return KEEP;
  }
}

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
  return buffer.latin1Slice(from, to);
}

function readHost(
  buffer: Buffer,
  nameEnd: number,
  end: number,
  head: ParsedHead,
): number | PlatformError {
  head.hostLines += 1;
  if (head.hostLines > 1) return malformed("more than one Host header");
  const host = fieldValue(buffer, nameEnd, end);
  if (!HOST.test(host)) return malformed("a malformed Host header");
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
  const value = fieldValue(buffer, nameEnd, end);
  if (!/^[0-9]{1,15}$/.test(value)) return malformed("a malformed Content-Length");
  if (head.contentLength !== -1) return malformed("more than one Content-Length");
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
    if (head.wantsWebSocket) head.kept.push(...head.upgradeLines);
  }
  return null;
}

/** Whether a list of options, collected with a comma in front of each line's value, has `option`. */
function listHas(list: string, option: string): boolean {
  if (list === "") return false;
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
