/**
 * Goal: what the scanner accepts, parsing accepts, and both read the same. Method: messages are changed in their text at random; the
 * oracle is the dispatch that parsing makes of the same bytes, with a space in front of them, which the scanner does not read.
 */
import { expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import type { Dispatch } from "./broker-api.ts";
import { readDispatch } from "./dispatch-body.ts";
import { nestingMax } from "./limits.ts";
import { scanMessage } from "./message-scanner.ts";

const AT = "2026-11-21T10:00:00.000Z";
const MESSAGE = JSON.stringify({
  version: "1",
  snapshot: {
    id: "s",
    friendlyId: "snapshot_1",
    executionStatus: "PENDING_EXECUTING",
    description: 'é "\\ \n',
    createdAt: AT,
  },
  dequeuedAt: AT,
  workerQueueLength: 3,
  image: "image",
  checkpoint: { id: "c", type: "DOCKER", location: "l", imageRef: null },
  completedWaitpoints: [
    {
      id: "w",
      friendlyId: "waitpoint_1",
      type: "RUN",
      completedAt: AT,
      completedByTaskRun: { id: "r", friendlyId: "run_0", batch: { id: "b", friendlyId: "b_1" } },
      output: '{"a":"\\u00e9"}',
      outputIsError: false,
    },
  ],
  backgroundWorker: { id: "b", friendlyId: "worker_1", version: "20260101.1" },
  deployment: { friendlyId: "deployment_1" },
  run: {
    id: "r",
    friendlyId: "run_1",
    isTest: false,
    machine: { name: "small-1x", cpu: 0.5, memory: 0.5, centsPerMs: 0.0001 },
    attemptNumber: 1,
    masterQueue: "m",
    traceContext: { traceparent: "00-1-2-01", nested: { a: [1, null, -2.5, true, [], {}] } },
    annotations: { triggerSource: "sdk", triggerAction: "trigger", rootTriggerSource: "api" },
  },
  environment: { id: "e", type: "PRODUCTION" },
  organization: { id: "o", hasPrivateLink: false },
  project: { id: "p" },
  placementTags: [{ key: "k", values: ["v"] }],
  unknown: { of: ["the future", 1] },
});
const PIECES = [
  '"',
  "\\",
  "\\u00",
  "\\u00e9",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "1",
  "0",
  "-",
  ".",
  "e5",
  " ",
  "null",
  "true",
  '""',
  "{}",
  "[]",
  "\0",
  "é",
  "\x7f",
  '"id":"x",',
  '"id":1,',
  '"friendlyId":"y",',
  '"DELAYED"',
  '"x":[1],',
  '"constructor":1,',
];

function isScanned(message: string): boolean {
  const body = Buffer.from(`{"dequeuedMessage":${message}}`);
  return scanMessage(body, '{"dequeuedMessage":'.length, body.length - 1);
}

test("a message as supervisors write it is scanned, with fields that nobody knows", () => {
  expect(isScanned(MESSAGE)).toBe(true);
  expect(isScanned(MESSAGE.replace('"friendlyId":"deployment_1"', '"x":"y"'))).toBe(true);
});

test("what is unusual is left to be parsed", () => {
  for (const [from, to] of [
    ['"version":"1"', '"version": "1"'],
    ['"version":"1"', '"version":"1","version":"1"'],
    ['"version"', '"v\\u0065rsion"'],
    ["snapshot_1", "snapshot_é"],
    ['"cpu":0.5', '"cpu":5e-1'],
    [AT, "2026-11-21T10:00:00Z"],
  ] as const) {
    expect(isScanned(MESSAGE.replace(from, to))).toBe(false);
    expect(
      typeof readDispatch(Buffer.from(`{"dequeuedMessage":${MESSAGE.replace(from, to)}}`), ""),
    ).toBe("object");
  }
});

test("a trace context that clients would not take is not scanned", () => {
  const nestedBy = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  for (const [name, value, isTaken] of [
    ["a", nestedBy(nestingMax - 1), true],
    ["a", nestedBy(nestingMax), false],
    ["constructor", "null", false],
    ["c\\u006fnstructor", "{}", false],
  ] as const) {
    const message = MESSAGE.replace('"traceContext":{', `"traceContext":{"${name}":${value},`);
    const body = Buffer.from(`{"dequeuedMessage":${message}}`);
    expect([name, isScanned(message), typeof readDispatch(body, "") === "object"]).toEqual([
      name,
      isTaken,
      isTaken,
    ]);
  }
});

test("what is scanned is what parsing reads", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  let scanned = 0;

  for (let round = 0; round < 6000; round++) {
    let message = MESSAGE;
    for (let count = random(3); count >= 0; count--) {
      const from = random(message.length);
      const length = pick(random, [0, 0, 1, 1, 2, 5, 12]);
      message =
        message.slice(0, from) + pick(random, [...PIECES, "", ""]) + message.slice(from + length);
    }
    if (!isScanned(message)) continue;
    scanned += 1;
    const body = `{"dequeuedMessage":${message}}`;
    const fast = readDispatch(Buffer.from(body), "") as Dispatch;
    const slow = readDispatch(Buffer.from(` ${body}`), "");
    if (typeof slow === "string") throw new Error(`seed ${seed}: ${slow}: ${body}`);
    expect({ seed, ...fast, message: String(fast.message) }).toEqual({
      seed,
      ...slow,
      message: String(slow.message),
    });
  }

  expect(scanned).toBeGreaterThan(150);
});
