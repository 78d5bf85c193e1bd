/**
 * Goal: what the broker forwards, every client takes. Method: messages are changed in random places; whatever our reading accepts,
 * the schemas of the oldest and the newest client library have to accept too.
 */
import { describe, expect, test } from "bun:test";
import { DequeuedMessage as Newest } from "@trigger.dev/core/v3/schemas";
import { DequeuedMessage as Oldest } from "trigger-core-autumn/v3/schemas";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import { shapeProblem } from "./message-shape.ts";

const AT = "2026-11-21T10:00:00.000Z";

/** Every field that either library knows. */
function wholeMessage(): Record<string, unknown> {
  return {
    version: "1",
    snapshot: {
      id: "s",
      friendlyId: "snapshot_1",
      executionStatus: "PENDING_EXECUTING",
      description: "d",
      createdAt: AT,
    },
    dequeuedAt: AT,
    workerQueueLength: 3,
    image: "image",
    templateKey: "t",
    checkpoint: { id: "c", type: "DOCKER", location: "l", imageRef: null, reason: "r" },
    completedWaitpoints: [
      {
        id: "w",
        index: 0,
        friendlyId: "waitpoint_1",
        type: "RUN",
        completedAt: AT,
        idempotencyKey: "k",
        completedByTaskRun: { id: "r", friendlyId: "run_0", batch: { id: "b", friendlyId: "b_1" } },
        completedAfter: AT,
        completedByBatch: { id: "b", friendlyId: "batch_1" },
        output: "{}",
        outputType: "application/json",
        outputIsError: false,
      },
    ],
    backgroundWorker: { id: "b", friendlyId: "worker_1", version: "20260101.1", runtime: "node" },
    deployment: { id: "d", friendlyId: "deployment_1", imagePlatform: "linux/amd64" },
    run: {
      id: "r",
      friendlyId: "run_1",
      isTest: false,
      isReplay: true,
      machine: { name: "small-1x", cpu: 0.5, memory: 0.5, centsPerMs: 0.0001 },
      attemptNumber: 1,
      masterQueue: "m",
      traceContext: { traceparent: "00-1-2-01", nested: { a: [1, null] } },
      annotations: {
        triggerSource: "sdk",
        triggerAction: "trigger",
        rootTriggerSource: "api",
        rootScheduleId: "s",
        taskKind: "STANDARD",
        externalDeploymentId: "e",
        webhookDeliveryId: "w",
        webhookEndpointId: "w",
        workerCell: "c",
        workerLane: "l",
      },
    },
    environment: { id: "e", type: "PRODUCTION" },
    organization: { id: "o", hasPrivateLink: false },
    project: { id: "p" },
    placementTags: [{ key: "k", values: ["v"] }, { key: "l" }],
    unknown: { of: "the future" },
  };
}

const VALUES: readonly unknown[] = [
  null,
  undefined,
  "",
  "text",
  AT,
  "2026-11-21",
  "2026-02-30T10:00:00Z",
  "2026-11-21T10:00:00+02:00",
  "2026-11-21T25:00:00Z",
  "PENDING_EXECUTING",
  "DELAYED",
  "COMPUTE",
  "micro",
  0,
  -1,
  1.5,
  1e308,
  Number.POSITIVE_INFINITY,
  true,
  false,
  [],
  {},
  ["a"],
  [{}],
  { id: "x", friendlyId: "y" },
];

/** Takes out, replaces, or puts in something, somewhere. */
function mutate(random: Random, message: Record<string, unknown>): void {
  let parent: Record<string, unknown> | unknown[] = message;
  while (true) {
    const name = pick(random, Object.keys(parent).concat("extra"));
    const child = (parent as Record<string, unknown>)[name];
    if (
      typeof child === "object" &&
      child !== null &&
      random(4) > 0 &&
      Object.keys(child).length > 0
    ) {
      parent = child as Record<string, unknown>;
      continue;
    }
    if (random(3) === 0) delete (parent as Record<string, unknown>)[name];
    else (parent as Record<string, unknown>)[name] = structuredClone(pick(random, VALUES));
    return;
  }
}

/** As it comes over the wire: what JSON has no word for is gone; a number that is too large is infinite. */
function overTheWire(message: unknown): unknown {
  const text = JSON.stringify(message, (_, value) =>
    value === Number.POSITIVE_INFINITY ? "∞" : value,
  );
  return JSON.parse(text.replaceAll('"∞"', "1e999"));
}

describe("the shape of a message", () => {
  test("with every field, and with those alone that are required, is right", () => {
    const whole = wholeMessage();
    const bare = {
      ...whole,
      workerQueueLength: undefined,
      image: undefined,
      templateKey: undefined,
      checkpoint: undefined,
      completedWaitpoints: [],
      deployment: {},
      placementTags: undefined,
    };

    expect(shapeProblem(whole)).toBeNull();
    expect(shapeProblem(bare)).toBeNull();
    for (const schema of [Newest, Oldest]) {
      expect(schema.safeParse(overTheWire(whole)).success).toBe(true);
      expect(schema.safeParse(overTheWire(bare)).success).toBe(true);
    }
  });

  test("is never taken for right when a client would not take it", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    let taken = 0;
    let refusedAlone = 0;
    const rounds = 6000;

    for (let round = 0; round < rounds; round++) {
      const changed = wholeMessage();
      for (let count = random(2); count >= 0; count--) mutate(random, changed);
      const message = overTheWire(changed);
      const problem = shapeProblem(message);
      const isTaken = Newest.safeParse(message).success && Oldest.safeParse(message).success;
      if (problem === null) {
        taken += 1;
        if (!isTaken) throw new Error(`seed ${seed}: ${JSON.stringify(message)}`);
      } else if (isTaken) refusedAlone += 1;
    }

    expect(taken).toBeGreaterThan(rounds / 10);
    // Dates that are no ISO texts, and what only fields say that the oldest does not look at.
    expect(refusedAlone).toBeLessThan(rounds / 20);
  }, 30_000);

  test("that is wrong is named by its field", () => {
    const message = wholeMessage();
    (message["run"] as { machine: { cpu: unknown } }).machine.cpu = "0.5";

    expect(shapeProblem(message)).toBe("`run.machine.cpu` must be a number");
    expect(shapeProblem({ ...wholeMessage(), version: "2" })).toBe("`version` must be one of 1");
    expect(shapeProblem({ ...wholeMessage(), project: [] })).toBe("`project` must be an object");
    expect(shapeProblem(null)).toBe("`dequeuedMessage` must be an object");
    // zod 3.25.56, which clients may run with as well as with ours, refuses it.
    const ofClass = wholeMessage();
    (ofClass["run"] as Record<string, unknown>)["traceContext"] = { constructor: "x" };
    expect(shapeProblem(ofClass)).toBe("`run.traceContext.constructor` must be left out");
  });
});
