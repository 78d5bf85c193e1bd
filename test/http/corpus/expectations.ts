/** `Expect: 100-continue`, and expectations that nobody knows. */
import { type Case, same } from "../case.ts";
import { head } from "./request-text.ts";

export const expectations: readonly Case[] = [
  {
    claim: "100-continue is sent to a client that waits for it",
    steps: [
      head("POST /echo HTTP/1.1", "Content-Length: 4", "Expect: 100-continue"),
      { until: "interim" },
      "body",
    ],
    asked: [{ method: "POST" }],
    judge: same,
  },
  {
    claim: "a client that does not wait for 100-continue is answered",
    steps: [`${head("POST /digest HTTP/1.1", "Content-Length: 4", "Expect: 100-continue")}body`],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, body: /"bytes":4/, interim: [] }],
      end: "open",
      because: "RFC 9110 10.1.1: 100 may be left out when the body has come",
    },
  },
  {
    claim: "the expectation is read in any case",
    steps: [
      head("POST /digest HTTP/1.1", "Content-Length: 4", "expect: 100-Continue"),
      { until: "interim" },
      "body",
    ],
    asked: [{ method: "POST" }],
    judge: {
      kind: "strict",
      answers: [{ status: 200, interim: [100] }],
      end: "open",
      because: "RFC 9110 10.1.1: the expectation is case-insensitive",
    },
  },
  {
    claim: "an unknown expectation is not met",
    steps: [
      head(
        "POST /echo HTTP/1.1",
        "Content-Length: 4",
        "Expect: 200-ok",
        "Accept: application/json",
      ),
    ],
    asked: [{ method: "POST" }],
    finally: "leave",
    judge: {
      kind: "strict",
      answers: [{ status: 417, verdict: "EXPECTATION_UNKNOWN" }],
      end: "either",
      because: "RFC 9110 10.1.1: 417",
    },
  },
  {
    claim: "an expectation in HTTP/1.0 is ignored",
    steps: [`${head("POST /digest HTTP/1.0", "Content-Length: 4", "Expect: 100-continue")}body`],
    asked: [{ method: "POST", version: "1.0" }],
    finally: "wait",
    judge: {
      kind: "strict",
      answers: [{ status: 200, interim: [] }],
      end: "closed",
      because: "RFC 9110 10.1.1: an HTTP/1.0 client knows no interim answers",
    },
  },
];
