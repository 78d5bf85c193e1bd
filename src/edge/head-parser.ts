/**
 * Parses the head of an HTTP/1.x request (RFC 9112), strictly: what two parties could read differently is refused, since
 * the app behind the wire must see the request that the edge saw. Pure; works on offsets and allocates nothing but the
 * few strings that routing needs.
 */

/** What a header line is to the edge. */
const DROP = 1;
const FORWARDED = 2;

/** Bytes of a token (RFC 9110): 1, and for upper case letters too. */
const TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[character.charCodeAt(0)] = 1;
}
/** Bytes of a field value: space, tab, visible, obs-text. */
const VALUE = new Uint8Array(256);
for (let code = 0x20; code < 256; code++) VALUE[code] = code === 0x7f ? 0 : 1;
VALUE[0x09] = 1;
/** Bytes of a request target: visible ASCII. Others are refused: they would have to be escaped to be a URL. */
const TARGET = new Uint8Array(256);
for (let code = 0x21; code < 0x7f; code++) TARGET[code] = 1;
/** Bytes of a Host value: reg-name, IPv4, bracketed IPv6, port. */
const HOST = new Uint8Array(256);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:[]%!$&'()*+,;=") {
  HOST[character.charCodeAt(0)] = 1;
}

/** Why a head is refused; becomes a catalogue error. */
export type HeadProblem =
  | { code: "malformed"; what: string }
  | { code: "targetTooLong" }
  | { code: "tooManyHeaders" }
  | { code: "method"; method: string }
  | { code: "version"; version: string }
  | { code: "expectation"; value: string };

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
  forwardedFor = "";
  /** Ranges of the buffer that are passed on, as pairs of offsets; whole lines. */
  readonly kept: number[] = [];
  /** Ranges of `x-forwarded-*` and `forwarded` lines, passed on only for a trusted proxy. */
  readonly forwarded: number[] = [];

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
    this.kept.length = 0;
    this.forwarded.length = 0;
  }
}

/** What the header lines say together, beside what is in the `ParsedHead`. */
interface Facts {
  hosts: number;
  connection: string;
  upgrade: string;
  transferEncoding: string | null;
  /** Where Upgrade and Connection lines stand: kept for a WebSocket only. */
  upgradeLines: number[];
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
  limits: { targetBytesMax: number; headerLinesMax: number },
): HeadProblem | null {
  head.reset();
  const lineEnd = buffer.indexOf("\r\n", start, "latin1");
  const requestLineProblem = parseRequestLine(buffer, start, lineEnd, head, limits.targetBytesMax);
  if (requestLineProblem !== null) return requestLineProblem;

  const facts: Facts = {
    hosts: 0,
    connection: "",
    upgrade: "",
    transferEncoding: null,
    upgradeLines: [],
  };
  let at = lineEnd + 2;
  let keptFrom = at;
  let lines = 0;
  const last = end - 2;
  while (at < last) {
    if (++lines > limits.headerLinesMax) return { code: "tooManyHeaders" };
    const nameStart = at;
    while (TOKEN[buffer[at]!] === 1) at++;
    if (at === nameStart || buffer[at] !== 0x3a) return malformed("a malformed header name");
    const nameEnd = at;
    at++;
    while (VALUE[buffer[at]!] === 1) at++;
    if (buffer[at] !== 0x0d || buffer[at + 1] !== 0x0a)
      return malformed("a malformed header value");
    const next = at + 2;
    const kind = lineKind(buffer, nameStart, nameEnd, at, head, facts);
    if (typeof kind === "object") return kind;
    if (kind !== 0) {
      if (keptFrom < nameStart) head.kept.push(keptFrom, nameStart);
      keptFrom = next;
      if (kind === FORWARDED) head.forwarded.push(nameStart, next);
    }
    at = next;
  }
  if (keptFrom < last) head.kept.push(keptFrom, last);
  return conclude(head, facts);
}

function malformed(what: string): HeadProblem {
  return { code: "malformed", what };
}

function parseRequestLine(
  buffer: Buffer,
  start: number,
  end: number,
  head: ParsedHead,
  targetBytesMax: number,
): HeadProblem | null {
  let at = start;
  while (TOKEN[buffer[at]!] === 1) at++;
  if (at === start || buffer[at] !== 0x20) return malformed("a malformed request line");
  head.method = methodOf(buffer, start, at);
  const targetStart = ++at;
  while (TARGET[buffer[at]!] === 1) at++;
  if (at - targetStart > targetBytesMax) return { code: "targetTooLong" };
  if (at === targetStart || buffer[at] !== 0x20) return malformed("a malformed request target");
  const target = buffer.latin1Slice(targetStart, at);
  const version = buffer.latin1Slice(at + 1, end);
  if (version === "HTTP/1.0") head.isHttp10 = true;
  else if (version !== "HTTP/1.1") {
    return /^HTTP\/\d\.\d$/.test(version)
      ? { code: "version", version }
      : malformed("a malformed request line");
  }
  return readTarget(target, head);
}

/** The common methods without making a string. */
function methodOf(buffer: Buffer, start: number, end: number): string {
  if (end - start === 3 && buffer[start] === 0x47) {
    if (buffer[start + 1] === 0x45 && buffer[start + 2] === 0x54) return "GET";
  }
  return buffer.latin1Slice(start, end);
}

function readTarget(target: string, head: ParsedHead): HeadProblem | null {
  if (head.method === "CONNECT") return { code: "method", method: "CONNECT" };
  if (target.includes("#")) return malformed("a fragment in the request target");
  if (target.charCodeAt(0) === 0x2f) {
    head.target = target;
    return null;
  }
  if (target === "*" && head.method === "OPTIONS") {
    head.target = "*";
    return null;
  }
  // Absolute form: its authority counts, the Host header does not (RFC 9112, 3.2.2).
  const absolute = /^https?:\/\/([^/?]+)([/?].*)?$/i.exec(target);
  if (absolute === null) return malformed("a malformed request target");
  const path = absolute[2] ?? "/";
  head.host = absolute[1]!;
  head.hostIsFromTarget = true;
  head.target = path.startsWith("?") ? `/${path}` : path;
  return null;
}

/** 0: passed on; DROP, FORWARDED; or why the head is refused. Length first: most names need one comparison. */
function lineKind(
  buffer: Buffer,
  start: number,
  nameEnd: number,
  end: number,
  head: ParsedHead,
  facts: Facts,
): number | HeadProblem {
  switch (nameEnd - start) {
    case 2:
      return is(buffer, start, "te") ? DROP : 0;
    case 4:
      if (!is(buffer, start, "host")) return 0;
      return readHost(buffer, nameEnd + 1, end, head, facts);
    case 6:
      if (is(buffer, start, "accept")) head.accept = valueOf(buffer, nameEnd, end);
      if (!is(buffer, start, "expect")) return 0;
      return readExpect(valueOf(buffer, nameEnd, end), head);
    case 7:
      if (is(buffer, start, "upgrade")) {
        facts.upgrade = valueOf(buffer, nameEnd, end).toLowerCase();
        facts.upgradeLines.push(start, end + 2);
        return DROP;
      }
      return is(buffer, start, "trailer") ? DROP : 0;
    case 9:
      return is(buffer, start, "forwarded")
        ? FORWARDED
        : is(buffer, start, "x-real-ip")
          ? FORWARDED
          : 0;
    case 10:
      if (is(buffer, start, "connection")) {
        facts.connection += `,${valueOf(buffer, nameEnd, end).toLowerCase()}`;
        return DROP;
      }
      return is(buffer, start, "keep-alive") ? DROP : 0;
    case 11:
      if (!is(buffer, start, "traceparent")) return 0;
      head.traceparent = valueOf(buffer, nameEnd, end);
      return DROP;
    case 12:
      if (!is(buffer, start, "x-request-id")) return 0;
      head.requestId = valueOf(buffer, nameEnd, end);
      return DROP;
    case 14:
      if (is(buffer, start, "content-length")) return readContentLength(buffer, nameEnd, end, head);
      return is(buffer, start, "http2-settings") ? DROP : 0;
    case 15:
      if (!is(buffer, start, "x-forwarded-for")) return 0;
      head.forwardedFor += `${head.forwardedFor === "" ? "" : ", "}${valueOf(buffer, nameEnd, end)}`;
      return DROP;
    case 16:
      if (is(buffer, start, "proxy-connection")) return DROP;
      return is(buffer, start, "x-forwarded-host") || is(buffer, start, "x-forwarded-port")
        ? FORWARDED
        : 0;
    case 17:
      if (is(buffer, start, "transfer-encoding")) {
        const value = valueOf(buffer, nameEnd, end).toLowerCase();
        facts.transferEncoding =
          facts.transferEncoding === null ? value : `${facts.transferEncoding},${value}`;
        return DROP;
      }
      return is(buffer, start, "x-forwarded-proto") ? FORWARDED : 0;
    default:
      return 0;
  }
}

/** Whether the name at `start` is `name`, which is lower case; the lengths are known to be equal. */
function is(buffer: Buffer, start: number, name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    // Names are tokens, so setting bit 5 lower-cases letters and maps nothing else onto a letter or a hyphen.
    if ((buffer[start + index]! | 0x20) !== name.charCodeAt(index)) return false;
  }
  return true;
}

function valueOf(buffer: Buffer, nameEnd: number, end: number): string {
  return buffer.latin1Slice(nameEnd + 1, end).trim();
}

function readHost(
  buffer: Buffer,
  start: number,
  end: number,
  head: ParsedHead,
  facts: Facts,
): number | HeadProblem {
  facts.hosts += 1;
  let from = start;
  while (from < end && (buffer[from] === 0x20 || buffer[from] === 0x09)) from++;
  let to = end;
  while (to > from && (buffer[to - 1] === 0x20 || buffer[to - 1] === 0x09)) to--;
  for (let at = from; at < to; at++) {
    if (HOST[buffer[at]!] === 0) return malformed("a malformed Host header");
  }
  if (facts.hosts > 1) return malformed("more than one Host header");
  // The authority of an absolute-form target replaces it; it is written anew.
  if (head.hostIsFromTarget) return DROP;
  head.host = buffer.latin1Slice(from, to);
  return 0;
}

function readExpect(value: string, head: ParsedHead): number | HeadProblem {
  if (value.toLowerCase() !== "100-continue")
    return { code: "expectation", value: value.slice(0, 100) };
  head.expectsContinue = true;
  return DROP;
}

function readContentLength(
  buffer: Buffer,
  nameEnd: number,
  end: number,
  head: ParsedHead,
): number | HeadProblem {
  const value = valueOf(buffer, nameEnd, end);
  if (!/^[0-9]{1,15}$/.test(value)) return malformed("a malformed Content-Length");
  const length = Number(value);
  if (head.contentLength !== -1 && head.contentLength !== length) {
    return malformed("Content-Length headers that differ");
  }
  // A repeated equal value is passed on once.
  const isRepeated = head.contentLength === length;
  head.contentLength = length;
  return isRepeated ? DROP : 0;
}

function conclude(head: ParsedHead, facts: Facts): HeadProblem | null {
  if (facts.hosts === 0 && !head.isHttp10) return malformed("no Host header");
  if (facts.transferEncoding !== null) {
    // Two ways to say where a body ends are how requests are smuggled.
    if (head.contentLength !== -1) return malformed("both Transfer-Encoding and Content-Length");
    if (head.isHttp10) return malformed("Transfer-Encoding in HTTP/1.0");
    if (facts.transferEncoding !== "chunked")
      return malformed("a Transfer-Encoding other than chunked");
    head.isChunked = true;
  }
  const options =
    facts.connection === "" ? [] : facts.connection.split(",").map((option) => option.trim());
  head.keepAlive = head.isHttp10 ? options.includes("keep-alive") : !options.includes("close");
  if (facts.upgrade === "websocket" && options.includes("upgrade") && !head.isHttp10) {
    head.wantsWebSocket = head.method === "GET" && head.contentLength <= 0 && !head.isChunked;
    if (head.wantsWebSocket) head.kept.push(...facts.upgradeLines);
  }
  return null;
}

/** Whether a client's `x-request-id` is taken over: short, visible ASCII. */
export function isTokenRequestId(value: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(value);
}

/** `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zero (W3C Trace Context). */
export function isTraceparent(value: string): boolean {
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(value);
}
