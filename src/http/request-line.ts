/** The first line of a request: method, target, version (RFC 9112, 3). */
import { PlatformError } from "../base/errors.ts";
import { Interned } from "./interned.ts";
import { targetBytesMax } from "./limits.ts";
import { malformed } from "./malformed.ts";
import type { ParsedHead } from "./parsed-head.ts";

/** Bytes of a token (RFC 9110). */
export const TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[character.charCodeAt(0)] = 1;
}
/** Bytes of a request target: visible ASCII, and what lies above it, which is escaped. */
const TARGET = new Uint8Array(256);
for (let code = 0x21; code < 256; code++) TARGET[code] = code === 0x7f ? 0 : 1;
/** A host without user information: name, IPv4 or bracketed IPv6, then perhaps a port. */
export const HOST = /^(?:[\w\-.~%!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/;
/** Methods are case-sensitive; Request would change `get` to `GET` and refuse the other three. */
const METHOD_REFUSED = /[a-z]|^(?:CONNECT|TRACE|TRACK)$/;

/** Parsing is synchronous, so one table serves all heads. */
export const interned = new Interned();

/** Reads the first line; `head.end` is then where the next one starts. */
export function parseRequestLine(
  buffer: Buffer,
  start: number,
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
  const lineEnd = at + 1 + VERSION_1_1.length;
  if (hasText(buffer, at + 1, VERSION_1_1)) head.end = lineEnd;
  else {
    const problem = readVersion(buffer, at + 1, head);
    if (problem !== null) return problem;
  }
  if (head.method !== "GET" && METHOD_REFUSED.test(head.method)) {
    return new PlatformError("METHOD_NOT_SUPPORTED", [head.method.slice(0, 100)]);
  }
  const target = interned.read(buffer, targetStart, at);
  if (bits < 0x80 && buffer[targetStart] === 0x2f) head.targetEnd = at;
  return readTarget(bits < 0x80 ? target : escaped(target), head);
}

const VERSION_1_1 = "HTTP/1.1\r\n";

/** Reads a version that is not the usual one. */
function readVersion(buffer: Buffer, start: number, head: ParsedHead): PlatformError | null {
  const end = buffer.indexOf("\r\n", start, "latin1");
  const version = buffer.latin1Slice(start, end);
  head.end = end + 2;
  head.isHttp10 = version === "HTTP/1.0";
  if (head.isHttp10) return null;
  return /^HTTP\/\d\.\d$/.test(version)
    ? new PlatformError("PROTOCOL_VERSION_UNKNOWN", [version])
    : malformed("a malformed request line");
}

function hasText(buffer: Buffer, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (buffer[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
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
