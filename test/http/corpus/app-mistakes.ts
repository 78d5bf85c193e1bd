/** What an app does wrong: the client gets one well-formed answer, and the connection stays in step. */
import type { Case, ExpectedAnswer } from "../case.ts";
import { get } from "./request-text.ts";

const mistake = (
  claim: string,
  path: string,
  expected: ExpectedAnswer,
  because: string,
  end: "open" | "closed" = "open",
): Case => ({
  claim,
  steps: [get(path, "Accept: application/json")],
  judge: { kind: "strict", answers: [expected], end, because },
});

const threw: ExpectedAnswer = { status: 500, verdict: "APP_THREW" };
const invalid: ExpectedAnswer = { status: 502, verdict: "APP_RESPONSE_INVALID" };
const TYPED = "the platform's own answers carry a code and a request id";
const SPLIT = "one app's text must not become header lines of the connection";

export const appMistakes: readonly Case[] = [
  mistake("a throwing handler is answered with 500", "/fail/throw", threw, TYPED),
  mistake("a file that is not there is answered with 500", "/body/file-missing", threw, TYPED),
  mistake("a rejected handler is answered with 500", "/fail/reject", threw, TYPED),
  mistake(
    "a handler that returns no Response is answered once",
    "/fail/not-a-response",
    { status: [204, 502] },
    "a client waits for one answer, whatever the app returned",
  ),
  mistake(
    "a handler that returns undefined is answered with 502",
    "/fail/undefined",
    invalid,
    TYPED,
  ),
  mistake("a thrown Response is an error, not an answer", "/fail/throw-a-response", threw, TYPED),
  mistake(
    "Response.error() is answered with 502",
    "/fail/error-response",
    invalid,
    "status 0 is no HTTP status",
  ),
  mistake(
    "a Response whose body was read is answered with 502",
    "/fail/used-body",
    { status: [500, 502] },
    TYPED,
  ),
  mistake(
    "CR LF in a status text does not become a header",
    "/status/200?text=OK%0D%0AX-Injected:%20yes&body=x",
    { status: [200, 502], headers: { "x-injected": null } },
    SPLIT,
  ),
  mistake(
    "a character that ends in CR as Latin-1 does not become a header",
    "/status/200?text=%E2%98%8D%E2%98%8AX-Injected:%20yes&body=x",
    { status: [200, 502], headers: { "x-injected": null } },
    SPLIT,
  ),
  mistake(
    "a content-length that is too long does not leave the client waiting",
    "/headers/length-too-long",
    { status: [200, 502], headers: { "content-length": /^(?!100$)/ } },
    "RFC 9112 6.3: the client would wait for bytes that never come",
  ),
  mistake(
    "a content-length that is too short does not cut the body into the next answer",
    "/headers/length-too-short",
    { status: [200, 502] },
    "RFC 9112 6.3: the rest would be read as the next answer",
  ),
  mistake(
    "a content-length that is no number is not passed on",
    "/headers/length-nonsense",
    { status: [200, 502] },
    "RFC 9112 6.3",
  ),
  mistake(
    "a transfer-encoding of the app's own does not break the framing",
    "/headers/transfer-encoding",
    { status: 200, body: "coded" },
    "framing belongs to the connection",
  ),
  mistake(
    "a Keep-Alive of the app's own is not promised",
    "/headers/keep-alive",
    { status: 200, body: "kept", headers: { "keep-alive": null } },
    "RFC 9110 7.6.1: the app does not own the connection",
  ),
  mistake(
    "a body given with 204 is not sent",
    "/status/204?body=never",
    { status: [204, 500, 502] },
    "RFC 9110 15.3.5",
  ),
  mistake(
    "a body given with 304 is not sent",
    "/status/304?body=never",
    { status: [304, 500, 502] },
    "RFC 9110 15.4.5",
  ),
  mistake(
    "a body given with 205 is not sent",
    "/status/205?body=never",
    { status: [205, 500, 502], body: /^(?!never)/ },
    "RFC 9110 15.3.6",
  ),
  mistake(
    "status 101 without an upgrade is an error",
    "/status/101",
    { status: [500, 502] },
    "RFC 9110 15.2.2: the client would take what follows for another protocol",
  ),
  mistake(
    "status 100 is no final answer",
    "/status/100",
    { status: [500, 502] },
    "RFC 9110 15.2: the client would wait for the final answer",
  ),
  mistake(
    "status 600 is no status",
    "/status/600",
    { status: [500, 502] },
    "RFC 9110 15: 100 to 599",
  ),
  mistake(
    "the app's own x-request-id does not displace the platform's",
    "/headers/request-id",
    { status: 200, body: "own id" },
    "one id per request in the logs",
  ),
];
