import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../base/errors.ts";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { Ranges } from "../base/ranges.ts";
import {
  isTokenRequestId,
  isTraceparent,
  parseHead,
  problemOfUnfinishedHead,
} from "./head-parser.ts";
import { headBytesMax, headerLinesMax, targetBytesMax } from "./limits.ts";
import { ParsedHead } from "./parsed-head.ts";

/** Parses a head that stands in the middle of a buffer, since offsets are easily forgotten. */
function parse(text: string): {
  code: ErrorCode | null;
  head: ParsedHead;
  kept: string;
  /** What the parser took for the head. */
  read: string;
} {
  const buffer = Buffer.from(`before${text}GET /after HTTP/1.1\r\n\r\n`, "latin1");
  const head = new ParsedHead();
  const start = "before".length;
  const problem = parseHead(buffer, start, start + text.length, head);
  const read = buffer.latin1Slice(start, head.end);
  return { code: problem?.code ?? null, head, kept: rangesOf(buffer, head.kept.toList()), read };
}

function rangesOf(buffer: Buffer, ranges: readonly number[]): string {
  let text = "";
  for (let at = 0; at < ranges.length; at += 2) {
    text += buffer.latin1Slice(ranges[at]!, ranges[at + 1]!);
  }
  return text;
}

const head = (line: string, ...lines: string[]) => `${[line, ...lines].join("\r\n")}\r\n\r\n`;
const get = (...lines: string[]) => head("GET / HTTP/1.1", "Host: a.localhost", ...lines);

describe("a good head", () => {
  test("is read without its own connection's lines", () => {
    const { code, head, kept } = parse(
      get(
        "Accept: text/html",
        "Connection: keep-alive",
        "X-Mine: 1",
        "TE: trailers",
        "Trailer: x",
        "Keep-Alive: 5",
        "Proxy-Connection: close",
        "Upgrade: h2c",
        "HTTP2-Settings: AA",
        "Cookie: a=b",
      ),
    );

    expect(code).toBeNull();
    expect(kept).toBe("Host: a.localhost\r\nAccept: text/html\r\nX-Mine: 1\r\nCookie: a=b\r\n");
    expect(head).toMatchObject({
      method: "GET",
      target: "/",
      host: "a.localhost",
      accept: "text/html",
      isHttp10: false,
      keepAlive: true,
      contentLength: -1,
      isChunked: false,
      wantsWebSocket: false,
    });
  });

  test("leaves nothing behind for the next one", () => {
    const shared = new ParsedHead();
    const full = Buffer.from(
      head(
        "POST http://b/ HTTP/1.1",
        "Host: b",
        "Content-Length: 5",
        "Expect: 100-continue",
        "X-Request-Id: r",
        "X-Forwarded-For: 1.1.1.1",
        "X-Forwarded-Proto: https",
        "Traceparent: t",
        "Connection: close",
        "Accept: a",
      ),
    );
    const plain = Buffer.from(get());

    parseHead(full, 0, full.length, shared);
    parseHead(plain, 0, plain.length, shared);

    const fresh = new ParsedHead();
    parseHead(plain, 0, plain.length, fresh);
    const plainly = (parsed: ParsedHead) =>
      Object.entries(parsed).map(([key, value]) => [
        key,
        value instanceof Ranges ? value.toList() : value,
      ]);
    expect(plainly(shared)).toEqual(plainly(fresh));
  });

  const fields: [string, string, Partial<ParsedHead>][] = [
    ["a length", get("Content-Length: 12"), { contentLength: 12 }],
    ["a length with zeros in front", get("Content-Length: 0012"), { contentLength: 12 }],
    ["chunked in any case", get("Transfer-Encoding: CHUNKED"), { isChunked: true }],
    ["close in a list", get("Connection: x, CLOSE"), { keepAlive: false }],
    ["close in the second line", get("Connection: x", "connection: close"), { keepAlive: false }],
    ["HTTP/1.0", head("GET / HTTP/1.0"), { isHttp10: true, keepAlive: false, host: "" }],
    [
      "HTTP/1.0 with keep-alive",
      head("GET / HTTP/1.0", "Connection: Keep-Alive"),
      { keepAlive: true },
    ],
    ["an expectation", get("Expect: 100-Continue"), { expectsContinue: true }],
    [
      "an expectation in HTTP/1.0, which means nothing",
      head("GET / HTTP/1.0", "Expect: magic"),
      { expectsContinue: false },
    ],
    [
      "an absolute target, whose authority counts",
      head("GET http://B.example:80/x?y HTTP/1.1", "Host: a"),
      { target: "/x?y", host: "B.example:80", hostIsFromTarget: true },
    ],
    [
      "an absolute target without a path",
      head("GET http://b?y HTTP/1.1", "Host: a"),
      { target: "/?y", host: "b" },
    ],
    [
      "bytes outside of ASCII in a target, escaped",
      head("GET /\xc3\xa9?\xff HTTP/1.1", "Host: a"),
      { target: "/%C3%A9?%FF" },
    ],
    ["a value with blanks around it", get("Accept: \t text/html\t "), { accept: "text/html" }],
    ["an empty value", get("Accept:"), { accept: "" }],
    ["an IPv6 host", head("GET / HTTP/1.1", "Host: [::1]:4000"), { host: "[::1]:4000" }],
    [
      "forwarded lines",
      get("X-Forwarded-For: 1.1.1.1", "x-forwarded-for: 2.2.2.2", "X-Forwarded-Proto: https"),
      { forwardedFor: "1.1.1.1, 2.2.2.2", hasForwardedProto: true, isForwardedSecure: true },
    ],
    [
      "a WebSocket",
      get("Connection: keep-alive, Upgrade", "Upgrade: WebSocket"),
      { wantsWebSocket: true },
    ],
    ["no WebSocket without the option", get("Upgrade: websocket"), { wantsWebSocket: false }],
    [
      "no WebSocket with a body",
      get("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 1"),
      { wantsWebSocket: false },
    ],
    [
      "no WebSocket by another method",
      head("POST / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"),
      { wantsWebSocket: false },
    ],
  ];

  test.each(fields)("with %s is read", (_what, text, expected) => {
    const { code, head } = parse(text);

    expect(code).toBeNull();
    expect(head).toMatchObject(expected);
  });

  test("for a WebSocket keeps its Upgrade lines", () => {
    const { kept } = parse(get("Connection: Upgrade", "Upgrade: websocket"));

    expect(kept).toBe("Host: a.localhost\r\nUpgrade: websocket\r\n");
  });

  test("keeps forwarded lines apart", () => {
    const text = get("X-Forwarded-Host: h", "X-Real-IP: 1", "Forwarded: for=1", "X-Mine: 1");
    const { head, kept } = parse(text);

    expect(kept).toBe("Host: a.localhost\r\nX-Mine: 1\r\n");
    const buffer = Buffer.from(`before${text}`, "latin1");
    expect(rangesOf(buffer, head.forwarded.toList())).toBe(
      "X-Forwarded-Host: h\r\nX-Real-IP: 1\r\nForwarded: for=1\r\n",
    );
  });
});

describe("a hostile head", () => {
  const line = (text: string) => head(text, "Host: a");
  const refusals: [ErrorCode, string][] = [
    ["REQUEST_MALFORMED", line("GET /")],
    ["REQUEST_MALFORMED", line("GET  / HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET\t/ HTTP/1.1")],
    ["REQUEST_MALFORMED", line(" / HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET / HTTP/1.1 ")],
    ["REQUEST_MALFORMED", line("GET / http/1.1")],
    ["REQUEST_MALFORMED", line("GET / HTTP/1.10")],
    ["REQUEST_MALFORMED", line("G(T / HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET /a\0b HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET /a\x7fb HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET /a#b HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET a HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET * HTTP/1.1")],
    ["REQUEST_MALFORMED", line("OPTIONS * HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET http:///a HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET http://u@b/a HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET http://b:x/a HTTP/1.1")],
    ["REQUEST_MALFORMED", line("GET ftp://b/a HTTP/1.1")],
    ["PROTOCOL_VERSION_UNKNOWN", line("GET / HTTP/2.0")],
    ["PROTOCOL_VERSION_UNKNOWN", line("GET / HTTP/1.2")],
    ["METHOD_NOT_SUPPORTED", line("CONNECT a:1 HTTP/1.1")],
    ["METHOD_NOT_SUPPORTED", line("TRACE / HTTP/1.1")],
    ["METHOD_NOT_SUPPORTED", line("TRACK / HTTP/1.1")],
    ["METHOD_NOT_SUPPORTED", line("get / HTTP/1.1")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1", "Host: a", "Host: a")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1", "Host: a b")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1", "Host: a/b")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1", "Host: u@a")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1", "Host: a:x")],
    ["REQUEST_MALFORMED", head("GET / HTTP/1.1", "Host: [::1")],
    ["REQUEST_MALFORMED", head("GET http://a/ HTTP/1.1", "Host: a b")],
    ["REQUEST_MALFORMED", get("X : 1")],
    ["REQUEST_MALFORMED", get("X\t: 1")],
    ["REQUEST_MALFORMED", get(" X: 1")],
    ["REQUEST_MALFORMED", get("X: 1", " folded")],
    ["REQUEST_MALFORMED", get(": 1")],
    ["REQUEST_MALFORMED", get("X")],
    ["REQUEST_MALFORMED", get("X\xe9: 1")],
    ["REQUEST_MALFORMED", get("X: a\nY: b")],
    ["REQUEST_MALFORMED", get("X: a\rY: b")],
    ["REQUEST_MALFORMED", get("X: a\0b")],
    ["REQUEST_MALFORMED", get("X: a\x01b")],
    ["REQUEST_MALFORMED", get("X: a\x7fb")],
    ["REQUEST_MALFORMED", get("Content-Length: +5")],
    ["REQUEST_MALFORMED", get("Content-Length: 0x5")],
    ["REQUEST_MALFORMED", get("Content-Length: 5, 5")],
    ["REQUEST_MALFORMED", get("Content-Length:")],
    ["REQUEST_MALFORMED", get("Content-Length: 1234567890123456")],
    ["REQUEST_MALFORMED", get("Content-Length: 5", "Content-Length: 5")],
    ["REQUEST_MALFORMED", get("Content-Length: 5", "Content-Length: 6")],
    ["REQUEST_MALFORMED", get("Content-Length: 5", "Transfer-Encoding: chunked")],
    ["REQUEST_MALFORMED", get("Transfer-Encoding: chunked", "Content-Length: 0")],
    ["REQUEST_MALFORMED", get("Transfer-Encoding: gzip, chunked")],
    ["REQUEST_MALFORMED", get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")],
    ["REQUEST_MALFORMED", get("Transfer-Encoding: chunked;q=1")],
    ["REQUEST_MALFORMED", get("Transfer-Encoding:")],
    ["REQUEST_MALFORMED", head("POST / HTTP/1.0", "Transfer-Encoding: chunked")],
    ["EXPECTATION_UNKNOWN", get("Expect: 200-ok")],
    ["REQUEST_TARGET_TOO_LONG", line(`GET /${"x".repeat(targetBytesMax)} HTTP/1.1`)],
    [
      "REQUEST_HEAD_TOO_LARGE",
      get(...Array.from({ length: headerLinesMax }, (_, index) => `a${index}:`)),
    ],
  ];

  test.each(refusals)("is answered with %s: %j", (expected, text) => {
    expect(parse(text).code).toBe(expected);
  });

  test("of the longest target and the most lines that are allowed is read", () => {
    const lines = Array.from({ length: headerLinesMax - 1 }, (_, index) => `a${index}:`);
    const target = `/${"x".repeat(targetBytesMax - 1)}`;

    expect(parse(head(`GET ${target} HTTP/1.1`, "Host: a", ...lines)).code).toBeNull();
  });
});

describe("an unfinished head", () => {
  const cases: [ErrorCode | null, string][] = [
    [null, ""],
    [null, "GET / HT"],
    [null, "GET / HTTP/1.1\r\nHost: a\r\nX-Half"],
    [null, `GET / HTTP/1.1\r\nX: ${"x".repeat(headBytesMax - 20)}`],
    ["REQUEST_MALFORMED", "GET / HTTP/1.1\nHost: a\n"],
    ["REQUEST_MALFORMED", "GET /\0"],
    ["REQUEST_TARGET_TOO_LONG", `GET /${"x".repeat(targetBytesMax + 300)}`],
    ["REQUEST_TARGET_TOO_LONG", `GET /${"x".repeat(targetBytesMax + 300)} HTTP/1.1\r\nHost: a`],
    ["REQUEST_HEAD_TOO_LARGE", `GET / HTTP/1.1\r\nX: ${"x".repeat(headBytesMax)}`],
  ];

  test.each(cases)("gives %s as soon as it is known: %p", (expected, text) => {
    expect(problemOfUnfinishedHead(Buffer.from(text, "latin1"))?.code ?? null).toBe(expected);
  });
});

test("request ids are taken over when they are short and visible", () => {
  expect(["a", "A-1_b.c", "x".repeat(64)].map(isTokenRequestId)).toEqual([true, true, true]);
  expect(["", "a b", "x".repeat(65), "caf\xe9", "a\x1fb"].map(isTokenRequestId)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});

test("traceparents are passed on when W3C allows them", () => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const span = "00f067aa0ba902b7";
  const good = [`00-${trace}-${span}-01`, `00-${trace}-${span}-00`];
  const bad = [
    "",
    `01-${trace}-${span}-01`,
    `00-${trace}-${span}`,
    `00-${trace.toUpperCase()}-${span}-01`,
    `00-${"0".repeat(32)}-${span}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace}-${span}-01-x`,
  ];

  expect(good.filter(isTraceparent)).toEqual(good);
  expect(bad.filter(isTraceparent)).toEqual([]);
});

/** RFC 9112 again, as slow and plain as can be: one regular expression per rule. */
function isAcceptable(text: string): boolean {
  if (!text.endsWith("\r\n\r\n")) return false;
  const [requestLine = "", ...lines] = text.slice(0, -4).split("\r\n");
  const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
  if (!new RegExp(`^${token} [\\x21-\\x7e\\x80-\\xff]+ HTTP/1\\.[01]$`).test(requestLine)) {
    return false;
  }
  const field = new RegExp(`^${token}:[\\t\\x20-\\x7e\\x80-\\xff]*$`);
  if (!lines.every((line) => field.test(line))) return false;
  const valuesOf = (name: string) =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).trim());
  const hosts = valuesOf("host");
  const lengths = valuesOf("content-length");
  const codings = valuesOf("transfer-encoding");
  if (hosts.length > 1 || (hosts.length === 0 && requestLine.endsWith("1"))) return false;
  if (lengths.length > 1 || lengths.some((value) => !/^[0-9]+$/.test(value))) return false;
  if (codings.length > 1 || codings.some((value) => value.toLowerCase() !== "chunked"))
    return false;
  if (codings.length > 0 && (lengths.length > 0 || requestLine.endsWith("0"))) return false;
  return !requestLine.split(" ")[1]!.includes("#") && lines.length <= headerLinesMax;
}

const GOOD = [
  get(),
  get("Content-Length: 5", "Accept: */*", "Cookie: a=b; c=d"),
  get("Transfer-Encoding: chunked", "Connection: close"),
  head("POST /a/b?c=d HTTP/1.1", "Host: a:80", "X-A: b", "X-Forwarded-For: 1"),
  head("GET / HTTP/1.0", "Connection: keep-alive"),
  head("GET http://a/b HTTP/1.1", "Host: c"),
];
const PIECES = [
  ..."\r\n\0\t :,;=/#?%x5\x7f\xff".split(""),
  "\r\n",
  "\r\n ",
  "Host: b\r\n",
  "Content-Length: 7\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding: x\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
];

function damaged(random: Random): string {
  let text = pick(random, GOOD);
  for (let count = random(4); count >= 0; count--) {
    const at = random(text.length);
    const skipped = random(3) === 0 ? random(8) : 0;
    const piece = random(4) === 0 ? "" : pick(random, PIECES);
    text = text.slice(0, at) + piece + text.slice(at + skipped);
  }
  // The connection looks for the first empty line.
  const end = text.indexOf("\r\n\r\n");
  return end === -1 ? `${text}\r\n\r\n` : text.slice(0, end + 4);
}

test("no damaged head is accepted that a plain reading of the RFC refuses", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  let accepted = 0;

  for (let round = 0; round < 50_000; round++) {
    const text = damaged(random);
    const { code, read } = parse(text);
    if (code !== null) continue;
    accepted += 1;
    // What follows an empty line is another request.
    if (!isAcceptable(read)) expect.unreachable(`seed ${seed}: ${JSON.stringify(text)}`);
  }

  expect(accepted).toBeGreaterThan(1000);
});

test("noise is refused, and nothing is thrown", () => {
  const seed = testSeed();
  const random = randomOf(seed);

  for (let round = 0; round < 20_000; round++) {
    const noise = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
    const text = `${noise.latin1Slice().replaceAll("\r\n\r\n", "")}\r\n\r\n`;
    const { code, read } = parse(text);
    if (code === null && !isAcceptable(read)) {
      expect.unreachable(`seed ${seed}: ${JSON.stringify(text)}`);
    }
    problemOfUnfinishedHead(noise);
  }
});
