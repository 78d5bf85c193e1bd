/**
 * What of a message every client library requires before it takes the message: one that it does not understand ends the
 * runner with an error, and the run with it. As data, for `message-scanner.ts`, which reads bytes, and `message-shape.ts`, which
 * looks at an object. Held against the libraries' own schemas, the oldest and the newest, by `message-shape.test.ts`. In the
 * order in which supervisors write them; fields that are not named here pass.
 */
import { nestingMax } from "./limits.ts";

/** Of what no client looks at, below a field: an object that has fields is a level by itself. Count. */
export const levelsMax = nestingMax - 1;

export interface Spec {
  readonly kind: "text" | "date" | "number" | "boolean" | "object" | "list" | "never";
  /** Of a text: null is as good. */
  readonly isNullable: boolean;
  /** Where its place is noted; -1: nowhere. */
  readonly slot: number;
  /** What a text may be, ASCII; null: anything. */
  readonly values: readonly string[] | null;
  /** The same. */
  readonly valueBytes: readonly Uint8Array[] | null;
  /** Of an object. */
  readonly fields: Fields | null;
  /** Of a list. */
  readonly item: Spec | null;
}

export interface Fields {
  readonly names: readonly string[];
  /** Each with its quotes and the colon: `"id":`. */
  readonly nameBytes: readonly Uint8Array[];
  readonly specs: readonly Spec[];
  /** A bit for each field that has to be there. */
  readonly required: number;
}

/** Slots: what a dispatch is made of. */
export const SNAPSHOT = 0;
export const RUN = 1;
export const DEPLOYMENT = 2;
export const VERSION = 3;
export const CPU = 4;
export const MEMORY = 5;
export const SLOTS = 6;

const plain = {
  isNullable: false,
  slot: -1,
  values: null,
  valueBytes: null,
  fields: null,
  item: null,
};
const text: Spec = { ...plain, kind: "text" };
const textOrNull: Spec = { ...text, isNullable: true };
const date: Spec = { ...plain, kind: "date" };
const number: Spec = { ...plain, kind: "number" };
const boolean: Spec = { ...plain, kind: "boolean" };
/** Some versions of zod that clients run with take an object with such a field for an instance of a class, and refuse it. */
const never: Spec = { ...plain, kind: "never" };
const textIn = (slot: number): Spec => ({ ...text, slot });
const numberIn = (slot: number): Spec => ({ ...number, slot });
const oneOf = (...values: string[]): Spec => ({
  ...text,
  values,
  valueBytes: values.map(bytesOf),
});
const list = (item: Spec): Spec => ({ ...plain, kind: "list", item });
const object = (shape: Record<string, Spec>): Spec => ({
  ...plain,
  kind: "object",
  fields: fieldsOf(shape),
});

/** A name that ends with `?` may be missing. */
function fieldsOf(shape: Record<string, Spec>): Fields {
  const rows = Object.entries(shape);
  const names = rows.map(([name]) => name.replace("?", ""));
  return {
    names,
    nameBytes: names.map((name) => bytesOf(`"${name}":`)),
    specs: rows.map(([, spec]) => spec),
    required: rows.reduce(
      (bits, [name], index) => (name.endsWith("?") ? bits : bits | (1 << index)),
      0,
    ),
  };
}

function bytesOf(word: string): Uint8Array {
  return new TextEncoder().encode(word);
}

const named = object({ id: text, friendlyId: text });

const waitpoint = object({
  id: text,
  "index?": number,
  friendlyId: text,
  type: oneOf("RUN", "DATETIME", "MANUAL", "BATCH"),
  completedAt: date,
  "idempotencyKey?": text,
  "completedByTaskRun?": object({ id: text, friendlyId: text, "batch?": named }),
  "completedAfter?": date,
  "completedByBatch?": named,
  "output?": text,
  "outputType?": text,
  outputIsError: boolean,
});

export const message: Spec = object({
  version: oneOf("1"),
  snapshot: object({
    id: text,
    friendlyId: textIn(SNAPSHOT),
    executionStatus: oneOf(
      // That of new work; a scanner finds it first.
      "PENDING_EXECUTING",
      "RUN_CREATED",
      "QUEUED",
      "QUEUED_EXECUTING",
      "EXECUTING",
      "EXECUTING_WITH_WAITPOINTS",
      "SUSPENDED",
      "PENDING_CANCEL",
      "FINISHED",
    ),
    description: text,
    createdAt: date,
  }),
  dequeuedAt: date,
  "workerQueueLength?": number,
  "image?": text,
  "templateKey?": text,
  "checkpoint?": object({
    id: text,
    // Those that both libraries know.
    type: oneOf("DOCKER", "KUBERNETES"),
    location: text,
    "imageRef?": textOrNull,
    "reason?": textOrNull,
  }),
  completedWaitpoints: list(waitpoint),
  backgroundWorker: object({
    id: text,
    friendlyId: text,
    version: textIn(VERSION),
    "runtime?": text,
  }),
  deployment: object({ "id?": text, "friendlyId?": textIn(DEPLOYMENT), "imagePlatform?": text }),
  run: object({
    id: text,
    friendlyId: textIn(RUN),
    isTest: boolean,
    "isReplay?": boolean,
    machine: object({
      name: oneOf(
        "micro",
        "small-1x",
        "small-2x",
        "medium-1x",
        "medium-2x",
        "large-1x",
        "large-2x",
      ),
      cpu: numberIn(CPU),
      memory: numberIn(MEMORY),
      centsPerMs: number,
    }),
    attemptNumber: number,
    masterQueue: text,
    traceContext: object({ "constructor?": never }),
    "annotations?": object({
      triggerSource: text,
      triggerAction: text,
      rootTriggerSource: text,
      "rootScheduleId?": text,
      "taskKind?": text,
      "externalDeploymentId?": text,
      "webhookDeliveryId?": text,
      "webhookEndpointId?": text,
    }),
  }),
  environment: object({ id: text, type: oneOf("PRODUCTION", "STAGING", "DEVELOPMENT", "PREVIEW") }),
  organization: object({ id: text, "hasPrivateLink?": boolean }),
  project: object({ id: text }),
  "placementTags?": list(object({ key: text, "values?": list(text) })),
});
