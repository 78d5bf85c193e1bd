/**
 * A poll's head. A runner sends the same bytes each time, but for what a redirect has put into the target, so a connection keeps the
 * last head with what it says: while the bytes are equal, nothing is parsed.
 */
import type { PlatformError } from "../base/errors.ts";
import { malformed } from "../http/malformed.ts";
import type { Poll } from "./broker-api.ts";
import { headerValues } from "./header-values.ts";
import { keyOfPoll } from "./match-key.ts";
import type { DeploymentTokens } from "./trust-api.ts";

const NAMES = [
  "x-trigger-deployment-id",
  "x-trigger-deployment-version",
  "x-trigger-machine-cpu",
  "x-trigger-machine-memory",
  "x-trigger-workload-controller-id",
  "x-trigger-worker-instance-name",
] as const;
/** Without these there is no key. */
const neededNames = 4;

/** `GET /warm-start HTTP/1.1\r\n`: where the first header line of a first poll starts. */
const FIRST_LINE = Buffer.from("GET /warm-start HTTP/1.1\r\n");
const TARGET_START = "GET /warm-start?".length;
const LINE_END = Buffer.from(" HTTP/1.1\r\n");

/** A head that was read, and the bytes that it was read from. */
export interface KnownHead {
  /** All of the head's bytes; its request line ends at `linesStart`. */
  readonly bytes: Buffer;
  readonly linesStart: number;
  readonly poll: Poll;
  /** Wall-clock time until which the poll's token may be believed. Milliseconds. */
  readonly untilMs: number;
}

/**
 * What a poll says. The lines of its head are known to be well-formed.
 *
 * @param bytes one head; kept
 * @param linesStart where its request line ends
 * @returns null when its token is refused
 */
export function readPollHead(
  bytes: Buffer,
  linesStart: number,
  address: string,
  tokens: DeploymentTokens,
): KnownHead | PlatformError | null {
  const values = headerValues(bytes, linesStart, NAMES);
  if (values === null) return malformed("a header of the runner's that is there twice");
  for (let index = 0; index < neededNames; index++) {
    if (values[index] === "") return malformed(`no ${NAMES[index]} header`);
  }
  const [deployment, version, cpu, memory, controller, instance] = values as string[];
  const reading = tokens.read(deployment!, version!);
  if (reading.isRefused) return null;
  const key = keyOfPoll(reading.deployment, version!, cpu!, memory!);
  const poll: Poll = { key, controller: controller!, instance: instance!, address };
  return { bytes, linesStart, poll, untilMs: reading.untilMs };
}

/** `input` is the known head, as a first poll. */
export function isKnownPoll(known: KnownHead, input: Buffer): boolean {
  const { bytes, linesStart } = known;
  if (linesStart === FIRST_LINE.length) return input.length === bytes.length && bytes.equals(input);
  const length = FIRST_LINE.length + bytes.length - linesStart;
  return (
    input.length === length &&
    FIRST_LINE.compare(input, 0, FIRST_LINE.length) === 0 &&
    haveEqualLines(known, input, FIRST_LINE.length)
  );
}

/**
 * `input` is the known head with another target, one with a query.
 *
 * @returns where the query ends, behind the `?` at `queryStart`; -1 when it is not
 */
export function endOfKnownQuery(known: KnownHead, input: Buffer): number {
  const { bytes, linesStart } = known;
  const inputLinesStart = input.length - (bytes.length - linesStart);
  const end = inputLinesStart - LINE_END.length;
  if (end < TARGET_START || input[TARGET_START - 1] !== 0x3f) return -1;
  const isPoll =
    FIRST_LINE.compare(input, 0, TARGET_START - 1, 0, TARGET_START - 1) === 0 &&
    LINE_END.compare(input, end, inputLinesStart) === 0 &&
    haveEqualLines(known, input, inputLinesStart);
  if (!isPoll) return -1;
  // Another request line may hide between the two.
  for (let at = queryStart; at < end; at++) if (input[at]! <= 0x20 || input[at]! >= 0x7f) return -1;
  return end;
}

/** Where the query of a known head starts. */
export const queryStart = TARGET_START;

function haveEqualLines({ bytes, linesStart }: KnownHead, input: Buffer, start: number): boolean {
  return bytes.compare(input, start, input.length, linesStart, bytes.length) === 0;
}
