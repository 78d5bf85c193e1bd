/** Everything an app can answer arrives as under bare Bun.serve. */
import { type Case, type Same, same } from "../case.ts";
import { get, head, mark } from "./request-text.ts";

const streamed: Same = {
  kind: "same",
  exceptHeaders: ["content-length"],
  because: "whether a stream that ended early is counted or chunked is the server's choice",
};

const emptyText: Same = {
  kind: "same",
  exceptHeaders: ["content-type"],
  because: "the Fetch standard gives an empty text the type of text; bare Bun.serve leaves it out",
};

const DIFFER: Record<string, Same> = { empty: emptyText, clone: emptyText };

const body = (kind: string, what = `a body of kind ${kind}`): Case => ({
  claim: `${what} arrives`,
  steps: [get(`/body/${kind}`)],
  judge: /^(stream|tee)/.test(kind) ? streamed : (DIFFER[kind] ?? same),
});

const status = (code: number, query = ""): Case => ({
  claim: `status ${code}${query} arrives`,
  steps: [get(`/status/${code}${query}`)],
  judge: same,
});

const header = (kind: string, claim: string, judge: Same = same): Case => ({
  claim,
  steps: [get(`/headers/${kind}`)],
  judge,
});

const KINDS = [
  "text",
  "utf8",
  "empty",
  "null",
  "json",
  "array-buffer",
  "typed-array",
  "blob",
  "file",
  "file-slice",
  "search-params",
  "stream",
  "stream-lazy",
  "stream-async",
  "stream-empty",
  "stream-empty-chunks",
  "stream-with-length",
  "direct",
  "generator",
  "iterable",
  "compressed",
  "clone",
  "tee",
  "upstream",
];

export const responses: readonly Case[] = [
  ...KINDS.map((kind) => body(kind)),
  body("large?n=5000000", "a body of 5 MB"),
  body("large-stream?n=3000000", "a stream of 3 MB"),
  {
    claim: "a form arrives with its boundary",
    steps: [get("/body/form")],
    judge: {
      kind: "strict",
      answers: [
        {
          status: 200,
          headers: { "content-type": /^multipart\/form-data; boundary="?[-\w]+"?$/ },
          body: /^--[-\w]+\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n/,
        },
      ],
      end: "open",
      because: "the boundary is another one each time",
    },
  },
  {
    claim: "a stream that fails after its first piece is cut, not ended",
    steps: [get("/body/stream-error")],
    finally: "wait",
    judge: same,
  },
  {
    claim: "pieces of a stream arrive when they are made",
    steps: [get("/paced/stream?key={key}"), { until: "body", bytes: 6 }, mark("go")],
    judge: same,
  },
  {
    claim: "server-sent events arrive one by one",
    steps: [
      get("/paced/sse?key={key}", "Accept: text/event-stream"),
      { until: "body", bytes: 13 },
      mark("go"),
    ],
    judge: same,
  },
  ...[
    200, 201, 202, 203, 206, 226, 299, 300, 301, 304, 400, 402, 404, 418, 422, 451, 499, 500, 503,
    511, 599,
  ].map((code) => status(code, "?body=text")),
  status(204),
  status(205),
  status(304),
  status(302),
  {
    claim: "the app's status text arrives",
    steps: [get("/status/200?text=Fine%20by%20me&body=x")],
    judge: {
      kind: "strict",
      answers: [{ status: 200, reason: "Fine by me", body: "x" }],
      end: "open",
      because: "bare Bun.serve sends the status's usual text, whatever the app says",
    },
  },
  status(299, "?text=caf%C3%A9&body=x"),
  status(404, "?text=&body=x"),
  header("cookies", "each Set-Cookie has a line of its own"),
  header("duplicates", "values that were appended arrive"),
  header("odd", "odd header names and values arrive"),
  header("long", "an answer header of 8000 bytes arrives"),
  header("many", "150 answer headers arrive"),
  header("type", "the app's content-type stands"),
  header("etag", "an ETag arrives"),
  header("server", "the app's Server header arrives"),
  header("trailer", "a Trailer header arrives"),
  header("date", "the app's own Date stands once"),
  { ...header("connection", "an app can close the connection"), finally: "wait" },
  ...[301, 302, 303, 307, 308].map(
    (code): Case => ({
      claim: `a redirect with ${code} arrives`,
      steps: [get(`/redirect/${code}`)],
      judge: same,
    }),
  ),
  {
    claim: "a conditional request of a tagged answer is left to the app",
    steps: [get("/headers/etag", 'If-None-Match: "levain"')],
    judge: same,
  },
  {
    claim: "a range of a file is what Bun makes of it",
    steps: [get("/body/file", "Range: bytes=4-8")],
    judge: same,
  },
  {
    claim: "HEAD of a stream is answered whether its length is known or not",
    steps: [head("HEAD /body/stream-with-length HTTP/1.1")],
    asked: [{ method: "HEAD" }],
    judge: streamed,
  },
  {
    claim: "HEAD of a 204 is a 204",
    steps: [head("HEAD /status/204 HTTP/1.1")],
    asked: [{ method: "HEAD" }],
    judge: same,
  },
];
