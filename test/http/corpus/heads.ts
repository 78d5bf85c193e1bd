/** Request lines and header lines: what is read, what is refused, and how much of it. */
import type { Case } from "../case.ts";
import { get, head, post, raw } from "./request-text.ts";

const HEADER = "RFC 9110 5.5 and RFC 9112 5: this is no header line";
const LINE = "RFC 9112 3: this is no request line";

const refused = (
  claim: string,
  text: string,
  because: string,
  status: number | readonly number[] = 400,
): Case => ({
  claim,
  steps: [text],
  finally: "wait",
  judge: { kind: "strict", answers: [{ status }], end: "closed", because },
});

const badHeader = (claim: string, line: string): Case =>
  refused(claim, get("/hello", line), HEADER);

export const heads: readonly Case[] = [
  badHeader("a space before the colon is refused", "X-Space : a"),
  badHeader("a tab before the colon is refused", "X-Tab\t: a"),
  badHeader("a folded header line is refused", "X-Fold: a\r\n b"),
  badHeader("a header line ended by a bare LF is refused", "X-Line: a\nX-Next: b"),
  badHeader("a bare CR in a header value is refused", "X-Return: a\rb"),
  badHeader("a NUL in a header value is refused", "X-Nul: a\0b"),
  badHeader("a control character in a header value is refused", "X-Control: a\x01b"),
  badHeader("a DEL in a header value is refused", "X-Delete: a\x7fb"),
  badHeader("a header line without a colon is refused", "X-No-Colon"),
  badHeader("a header without a name is refused", ": a"),
  badHeader("a header name with a space is refused", "X Space: a"),
  badHeader("a header name with a bracket is refused", "X(a): a"),
  badHeader("a header name outside of ASCII is refused", "X-\xe9: a"),
  badHeader("a header name with a NUL is refused", "X-\0: a"),
  refused(
    "a space before the first header line is refused",
    "GET /hello HTTP/1.1\r\n Host: {host}\r\n\r\n",
    "RFC 9112 2.2: whitespace between the request line and the first header is refused",
  ),
  refused(
    "lines that end with LF alone are refused",
    "GET /hello HTTP/1.1\nHost: {host}\n\n",
    "RFC 9112 2.2 allows to read them; an intermediary that does not would see another request",
  ),
  refused("HTTP/0.9 is refused", "GET /hello\r\n\r\n", LINE, [400, 505]),
  refused(
    "the preface of HTTP/2 is refused",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "only HTTP/1 is spoken here",
    [400, 505],
  ),
  refused(
    "HTTP/2.0 in a request line is refused",
    raw("GET /hello HTTP/2.0", "Host: {host}"),
    "RFC 9110 15.6.6: 505",
    505,
  ),
  refused(
    "HTTP/3.0 in a request line is refused",
    raw("GET /hello HTTP/3.0", "Host: {host}"),
    "RFC 9110 15.6.6: 505",
    505,
  ),
  refused(
    "a protocol name in lower case is refused",
    raw("GET /hello http/1.1", "Host: {host}"),
    LINE,
    [400, 505],
  ),
  refused(
    "another protocol's name is refused",
    raw("GET /hello ICY/1.1", "Host: {host}"),
    LINE,
    [400, 505],
  ),
  refused(
    "a version without a minor number is refused",
    raw("GET /hello HTTP/1", "Host: {host}"),
    LINE,
    [400, 505],
  ),
  refused(
    "a version of two digits is refused",
    raw("GET /hello HTTP/1.10", "Host: {host}"),
    LINE,
    [400, 505],
  ),
  refused("text after the version is refused", raw("GET /hello HTTP/1.1 x", "Host: {host}"), LINE),
  refused(
    "two spaces after the method are refused",
    raw("GET  /hello HTTP/1.1", "Host: {host}"),
    LINE,
  ),
  refused("a tab after the method is refused", raw("GET\t/hello HTTP/1.1", "Host: {host}"), LINE),
  refused(
    "a request line without a method is refused",
    raw(" /hello HTTP/1.1", "Host: {host}"),
    LINE,
  ),
  refused("a method that is no token is refused", raw("G(T /hello HTTP/1.1", "Host: {host}"), LINE),
  refused(
    "the start of a TLS handshake is refused",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    LINE,
  ),
  refused("bytes that are no HTTP are refused", `${"\xff\xfe\0".repeat(20)}\r\n\r\n`, LINE),
  {
    claim: "HTTP/1.2 is read as HTTP/1.1",
    steps: [raw("GET /hello HTTP/1.2", "Host: {host}")],
    judge: {
      kind: "strict",
      answers: [{ status: [200, 505] }],
      end: "either",
      because: "RFC 9110 2.5: a higher minor version is read as the highest that is known",
    },
  },
  {
    claim: "a method in lower case is another method",
    steps: [head("get /echo HTTP/1.1")],
    judge: {
      kind: "strict",
      answers: [{ status: [400, 405, 501] }],
      end: "either",
      because: "RFC 9110 9.1: methods are case-sensitive, and a Request makes GET of get",
    },
  },
  {
    claim: "CONNECT is not carried out",
    steps: [raw("CONNECT {host} HTTP/1.1", "Host: {host}", "Accept: application/json")],
    asked: [{ method: "CONNECT" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: 501, verdict: "METHOD_NOT_SUPPORTED" }],
      end: "either",
      because: "the edge is no proxy, and what follows a CONNECT is not HTTP",
    },
  },
  {
    claim: "TRACE reaches no app",
    steps: [head("TRACE /echo HTTP/1.1", "Cookie: secret=1")],
    asked: [{ method: "TRACE" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: [405, 501], body: /^(?!.*secret)/s }],
      end: "either",
      because: "a Request may not have this method, and an echo of headers gives cookies away",
    },
  },
  {
    claim: "an empty line before the request line is skipped",
    steps: [`\r\n${get("/hello")}`],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "hello" }],
      end: "open",
      because: "RFC 9112 2.2: a server should ignore at least one",
    },
  },
  {
    claim: "an empty line after a body is skipped",
    steps: [`${post("/echo", "body")}\r\n`, { until: "answer" }, get("/hello")],
    asked: [{ method: "POST" }, { method: "GET" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200 }, { status: 200, body: "hello" }],
      end: "open",
      because: "RFC 9112 2.2: a server should ignore at least one",
    },
  },
  {
    claim: "a target longer than a head may be is too long",
    steps: [raw(`GET /${"x".repeat(40_000)} HTTP/1.1`, "Host: {host}", "Accept: application/json")],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 414, verdict: "REQUEST_TARGET_TOO_LONG" }],
      end: "closed",
      because: "RFC 9112 3: 414",
    },
  },
  {
    claim: "a target without end is refused before it ends",
    steps: [`GET /${"x".repeat(300_000)}`],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 414 }],
      end: "closed",
      because: "RFC 9112 3: 414; memory is bounded",
    },
  },
  {
    claim: "a header of 100,000 bytes is too large",
    steps: [get("/hello", `X-Huge: ${"x".repeat(100_000)}`)],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 431, verdict: "REQUEST_HEAD_TOO_LARGE" }],
      end: "closed",
      because: "RFC 6585 5: 431",
    },
  },
  {
    claim: "headers without end are refused before they end",
    steps: [
      `GET /hello HTTP/1.1\r\nHost: {host}\r\n${"X-Many: yyyyyyyyyyyyyyyy\r\n".repeat(20_000)}`,
    ],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 431 }],
      end: "closed",
      because: "RFC 6585 5: 431; memory is bounded",
    },
  },
  {
    claim: "2000 short headers are too many",
    steps: [get("/hello", ...Array.from({ length: 2000 }, (_, index) => `a${index}:`))],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 431 }],
      end: "closed",
      because: "RFC 6585 5: 431; appending to Headers is quadratic",
    },
  },
];
