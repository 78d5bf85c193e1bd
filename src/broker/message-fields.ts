/**
 * The fields of a message that clients look at, as data: what `message-shape.ts` says of an object, for `message-scanner.ts`, which
 * has none. In the order in which supervisors write them.
 */

export interface Spec {
  readonly kind: "text" | "date" | "number" | "boolean" | "object" | "list" | "never";
  /** Of a text: null is as good. */
  readonly isNullable: boolean;
  /** Where its place is noted; -1: nowhere. */
  readonly slot: number;
  /** What a text may be; null: anything. */
  readonly values: readonly Uint8Array[] | null;
  /** Of an object. */
  readonly fields: Fields | null;
  /** Of a list. */
  readonly item: Spec | null;
}

export interface Fields {
  /** Each with its quotes and the colon: `"id":`. */
  readonly names: readonly Uint8Array[];
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

const plain = { isNullable: false, slot: -1, values: null, fields: null, item: null };
const text: Spec = { ...plain, kind: "text" };
const textOrNull: Spec = { ...text, isNullable: true };
const date: Spec = { ...plain, kind: "date" };
const number: Spec = { ...plain, kind: "number" };
const boolean: Spec = { ...plain, kind: "boolean" };
const never: Spec = { ...plain, kind: "never" };
const textIn = (slot: number): Spec => ({ ...text, slot });
const numberIn = (slot: number): Spec => ({ ...number, slot });
const oneOf = (...values: string[]): Spec => ({ ...text, values: values.map(bytesOf) });
const list = (item: Spec): Spec => ({ ...plain, kind: "list", item });
const object = (shape: Record<string, Spec>): Spec => ({
  ...plain,
  kind: "object",
  fields: fieldsOf(shape),
});

/** A name that ends with `?` may be missing. */
function fieldsOf(shape: Record<string, Spec>): Fields {
  const rows = Object.entries(shape);
  return {
    names: rows.map(([name]) => bytesOf(`"${name.replace("?", "")}":`)),
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

export const message: Fields = fieldsOf({
  version: oneOf("1"),
  snapshot: object({
    id: text,
    friendlyId: textIn(SNAPSHOT),
    executionStatus: oneOf("PENDING_EXECUTING"),
    description: text,
    createdAt: date,
  }),
  dequeuedAt: date,
  "workerQueueLength?": number,
  "image?": text,
  "templateKey?": text,
  "checkpoint?": object({
    id: text,
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
