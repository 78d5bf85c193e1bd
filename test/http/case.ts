/**
 * What a case of the corpus is, and how an answer is judged.
 *
 * - `same`: status, reason, headers, body and what becomes of the connection equal what the same app answers under bare
 *   `Bun.serve`. What may differ is listed in this file, or in the case with its reason.
 * - `strict`: the edge does what the RFC says. What bare `Bun.serve` does instead stands in `bare-answers.json`, in the
 *   words of `summaryOf`; a test holds it to that, so that a case can become a `same` one when Bun changes.
 */
import {
  type Answer,
  type Asked,
  type HeaderLine,
  onlyValueOf,
  valuesOf,
} from "./answer-reader.ts";
import type { Step, Transcript } from "./raw-client.ts";
import type { Shape } from "./targets.ts";

export interface Case {
  /** A claim about behaviour. Unique. */
  claim: string;
  /** `{host}` stands for the app's host, `{key}` for a name that is unique to the run of the case. */
  steps: readonly Step[];
  /** The requests in the steps. Default: one GET. */
  asked?: readonly Asked[];
  /** What is done after the last answer. Default `probe`. */
  finally?: "probe" | "wait" | "leave";
  /** Default: both. */
  shapes?: readonly Shape[];
  judge: Same | Strict;
  /** A name that must not have been noted by the app: a smuggled request would do it. */
  unreached?: string;
}

export interface Same {
  kind: "same";
  /** Answer headers that may differ in this case, besides the ones that always may. */
  exceptHeaders?: readonly string[];
  because?: string;
}

export interface Strict {
  kind: "strict";
  answers: readonly ExpectedAnswer[];
  /** What becomes of the connection. */
  end: "open" | "closed" | "either";
  /** The rule, and why bare Bun.serve is no model where it differs. */
  because: string;
  /** Closing without an answer is as good. */
  mayStaySilent?: true;
  /** What bare Bun.serve does depends on timing, and is not recorded. */
  bareVaries?: true;
}

export interface ExpectedAnswer {
  /** Any one of them. */
  status: number | readonly number[];
  /** Code of the catalogue, when the answer is the platform's own. */
  verdict?: string;
  body?: string | RegExp;
  /** Lower-case names; null: must not be there. */
  headers?: Record<string, string | RegExp | null>;
  /** Statuses of 1xx answers before it. Default: none; null: any. */
  interim?: readonly number[] | null;
  reason?: string;
  /** The body is cut. Default false. */
  isCut?: boolean;
}

export const same: Same = { kind: "same" };

/** Headers of an answer that the platform adds, or that belong to the connection and not to the answer. */
const FREE_ANSWER_HEADERS = new Set([
  "date",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "x-request-id",
]);

/** Headers of a request that the edge adds, or that end at the edge. */
const FREE_REQUEST_HEADERS = new Set([
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-request-id",
  "traceparent",
  "connection",
  "keep-alive",
  "te",
  "transfer-encoding",
  "expect",
]);

/** One line that says what happened: `100 200 OK 12 bytes | 400 → closed`. */
export function summaryOf({ answers, end, fault }: Transcript): string {
  const texts = answers.map((answer) => {
    const interim = answer.interim.map(({ status }) => `${status} `).join("");
    const cut = answer.complete || answer.framing === "tunnel" ? "" : " cut";
    return `${interim}${answer.status}${cut}`;
  });
  const alike = texts.length > 2 && texts.every((text) => text === texts[0]);
  if (alike) texts.splice(0, texts.length, `${texts.length} × ${texts[0]}`);
  return `${texts.join(" | ") || "nothing"} → ${fault === null ? end : "fault"}`;
}

/** Bun's reason for a status it has no name for. */
const BARE_REASON_UNKNOWN = "HM";

/** In what `actual` differs from what it should be. Empty: it passes. */
export function judge(one: Case, actual: Transcript, bare: Transcript): string[] {
  if (actual.fault !== null) return [`the server sent what it may not: ${actual.fault}`];
  const found =
    one.judge.kind === "same" ? differences(one.judge, actual, bare) : failures(one.judge, actual);
  if (!isCloseTold(one, actual))
    found.push("the last answer does not say that the connection ends");
  return [...found, ...actual.answers.flatMap(dateFailures)];
}

function differences({ exceptHeaders = [] }: Same, actual: Transcript, bare: Transcript): string[] {
  const found: string[] = [];
  const compare = (what: string, left: unknown, right: unknown) => {
    if (!Bun.deepEquals(left, right, true)) {
      found.push(`${what}: ${show(left)}, under bare Bun.serve ${show(right)}`);
    }
  };
  // A body can be cut by a close or by a reset: to the client it is the same.
  const isCut = bare.answers.some(({ complete, framing }) => !complete && framing !== "tunnel");
  const endOf = ({ end }: Transcript) => (isCut && end === "reset" ? "closed" : end);
  compare("end", endOf(actual), endOf(bare));
  compare("answers", actual.answers.length, bare.answers.length);
  compare("tunnel", actual.tunnel.latin1Slice(), bare.tunnel.latin1Slice());
  for (const [index, expected] of bare.answers.entries()) {
    const answer = actual.answers[index];
    if (answer === undefined) break;
    const at = `answer ${index}`;
    const statuses = ({ interim }: Answer) => interim.map(({ status }) => status);
    compare(`${at} status`, answer.status, expected.status);
    if (expected.reason !== BARE_REASON_UNKNOWN) {
      compare(`${at} reason`, answer.reason, expected.reason);
    }
    compare(`${at} interim`, statuses(answer), statuses(expected));
    const except = isLengthLearnt(answer, expected)
      ? [...exceptHeaders, "content-length"]
      : exceptHeaders;
    compare(`${at} headers`, headersOf(answer, except), headersOf(expected, except));
    compare(`${at} body`, bodyOf(answer), bodyOf(expected));
    compare(`${at} is complete`, answer.complete, expected.complete);
  }
  return found;
}

/** Chunks that came all at once leave with their length. */
function isLengthLearnt(answer: Answer, bare: Answer): boolean {
  const isNone = onlyValueOf(bare, "content-length") === undefined;
  const isLength = onlyValueOf(answer, "content-length") === String(answer.body.length);
  return bare.framing === "chunked" && isNone && isLength;
}

/** RFC 9112 9.6: a client that is not told may send its next request into a closed connection. */
function isCloseTold(one: Case, { end, answers }: Transcript): boolean {
  const last = answers.at(-1);
  const isSelfMade =
    one.asked?.at(-1)?.version === "1.0" ||
    one.steps.some((step) => typeof step !== "string" && "halfClose" in step);
  if (end !== "closed" || !last?.complete || last.framing === "tunnel" || isSelfMade) return true;
  return /close/i.test(onlyValueOf(last, "connection") ?? "");
}

/** RFC 9110 6.6.1: an origin server with a clock dates its answers. */
function dateFailures(answer: Answer, index: number): string[] {
  if (answer.status < 200 || answer.status >= 500) return [];
  const dates = valuesOf(answer, "date").length;
  return dates === 1 ? [] : [`answer ${index} has ${dates} Date lines`];
}

function failures(judgement: Strict, actual: Transcript): string[] {
  const found: string[] = [];
  if (actual.end !== judgement.end && (judgement.end !== "either" || actual.end === "silent"))
    found.push(`end: ${actual.end}, must be ${judgement.end}`);
  const isSilent = judgement.mayStaySilent && actual.answers.length === 0;
  if (actual.answers.length !== judgement.answers.length && !isSilent) {
    found.push(`${actual.answers.length} answers, must be ${judgement.answers.length}`);
  }
  for (const [index, expected] of judgement.answers.entries()) {
    const answer = actual.answers[index];
    if (answer === undefined) break;
    found.push(...answerFailures(expected, answer).map((text) => `answer ${index} ${text}`));
  }
  return found;
}

function answerFailures(expected: ExpectedAnswer, answer: Answer): string[] {
  const found: string[] = [];
  const expectThat = (isSo: boolean, text: string) => {
    if (!isSo) found.push(text);
  };
  const statuses = [expected.status].flat();
  const body = answer.body.latin1Slice();
  const interim = answer.interim.map(({ status }) => status);
  expectThat(
    statuses.includes(answer.status),
    `status ${answer.status}, must be ${statuses.join(" or ")}`,
  );
  const { interim: expectedInterim = [] } = expected;
  expectThat(
    expectedInterim === null || Bun.deepEquals(interim, expectedInterim),
    `interim ${interim}, must be ${expectedInterim}`,
  );
  expectThat(
    answer.complete !== (expected.isCut ?? false),
    `body is ${answer.complete ? "whole" : "cut"}`,
  );
  if (expected.reason !== undefined) {
    expectThat(answer.reason === expected.reason, `reason ${show(answer.reason)}`);
  }
  if (expected.body !== undefined) {
    expectThat(matches(body, expected.body), `body ${show(body)}, must be ${show(expected.body)}`);
  }
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const actual = onlyValueOf(answer, name);
    const isSo =
      value === null ? actual === undefined : actual !== undefined && matches(actual, value);
    expectThat(isSo, `${name}: ${show(actual)}, must be ${show(value)}`);
  }
  if (expected.verdict !== undefined) {
    expectThat(body.includes(expected.verdict), `is no ${expected.verdict}: ${show(body)}`);
    expectThat(onlyValueOf(answer, "x-request-id") !== undefined, "carries no x-request-id");
  }
  return found;
}

function matches(actual: string, expected: string | RegExp): boolean {
  return typeof expected === "string" ? actual === expected : expected.test(actual);
}

/** Sorted by name; the order of lines with the same name is kept. */
function headersOf(answer: Answer, except: readonly string[]): HeaderLine[] {
  return (
    answer.headers
      .map(([name, value]): HeaderLine => [name.toLowerCase(), value])
      .filter(([name]) => !FREE_ANSWER_HEADERS.has(name) && !except.includes(name))
      // What was added to the request makes its echo longer.
      .filter(([name]) => name !== "content-length" || !isEcho(answer))
      .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
  );
}

/** The body; of an echo, without what may differ in the request. */
function bodyOf(answer: Answer): unknown {
  const { body } = answer;
  if (!isEcho(answer)) return body.latin1Slice();
  const echo = JSON.parse(body.toString()) as { headers: HeaderLine[] };
  return { ...echo, headers: echo.headers.filter(([name]) => !FREE_REQUEST_HEADERS.has(name)) };
}

function isEcho({ body }: Answer): boolean {
  return body.subarray(0, 10).latin1Slice() === '{"method":';
}

function show(value: unknown): string {
  const text = value instanceof RegExp ? String(value) : (JSON.stringify(value) ?? "undefined");
  return text.length > 1200 ? `${text.slice(0, 1200)}… (${text.length})` : text;
}
