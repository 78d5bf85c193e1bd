/** Request targets and hosts: which app is meant, and the URL it sees. */
import { type Case, same } from "../case.ts";
import { get, head, raw } from "./request-text.ts";

const malformed = (claim: string, target: string): Case => ({
  claim,
  steps: [raw(`GET ${target} HTTP/1.1`, "Host: {host}", "Accept: application/json")],
  judge: {
    kind: "strict",
    answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
    end: "closed",
    because: "RFC 9112 3.2: a target in none of the four forms is invalid and is not repaired",
  },
});

const url = (claim: string, target: string): Case => ({
  claim,
  steps: [get(target)],
  judge: same,
});

const badHost = (claim: string, lines: string[]): Case => ({
  claim,
  steps: [raw("GET /hello HTTP/1.1", ...lines)],
  judge: {
    kind: "strict",
    answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
    end: "closed",
    because: "RFC 9112 3.2: 400 to a request without exactly one valid Host",
  },
});

/** 80 bytes that look like a request and are a body. */
const LOST_BODY = `${"GET /mark/lost-body HTTP/1.1\r\nHost: probe.localhost\r\nX-Fill: ".padEnd(76, "x")}\r\n\r\n`;

export const targets: readonly Case[] = [
  url("a query is kept as sent", "/url?a=1&a=2&b=%20+%2B&c"),
  url("an empty query is kept", "/url?"),
  url("percent-encoding is kept as sent", "/echo/%41%2f%2F%e2%82%ac%zz%"),
  url("repeated slashes are kept", "//url//a///b"),
  url("only slashes are a path", "///"),
  url("dot segments are what URL makes of them", "/echo/a/../b/./c"),
  url("dot segments do not climb above the root", "/../../url"),
  url("encoded dot segments are what URL makes of them", "/echo/%2e%2e/%2E/url"),
  url("characters of HTML and scripts in a path are data", "/echo/<b>&\"'`{}|\\^"),
  url("a path with a colon is no scheme", "/echo/a:b@c"),
  url("a path with semicolons is kept", "/echo/a;b=c/d"),
  url(
    "bytes of UTF-8 in a target are what the app gets under Bun",
    "/echo/\xc3\xa9?q=\xe2\x82\xac",
  ),
  url("a target of 4000 bytes is read", `/url?q=${"x".repeat(4000)}`),
  url("a question mark in a query is data", "/url?a?b?c"),
  {
    claim: "an absolute target is read like its path",
    steps: [raw("GET http://{host}/url?a=1 HTTP/1.1", "Host: {host}")],
    judge: same,
  },
  {
    claim: "the host of an absolute target stands above the Host header",
    steps: [raw("GET http://{host}/url HTTP/1.1", "Host: elsewhere.example")],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: /^http:\/\/probe\.localhost:\d+\/url$/ }],
      end: "open",
      because: "RFC 9112 3.2.2: the Host header is ignored when the target is absolute",
    },
  },
  {
    claim: "an absolute target of an unknown host does not fall back to the Host header",
    steps: [raw("GET http://nobody.localhost/hello HTTP/1.1", "Host: {host}")],
    judge: {
      kind: "strict",
      answers: [{ status: 404, verdict: "HOST_UNKNOWN" }],
      end: "open",
      because: "RFC 9112 3.2.2: the Host header is ignored when the target is absolute",
    },
  },
  {
    claim: "OPTIONS * is a request about the server",
    steps: [head("OPTIONS * HTTP/1.1")],
    asked: [{ method: "OPTIONS" }],
    judge: {
      kind: "strict",
      answers: [{ status: [200, 204, 400, 404] }],
      end: "either",
      because:
        "RFC 9110 9.3.7: it asks the server and no app; bare Bun.serve does not know the form",
    },
  },
  malformed("a target with a fragment is malformed", "/url#part"),
  malformed("a target without a leading slash is malformed", "url"),
  malformed("an asterisk is a target of OPTIONS only", "*"),
  malformed("a space in the target is malformed", "/url a"),
  malformed("a tab in the target is malformed", "/url\ta"),
  malformed("a NUL in the target is malformed", "/url\0a"),
  malformed("a DEL in the target is malformed", "/url\x7fa"),
  malformed("an absolute target without a host is malformed", "http:///url"),
  {
    claim: "host names are read in any case",
    steps: [raw("GET /hello HTTP/1.1", "hOST: PROBE.LOCALHOST:80")],
    judge: same,
  },
  {
    claim: "a host without a port is the same host",
    steps: [raw("GET /url HTTP/1.1", "Host: probe.localhost")],
    judge: same,
  },
  {
    claim: "an unknown host is answered by the platform and the connection goes on",
    steps: [raw("GET /hello HTTP/1.1", "Host: nobody.localhost", "Accept: application/json")],
    judge: {
      kind: "strict",
      answers: [{ status: 404, verdict: "HOST_UNKNOWN" }],
      end: "open",
      because: "bare Bun.serve has one app and answers to every host",
    },
  },
  {
    claim: "a body sent to an unknown host is not the next request",
    steps: [raw("POST /hello HTTP/1.1", "Host: nobody.localhost", "Content-Length: 80"), LOST_BODY],
    asked: [{ method: "POST" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: 404, verdict: "HOST_UNKNOWN" }],
      end: "open",
      because: "bare Bun.serve has one app and answers to every host",
    },
    unreached: "/mark/lost-body",
  },
  badHost("a request without Host is malformed", ["X-Other: yes"]),
  badHost("two Host lines are malformed", ["Host: {host}", "Host: {host}"]),
  badHost("a Host with a space is malformed", ["Host: probe .localhost"]),
  badHost("a Host with a path is malformed", ["Host: probe.localhost/x"]),
  badHost("a Host with user information is malformed", ["Host: a@probe.localhost"]),
  badHost("a Host with a list is malformed", ["Host: probe.localhost, other.localhost"]),
  badHost("a Host with a bad port is malformed", ["Host: probe.localhost:x"]),
  {
    claim: "an empty Host leads to no app",
    steps: [raw("GET /hello HTTP/1.1", "Host:")],
    judge: {
      kind: "strict",
      answers: [{ status: [400, 404] }],
      end: "either",
      because: "bare Bun.serve has one app and answers to every host",
    },
  },
];
