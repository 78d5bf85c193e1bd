import { describe, expect, test } from "bun:test";
import { isTokenRequestId, parseHead } from "../http/head-parser.ts";
import { ParsedHead } from "../http/parsed-head.ts";
import { Peer, writeForwardedHead } from "./forwarded-head.ts";
import { RequestId } from "./request-id.ts";
import { TraceLines } from "./trace-lines.ts";

const ids = "4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7";
const trace = new TraceLines((bytes) => bytes.fill(ids, "hex"));
const traceId = ids.slice(0, 32);
const made = `00-${traceId}-00f067aa0ba902b7-01`;

/** The lines that the app gets, without the request line. */
function forward(
  lines: readonly string[],
  peer: { address?: string; port?: number; isTrusted?: boolean } = {},
  requestLine = "GET /x?y HTTP/1.1",
) {
  const text = [requestLine, ...lines].map((line) => `${line}\r\n`).join("");
  const source = Buffer.from(`${text}\r\n`, "latin1");
  const head = new ParsedHead();
  expect(parseHead(source, 0, source.length, head)).toBeNull();
  const out = Buffer.alloc(4096);
  const { address = "10.0.0.9", port = 5000, isTrusted = false } = peer;
  const from = new Peer(address, port, isTrusted);
  const id = new RequestId();
  trace.next();
  if (isTokenRequestId(head.requestId)) id.set(head.requestId);
  else id.take(trace);
  const bytes = writeForwardedHead(out, source, head, from, id, trace);
  const [first, ...rest] = out.latin1Slice(0, bytes).split("\r\n");
  expect(rest.pop()).toBe("");
  return { first, lines: rest };
}

test("the app is told who asks, and over what", () => {
  const { first } = forward(["Host: a"], { address: "::1", port: 7 });

  expect(first).toBe(`GET /x?y http a ${traceId} ::1 7`);
});

test("the app is told that the client used HTTPS when a trusted proxy says so, the first of several", () => {
  const schemeOf = (lines: string[], isTrusted = true) =>
    forward(["Host: a", ...lines.map((value) => `X-Forwarded-Proto: ${value}`)], {
      isTrusted,
    }).first?.split(" ")[2];

  for (const lines of [["https"], ["HTTPS"], ["https, http"], ["https", "http"], [" https "]]) {
    expect(schemeOf(lines), lines.join("|")).toBe("https");
    expect(schemeOf(lines, false), lines.join("|")).toBe("http");
  }
  for (const lines of [
    ["http"],
    ["http, https"],
    ["http", "https"],
    ["httpsx"],
    ["https evil"],
    [""],
  ]) {
    expect(schemeOf(lines), lines.join("|")).toBe("http");
  }
});

test("the client's lines are passed on as they were sent, before what is added", () => {
  const { lines } = forward(["hOsT: a", "X-A:  b ", "X-A: c"]);

  expect(lines).toEqual([
    "hOsT: a",
    "X-A:  b ",
    "X-A: c",
    "x-forwarded-for: 10.0.0.9",
    "x-forwarded-proto: http",
    `x-request-id: ${traceId}`,
    `traceparent: ${made}`,
  ]);
});

test("the authority of an absolute target becomes the Host line", () => {
  const { first, lines } = forward(["Host: other"], {}, "GET http://a.localhost:80/p HTTP/1.1");

  expect(first).toBe(`GET /p http a.localhost:80 ${traceId} 10.0.0.9 5000`);
  expect(lines[0]).toBe("host: a.localhost:80");
  expect(lines.join()).not.toContain("other");
});

describe("forwarded lines", () => {
  const sent = [
    "Host: a",
    "X-Forwarded-For: 1.1.1.1",
    "X-Forwarded-For: 2.2.2.2",
    "X-Forwarded-Host: shop.example",
    "X-Forwarded-Proto: https",
    "X-Real-IP: 1.1.1.1",
    "Forwarded: for=1.1.1.1",
  ];

  test("of a client that is not trusted are dropped", () => {
    const { lines } = forward(sent);

    expect(lines).toEqual([
      "Host: a",
      "x-forwarded-for: 10.0.0.9",
      "x-forwarded-proto: http",
      `x-request-id: ${traceId}`,
      `traceparent: ${made}`,
    ]);
  });

  test("of a trusted proxy are passed on, with its address appended", () => {
    const { lines } = forward(sent, { isTrusted: true });

    expect(lines).toEqual([
      "Host: a",
      "X-Forwarded-Host: shop.example",
      "X-Forwarded-Proto: https",
      "X-Real-IP: 1.1.1.1",
      "Forwarded: for=1.1.1.1",
      "x-forwarded-for: 1.1.1.1, 2.2.2.2, 10.0.0.9",
      `x-request-id: ${traceId}`,
      `traceparent: ${made}`,
    ]);
  });

  test("of a trusted proxy that says nothing of the protocol get it added", () => {
    const { lines } = forward(["Host: a", "X-Forwarded-Host: h"], { isTrusted: true });

    expect(lines).toContain("x-forwarded-for: 10.0.0.9");
    expect(lines).toContain("x-forwarded-proto: http");
  });
});

describe("ids", () => {
  test("of the client are taken over when they are valid", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    const { lines } = forward([
      "Host: a",
      "X-Request-Id: mine-1",
      `Traceparent: ${traceparent}`,
      "Tracestate: v=1",
    ]);

    expect(lines).toContain("x-request-id: mine-1");
    expect(lines).toContain(`traceparent: ${traceparent}`);
    expect(lines).toContain("Tracestate: v=1");
  });

  test("are made when the client's are not valid", () => {
    const { lines } = forward(["Host: a", "X-Request-Id: a b", "Traceparent: 00-x"]);

    expect(lines).toContain(`x-request-id: ${traceId}`);
    expect(lines).toContain(`traceparent: ${made}`);
    expect(lines.join()).not.toContain("a b");
  });
});
