/**
 * A supervisor's `{"dequeuedMessage": …}`: where in it the message stands, byte for byte, and what it is about. The message is
 * forwarded as it came, so it has to be what clients take before anybody gets it.
 */
import { isAscii, isUtf8 } from "node:buffer";
import type { Dispatch } from "./broker-api.ts";
import { nestingMax, unscannedBytesMax, valuesMax } from "./limits.ts";
import { keyOfMessage } from "./match-key.ts";
import { Message } from "./message.ts";
import { CPU, DEPLOYMENT, MEMORY, RUN, SNAPSHOT, VERSION } from "./message-fields.ts";
import { ends, scanMessage, starts } from "./message-scanner.ts";
import { type ShapedMessage, shapeProblem } from "./message-shape.ts";

/** What supervisors send, which serialize an object of one field. */
const OPENING = Buffer.from('{"dequeuedMessage":');
const CLOSING = 0x7d;

const manyValues = `its body has more than ${valuesMax} values`;

/**
 * @param start where the body begins; it ends with `buffer`, which nobody writes to from now on
 * @returns what is wrong with it, as a text that follows "Cannot take the dispatch:"
 */
export function readDispatch(buffer: Buffer, traceparent: string, start = 0): Dispatch | string {
  // JSON is UTF-8 (RFC 8259, 8.1); clients would read something else than what was meant.
  if (!isUtf8(buffer) && (start === 0 || !isUtf8(buffer.subarray(start)))) {
    return "its body is not UTF-8";
  }
  if (buffer.length - start > unscannedBytesMax) {
    const problem = bulkProblem(buffer, start);
    if (problem !== null) return problem;
  }
  const end = buffer.length - 1;
  const from = start + OPENING.length;
  if (buffer[end] === CLOSING && end > from && OPENING.compare(buffer, start, from) === 0) {
    if (scanMessage(buffer, from, end)) return scanned(buffer, from, end, traceparent);
    // What stands between is JSON by itself: then the whole is, and the message is all of it.
    const message = parsed(textOf(buffer, from, end));
    if (message !== undefined)
      return dispatchOf(message, new Message(buffer, from, end), traceparent);
  }
  const text = buffer.utf8Slice(start, buffer.length);
  const whole = parsed(text);
  if (whole === undefined) return "its body is not JSON";
  const message = (whole as { dequeuedMessage?: unknown } | null)?.dequeuedMessage;
  if (message === undefined) return "it has no `dequeuedMessage`";
  return dispatchOf(message, Message.of(fieldText(text, "dequeuedMessage")), traceparent);
}

/** What the scanner has found, as `dispatchOf` would say it. */
function scanned(buffer: Buffer, from: number, end: number, traceparent: string): Dispatch {
  const deployment = ends[DEPLOYMENT] === -1 ? "" : slotText(buffer, DEPLOYMENT);
  const version = slotText(buffer, VERSION);
  const isComplete = deployment !== "" && version !== "";
  const cpu = Number(slotText(buffer, CPU));
  const memory = Number(slotText(buffer, MEMORY));
  return {
    key: isComplete ? keyOfMessage(deployment, version, cpu, memory) : "",
    snapshot: slotText(buffer, SNAPSHOT),
    run: slotText(buffer, RUN),
    traceparent,
    message: new Message(buffer, from, end),
  };
}

function slotText(buffer: Buffer, slot: number): string {
  return buffer.latin1Slice(starts[slot], ends[slot]);
}

function dispatchOf(message: unknown, bytes: Message, traceparent: string): Dispatch | string {
  const problem = shapeProblem(message);
  if (problem !== null) return problem;
  const { snapshot, run, backgroundWorker, deployment } = message as ShapedMessage;
  const { friendlyId = "" } = deployment;
  const isComplete = friendlyId !== "" && backgroundWorker.version !== "";
  const { cpu, memory } = run.machine;
  return {
    key: isComplete ? keyOfMessage(friendlyId, backgroundWorker.version, cpu, memory) : "",
    snapshot: snapshot.friendlyId,
    run: run.friendlyId,
    traceparent,
    message: bytes,
  };
}

/** Most messages are ASCII, which needs no decoding. */
function textOf(body: Buffer, start: number, end: number): string {
  return isAscii(body) ? body.latin1Slice(start, end) : body.utf8Slice(start, end);
}

/** Undefined when it is not JSON; JSON itself has no such value. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A SyntaxError, or nested deeper than the stack.
    return undefined;
  }
}

/**
 * Reading millions of levels or values takes seconds, in which nobody else is served. Looks at brackets and commas only: whatever
 * it says of what is not JSON is of no matter.
 */
function bulkProblem(body: Buffer, start: number): string | null {
  let depth = 0;
  let values = 1;
  let isText = false;
  for (let at = start; at < body.length; at++) {
    const byte = body[at]!;
    if (byte === 0x22) isText = !isText;
    else if (isText) {
      if (byte === 0x5c) at++;
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > nestingMax) return `its body is nested deeper than ${nestingMax} levels`;
      if (++values > valuesMax) return manyValues;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte === 0x2c && ++values > valuesMax) return manyValues;
  }
  return null;
}

/**
 * The text of a field's value in an object, as it stands there. The last one counts when there are several, as for `JSON.parse`.
 *
 * @param json a valid text of an object that has the field
 */
export function fieldText(json: string, field: string): string {
  let found = "";
  let at = json.indexOf("{") + 1;
  while (true) {
    const nameStart = json.indexOf('"', at);
    if (nameStart === -1) return found;
    const nameEnd = endOfText(json, nameStart);
    const valueStart = json.indexOf(":", nameEnd) + 1;
    const valueEnd = endOfValue(json, valueStart);
    // Names may have escapes.
    if (JSON.parse(json.slice(nameStart, nameEnd)) === field)
      found = json.slice(valueStart, valueEnd).trim();
    at = valueEnd + 1;
  }
}

/** @param start of its opening quote @returns behind its closing one */
function endOfText(json: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const code = json.charCodeAt(at);
    if (code === 0x5c) at++;
    else if (code === 0x22) return at + 1;
  }
}

/** @returns where the comma or brace behind the value stands */
function endOfValue(json: string, start: number): number {
  let depth = 0;
  for (let at = start; ; ) {
    const code = json.charCodeAt(at);
    if (code === 0x22) {
      at = endOfText(json, at);
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return at;
      depth--;
    } else if (code === 0x2c && depth === 0) return at;
    at++;
  }
}
