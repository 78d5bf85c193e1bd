/** Bodies that are unusual but well framed, and bodies that end too early. */
import { type Case, same } from "../case.ts";
import { chunk, chunkedHead, head, marked } from "./request-text.ts";

export const bodiesCut: readonly Case[] = [
  {
    claim: "chunk extensions are read and dropped",
    steps: [`${chunkedHead("/echo")}5;a=b;c\r\n12345\r\n3;q="x;y"\r\n678\r\n0;last\r\n\r\n`],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: /"body":"12345678"/ }],
      end: "open",
      because: "RFC 9112 7.1.1: unknown extensions are ignored",
    },
  },
  {
    claim: "trailers are read and do not become headers",
    steps: [
      `${chunkedHead("/echo", "Trailer: X-Sum")}5\r\n12345\r\n0\r\nX-Sum: 1\r\nHost: evil.example\r\nContent-Length: 99\r\n\r\n`,
    ],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: /^(?!.*(x-sum"|evil)).*"body":"12345"/ }],
      end: "open",
      because: "RFC 9110 6.5.1: trailers are not merged into the headers",
    },
  },
  {
    claim: "a counted body that ends early is a malformed request",
    steps: [`${head("POST /echo HTTP/1.1", "Content-Length: 10")}12345`, { halfClose: true }],
    asked: [{ method: "POST" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
      end: "closed",
      because: "RFC 9112 8: an incomplete message may be answered, and is never taken as complete",
      mayStaySilent: true,
    },
  },
  {
    claim: "a chunked body that ends early is a malformed request",
    steps: [chunkedHead("/echo") + chunk("12345"), { halfClose: true }],
    asked: [{ method: "POST" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
      end: "closed",
      because: "RFC 9112 8: an incomplete message may be answered, and is never taken as complete",
      mayStaySilent: true,
    },
  },
  {
    claim: "a head that ends early is a malformed request",
    steps: ["GET /hello HTTP/1.1\r\nHost: {host}\r\nX-Half: ", { halfClose: true }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 400, verdict: "REQUEST_MALFORMED" }],
      end: "closed",
      because: "RFC 9112 8: an incomplete message may be answered, and is never taken as complete",
      mayStaySilent: true,
    },
  },
  {
    claim: "a connection that never asks anything ends without an answer",
    steps: [{ halfClose: true }],
    asked: [],
    finally: "wait",
    judge: same,
  },
  {
    claim: "a client that is gone in the middle of its body aborts the request",
    steps: [
      `${head("POST /paced/never?key={key} HTTP/1.1", "Content-Length: 10")}12345`,
      marked("started"),
      { reset: true },
      marked("aborted"),
    ],
    asked: [],
    finally: "leave",
    judge: same,
  },
  {
    claim: "a client that closed before the answer aborts the request",
    steps: [
      head("GET /paced/never?key={key} HTTP/1.1"),
      marked("started"),
      { close: true },
      marked("aborted"),
    ],
    asked: [],
    finally: "leave",
    judge: same,
  },
  {
    claim: "a client that closed in the middle of a silent stream aborts the request",
    steps: [
      head("GET /paced/quiet?key={key} HTTP/1.1"),
      { until: "body", bytes: 6 },
      { close: true },
      marked("aborted"),
    ],
    asked: [{ method: "GET" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "first ", isCut: true }],
      end: "closed",
      because:
        "a close is a half-close until something is written; the app has to hear of it all the same",
    },
  },
  {
    claim: "a client that is gone before the answer aborts the request",
    steps: [
      head("GET /paced/never?key={key} HTTP/1.1"),
      marked("started"),
      { reset: true },
      marked("aborted"),
    ],
    asked: [],
    finally: "leave",
    judge: same,
  },
  {
    claim: "a client that is gone in the middle of an answer cancels its stream",
    steps: [
      head("GET /paced/endless?key={key} HTTP/1.1"),
      { until: "body", bytes: 65_536 },
      { reset: true },
      marked("cancelled"),
    ],
    asked: [{ method: "GET" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: 200, isCut: true }],
      end: "closed",
      because:
        "how much arrived before the reset is a matter of timing; that the app hears of it is not",
    },
  },
];
