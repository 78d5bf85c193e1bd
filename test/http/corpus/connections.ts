/** What happens between requests: keep-alive, close, pipelines, upgrades to something else. */
import { type Case, same } from "../case.ts";
import { chunkedHead, chunks, get, gets, head, mark, marked, post, raw } from "./request-text.ts";

/** A body that looks like a request. */
const LATE_BODY = "GET /mark/late-body HTTP/1.1\r\nHost: probe.localhost\r\n\r\n";

export const connections: readonly Case[] = [
  { claim: "HTTP/1.1 stays open", steps: [get("/hello")], judge: same },
  {
    claim: "Connection: close closes after the answer",
    steps: [get("/hello", "Connection: close")],
    finally: "wait",
    judge: same,
  },
  {
    claim: "close is read in any case and in a list",
    steps: [get("/hello", "Connection: x-other, CLOSE")],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, headers: { connection: /close/i } }],
      end: "closed",
      because: "RFC 9110 7.6.1: a list of options in any case",
    },
  },
  {
    claim: "what comes after a request with close is not read",
    steps: [get("/hello", "Connection: close") + get("/mark/after-close")],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "hello" }],
      end: "closed",
      because: "RFC 9112 9.6: the server does not process further requests",
    },
    unreached: "/mark/after-close",
  },
  {
    claim: "HTTP/1.0 closes after the answer",
    steps: [head("GET /hello HTTP/1.0")],
    asked: [{ method: "GET", version: "1.0" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "hello" }],
      end: "closed",
      because: "RFC 9112 9.3: HTTP/1.0 does not persist unless it asks to",
    },
  },
  {
    claim: "HTTP/1.0 with keep-alive is told that it is kept, or closed",
    steps: [head("GET /hello HTTP/1.0", "Connection: keep-alive")],
    asked: [{ method: "GET", version: "1.0" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "hello", headers: { connection: /^(keep-alive|close)$/i } }],
      end: "either",
      because: "RFC 9112 9.3: kept only when the answer says so",
    },
  },
  {
    claim: "a streamed answer to HTTP/1.0 ends with the connection",
    steps: [head("GET /body/stream-async HTTP/1.0")],
    asked: [{ method: "GET", version: "1.0" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "one two three", headers: { "transfer-encoding": null } }],
      end: "closed",
      because: "RFC 9112 6.1: no transfer-encoding to an HTTP/1.0 client",
    },
  },
  {
    claim: "a body in HTTP/1.0 arrives",
    steps: [`${head("POST /digest HTTP/1.0", "Content-Length: 4")}body`],
    asked: [{ method: "POST", version: "1.0" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: /"bytes":4/ }],
      end: "closed",
      because: "RFC 9112 9.3: HTTP/1.0 does not persist unless it asks to",
    },
  },
  {
    claim: "20 requests in one write are answered in order",
    steps: [Array.from({ length: 20 }, (_, index) => get(`/url?n=${index}`)).join("")],
    asked: gets(20),
    judge: same,
  },
  {
    claim: "a pipeline with bodies is answered in order",
    steps: [
      post("/echo?n=0", "first") +
        chunkedHead("/echo?n=1") +
        chunks("sec", "ond") +
        get("/echo?n=2") +
        post("/echo?n=3", "fourth"),
    ],
    asked: [{ method: "POST" }, { method: "POST" }, { method: "GET" }, { method: "POST" }],
    judge: {
      kind: "strict",
      answers: [
        { status: 200, body: /n=0".*"first"/ },
        { status: 200, body: /n=1".*"second"/ },
        { status: 200, body: /n=2"/ },
        { status: 200, body: /n=3".*"fourth"/ },
      ],
      end: "open",
      because: "RFC 9112 9.3.2: pipelined requests are answered in order",
      bareVaries: true,
    },
  },
  {
    claim: "a pipelined request waits for a pending one",
    steps: [get("/paced/answer?key={key}"), marked("started"), get("/hello"), mark("go")],
    asked: gets(2),
    judge: {
      kind: "strict",
      answers: [
        { status: 200, body: "after go" },
        { status: 200, body: "hello" },
      ],
      end: "open",
      because: "RFC 9112 9.3.2: pipelined requests are answered in order",
      bareVaries: true,
    },
  },
  {
    claim: "a pipelined request waits for a streaming answer",
    steps: [get("/paced/stream?key={key}"), { until: "body", bytes: 6 }, get("/hello"), mark("go")],
    asked: gets(2),
    judge: {
      kind: "strict",
      answers: [
        { status: 200, body: "first second" },
        { status: 200, body: "hello" },
      ],
      end: "open",
      because: "RFC 9112 9.3.2: pipelined requests are answered in order",
      bareVaries: true,
    },
  },
  {
    claim: "a request cut in its head can be finished after the answer before it",
    steps: [
      `${get("/hello")}GET /url?n=1 HT`,
      { until: "answer" },
      "TP/1.1\r\nHost: {host}\r\n\r\n",
    ],
    asked: gets(2),
    judge: same,
  },
  {
    claim: "a malformed request in a pipeline ends it after the answers before",
    steps: [get("/hello") + get("/url") + get("/hello", "bad line") + get("/mark/after-bad")],
    asked: gets(3),
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200 }, { status: 200 }, { status: 400 }],
      end: "closed",
      because: "the end of a malformed request is not known, so nothing after it is read",
    },
    unreached: "/mark/after-bad",
  },
  {
    claim: "a client that is refused while it sends can read why",
    steps: [
      raw(
        "POST /echo HTTP/1.1",
        "Host: {host}",
        "Bad Line",
        "Content-Length: 3000000",
        "Accept: application/json",
      ),
      "x".repeat(3_000_000),
    ],
    asked: [{ method: "POST" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
      end: "either",
      because:
        "RFC 9112 9.6: a close with unread bytes is a reset, which can take the answer with it",
      bareVaries: true,
    },
  },
  {
    claim: "an upgrade to something unknown is not made",
    steps: [
      get(
        "/hello",
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
      ),
    ],
    judge: same,
  },
  {
    claim: "the answer may come before the body, and the rest is not a request",
    steps: [
      head("POST /unread HTTP/1.1", `Content-Length: ${LATE_BODY.length}`),
      { until: "answer" },
      LATE_BODY,
    ],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "not read" }],
      end: "either",
      because: "either the rest is read and dropped, or the connection ends",
    },
    unreached: "/mark/late-body",
  },
  {
    claim: "an answer of the app with an error status keeps the connection",
    steps: [get("/status/500?body=broken"), { until: "answer" }, get("/status/404?body=none")],
    asked: gets(2),
    judge: same,
  },
  {
    claim: "500 requests on one connection are answered",
    steps: [...Array.from({ length: 500 }, () => get("/hello"))],
    asked: gets(500),
    judge: {
      kind: "strict",
      answers: Array.from({ length: 500 }, () => ({ status: 200, body: "hello" })),
      end: "open",
      because: "RFC 9112 9.3.2: pipelined requests are answered in order",
    },
  },
  {
    claim: "Proxy-Connection is nothing to the edge",
    steps: [raw("GET /hello HTTP/1.1", "Host: {host}", "Proxy-Connection: close")],
    judge: same,
  },
];
