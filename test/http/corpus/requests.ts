/** Good requests: what the app sees of them is what it sees under bare Bun.serve. */
import { type Case, type Same, same } from "../case.ts";
import { chunk, chunkedHead, chunks, get, head, mark, marked, post } from "./request-text.ts";

const anyMethod = (method: string, path = "/echo"): Case => ({
  claim: `method ${method} reaches the app as it was sent`,
  steps: [head(`${method} ${path} HTTP/1.1`)],
  asked: [{ method }],
  judge: same,
});

const headOnly: Same = {
  kind: "same",
  exceptHeaders: ["content-type"],
  because: "bare Bun.serve leaves out the content-type of GET, which RFC 9110 9.3.2 wants",
};

export const requests: readonly Case[] = [
  { claim: "a plain GET is answered", steps: [get("/hello")], judge: same },
  ...["GET", "DELETE", "OPTIONS", "PATCH", "PUT", "POST"].map((method) => anyMethod(method)),
  anyMethod("PROPFIND"),
  anyMethod("PURGE"),
  anyMethod("M-SEARCH"),
  anyMethod("QUERY"),
  {
    claim: "a method that a Request cannot carry does not become GET",
    steps: [head("LEVAIN-TEST /echo HTTP/1.1")],
    asked: [{ method: "LEVAIN-TEST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: /"method":"LEVAIN-TEST"/ }],
      end: "open",
      because:
        "RFC 9110 9.1: methods are open-ended; bare Bun.serve hangs up on what is not in its list",
    },
  },
  {
    claim: "HEAD is answered with the headers of GET and without a body",
    steps: [head("HEAD /body/text HTTP/1.1")],
    asked: [{ method: "HEAD" }],
    judge: headOnly,
  },
  {
    claim: "HEAD of a streaming answer has no body",
    steps: [head("HEAD /body/stream-async HTTP/1.1")],
    asked: [{ method: "HEAD" }],
    judge: headOnly,
  },
  {
    claim: "HEAD of a file says how long it is",
    steps: [head("HEAD /body/file HTTP/1.1")],
    asked: [{ method: "HEAD" }],
    judge: headOnly,
  },
  {
    claim: "headers keep their values, and their order within a name",
    steps: [
      get(
        "/echo",
        "Accept: text/html;q=0.9, */*",
        "X-Twice: one",
        "X-Twice: two",
        "X-Empty:",
        "X-Spaces:   inner  spaces   ",
        "X-Tab: a\tb",
        'X-Quotes: "a\\"b", c=d;e',
        "x_underscore: kept",
        "!#$%&'*+-.^_`|~: token",
      ),
    ],
    judge: same,
  },
  {
    claim: "several Cookie lines arrive as one",
    steps: [get("/echo", "Cookie: a=1", "Cookie: b=2; c=3")],
    judge: same,
  },
  {
    claim: "header values outside of ASCII arrive byte for byte",
    steps: [get("/echo", "X-Latin: caf\xe9", "X-Utf8: caf\xc3\xa9")],
    judge: same,
  },
  {
    claim: "a header of 8000 bytes arrives",
    steps: [get("/echo", `X-Long: ${"v".repeat(8000)}`)],
    judge: same,
  },
  {
    claim: "60 headers arrive",
    steps: [get("/echo", ...Array.from({ length: 60 }, (_, index) => `X-Many-${index}: ${index}`))],
    judge: same,
  },
  {
    claim: "the head may arrive byte by byte",
    steps: [{ byteByByte: get("/echo", "X-Slow: yes") }],
    judge: same,
  },
  {
    claim: "a counted body may arrive byte by byte",
    steps: [{ byteByByte: post("/echo", "twelve bytes") }],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a chunked body may arrive byte by byte",
    steps: [{ byteByByte: chunkedHead("/echo") + chunks("twelve", " bytes") }],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a counted body arrives whole",
    steps: [post("/echo", "a=1&b=2", "Content-Type: application/x-www-form-urlencoded")],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a chunked body arrives whole",
    steps: [chunkedHead("/echo") + chunks("one ", "two ", "three")],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a body of 1 MiB arrives whole",
    steps: [post("/digest", "0123456789abcdef".repeat(65_536))],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a chunked body of 1 MiB in chunks of odd size arrives whole",
    steps: [
      chunkedHead("/digest") + chunks(...Array.from({ length: 157 }, () => "x".repeat(6679))),
    ],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a chunked body without any bytes arrives empty",
    steps: [chunkedHead("/echo") + chunks()],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a counted body of no bytes arrives empty",
    steps: [post("/echo", "")],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "POST without length or coding has no body",
    steps: [head("POST /echo HTTP/1.1")],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "the body of a DELETE arrives",
    steps: [`${head("DELETE /echo HTTP/1.1", "Content-Length: 4")}body`],
    asked: [{ method: "DELETE" }],
    judge: same,
  },
  {
    claim: "leading zeros in content-length are digits like others",
    steps: [`${head("POST /echo HTTP/1.1", "Content-Length: 004")}body`],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "the coding's name is read in any case",
    steps: [head("POST /echo HTTP/1.1", "transfer-encoding: CHUNKED") + chunks("body")],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "chunk sizes are read in either case and with leading zeros",
    steps: [`${chunkedHead("/echo")}00A\r\n0123456789\r\n00b\r\n0123456789a\r\n000\r\n\r\n`],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a body that the app did not read is not the next request",
    steps: [post("/unread", "GET /mark/unread-body HTTP/1.1\r\n\r\n")],
    asked: [{ method: "POST" }],
    judge: same,
    unreached: "/mark/unread-body",
  },
  {
    claim: "multipart form data is parsed by the app",
    steps: [
      post(
        "/form-fields",
        '--b\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n' +
          '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n' +
          "Content-Type: text/plain\r\n\r\ncontent\r\n--b--\r\n",
        "Content-Type: multipart/form-data; boundary=b",
      ),
    ],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a JSON body is parsed by the app",
    steps: [
      post("/json-field", '{"field":"gr\xc3\xbc\xc3\x9fe"}', "Content-Type: application/json"),
    ],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "the app can answer while the request is still arriving",
    steps: [
      chunkedHead("/paced/first-piece?key={key}") + chunk("first"),
      { until: "answer" },
      chunks("rest"),
    ],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "first" }],
      end: "either",
      because: "a server may close when it has answered before the end of the request",
    },
  },
  {
    claim: "request and response stream at the same time",
    steps: [
      chunkedHead("/mirror") + chunk("first "),
      { until: "body", bytes: 6 },
      chunk("second "),
      { until: "body", bytes: 13 },
      chunks("third"),
    ],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "first second third" }],
      end: "either",
      because: "a server may close when it has answered before the end of the request",
    },
  },
  {
    claim: "a body waits until the app reads it",
    steps: [post("/paced/read?key={key}", "x".repeat(50_000)), marked("started"), mark("go")],
    asked: [{ method: "POST" }],
    judge: same,
  },
  { claim: "the app sees the client's address", steps: [get("/ip")], judge: same },
];
