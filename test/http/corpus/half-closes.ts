/** Clients that close their side of the connection and still want the answer. */
import type { Case } from "../case.ts";
import { get, gets, mark, marked, post } from "./request-text.ts";

export const halfCloses: readonly Case[] = [
  {
    claim: "a half-close after the request does not lose the answer",
    steps: [get("/hello"), { halfClose: true }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "hello" }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close while the app thinks does not lose the answer",
    steps: [get("/paced/answer?key={key}"), marked("started"), { halfClose: true }, mark("go")],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "after go" }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close in the middle of a stream does not cut it",
    steps: [
      get("/paced/stream?key={key}"),
      { until: "body", bytes: 6 },
      { halfClose: true },
      mark("go"),
    ],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "first second" }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close in the middle of a stream that stays silent for long does not cut it",
    steps: [
      get("/paced/stream?key={key}"),
      { until: "body", bytes: 6 },
      { halfClose: true },
      // Time enough for an edge that wants to know whether the client is still there.
      { quietMs: 1200 },
      mark("go"),
    ],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "first second" }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close while the app thinks for long does not lose the answer",
    steps: [
      get("/paced/answer?key={key}"),
      marked("started"),
      { halfClose: true },
      { quietMs: 1200 },
      mark("go"),
    ],
    finally: "wait",
    judge: {
      kind: "strict",
      // An edge may ask with a 1xx whether the client is still there.
      answers: [{ status: 200, body: "after go", interim: null }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close after a pipeline does not lose its answers",
    steps: [
      get("/paced/answer?key={key}") + get("/url?n=1") + get("/hello"),
      marked("started"),
      { halfClose: true },
      mark("go"),
    ],
    asked: gets(3),
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "after go" }, { status: 200 }, { status: 200, body: "hello" }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close after a long body does not lose the answer",
    steps: [
      post("/paced/read?key={key}", "x".repeat(1_000_000)),
      { halfClose: true },
      marked("started"),
      mark("go"),
    ],
    asked: [{ method: "POST" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: "1000000" }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
  {
    claim: "a half-close after the request does not cut a long answer",
    steps: [get("/body/large?n=5000000"), { halfClose: true }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, headers: { "content-length": "5000000" } }],
      end: "closed",
      because: "RFC 9112 9.6: the client has only said that it will not send more",
      bareVaries: true,
    },
  },
];
