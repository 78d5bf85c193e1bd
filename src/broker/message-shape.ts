/**
 * What of a message every client library requires before it takes the message: one that it does not understand ends the
 * runner with an error, and the run with it. Held against the libraries' own schemas, the oldest and the newest, by
 * `message-shape.test.ts`. Fields that are not named here pass.
 */

import { nestingMax } from "./limits.ts";

type Fields = Record<string, unknown>;

const EXECUTION_STATUSES = new Set<unknown>([
  "RUN_CREATED",
  "QUEUED",
  "QUEUED_EXECUTING",
  "PENDING_EXECUTING",
  "EXECUTING",
  "EXECUTING_WITH_WAITPOINTS",
  "SUSPENDED",
  "PENDING_CANCEL",
  "FINISHED",
]);
const MACHINES = new Set<unknown>([
  "micro",
  "small-1x",
  "small-2x",
  "medium-1x",
  "medium-2x",
  "large-1x",
  "large-2x",
]);
const ENVIRONMENTS = new Set<unknown>(["PRODUCTION", "STAGING", "DEVELOPMENT", "PREVIEW"]);
const WAITPOINTS = new Set<unknown>(["RUN", "DATETIME", "MANUAL", "BATCH"]);
/** Those that both libraries know. */
const CHECKPOINTS = new Set<unknown>(["DOCKER", "KUBERNETES"]);

/** Clients take whatever their `Date` does, and runtimes differ in that; this is what platforms send. */
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/;

/** The parts of a message that a key is made of, once its shape is known to be right. */
export interface ShapedMessage {
  snapshot: { friendlyId: string };
  run: { friendlyId: string; machine: { cpu: number; memory: number } };
  backgroundWorker: { version: string };
  deployment: { friendlyId?: string };
}

/** Why clients would not take the message; null when they would. */
export function shapeProblem(message: unknown): string | null {
  if (!isObject(message)) return wrong("dequeuedMessage", "an object");
  if (message.version !== "1") return wrong("version", 'the text "1"');
  return (
    snapshotProblem(message.snapshot) ??
    (isDate(message.dequeuedAt) ? null : wrong("dequeuedAt", "a date")) ??
    runProblem(message.run) ??
    texts(message.backgroundWorker, "backgroundWorker", ["id", "friendlyId", "version"]) ??
    maybeTexts(message.backgroundWorker, "backgroundWorker", ["runtime"]) ??
    maybeTexts(message.deployment, "deployment", ["id", "friendlyId", "imagePlatform"]) ??
    texts(message.environment, "environment", ["id"]) ??
    oneOf(message.environment, "environment", "type", ENVIRONMENTS) ??
    texts(message.organization, "organization", ["id"]) ??
    maybeOf(message.organization, "organization", "hasPrivateLink", "boolean") ??
    texts(message.project, "project", ["id"]) ??
    maybeTexts(message, "", ["image", "templateKey"]) ??
    maybeOf(message, "", "workerQueueLength", "number") ??
    checkpointProblem(message.checkpoint) ??
    listProblem(message.completedWaitpoints, "completedWaitpoints", waitpointProblem) ??
    (message.placementTags === undefined
      ? null
      : listProblem(message.placementTags, "placementTags", tagProblem))
  );
}

function snapshotProblem(snapshot: unknown): string | null {
  return (
    texts(snapshot, "snapshot", ["id", "friendlyId", "description"]) ??
    oneOf(snapshot, "snapshot", "executionStatus", EXECUTION_STATUSES) ??
    date(snapshot, "snapshot", "createdAt")
  );
}

function runProblem(run: unknown): string | null {
  const problem = texts(run, "run", ["id", "friendlyId", "masterQueue"]);
  if (problem !== null) return problem;
  const { isTest, isReplay, machine, attemptNumber, traceContext, annotations } = run as Fields;
  if (typeof isTest !== "boolean") return wrong("run.isTest", "true or false");
  if (isReplay !== undefined && typeof isReplay !== "boolean") {
    return wrong("run.isReplay", "true or false");
  }
  if (!isNumber(attemptNumber)) return wrong("run.attemptNumber", "a number");
  if (!isObject(traceContext)) return wrong("run.traceContext", "an object");
  // Some versions of zod that clients run with take such an object for an instance of a class, and refuse it.
  if (Object.hasOwn(traceContext, "constructor")) {
    return wrong("run.traceContext", "an object without `constructor`");
  }
  if (!isNestedWithin(traceContext, nestingMax)) {
    return wrong("run.traceContext", `nested ${nestingMax} levels deep at most`);
  }
  return (
    oneOf(machine, "run.machine", "name", MACHINES) ??
    numbers(machine, "run.machine", ["cpu", "memory", "centsPerMs"]) ??
    (annotations === undefined ? null : annotationsProblem(annotations))
  );
}

function annotationsProblem(annotations: unknown): string | null {
  return (
    texts(annotations, "run.annotations", [
      "triggerSource",
      "triggerAction",
      "rootTriggerSource",
    ]) ??
    maybeTexts(annotations, "run.annotations", [
      "rootScheduleId",
      "taskKind",
      "externalDeploymentId",
      "webhookDeliveryId",
      "webhookEndpointId",
    ])
  );
}

function checkpointProblem(checkpoint: unknown): string | null {
  if (checkpoint === undefined) return null;
  const problem =
    texts(checkpoint, "checkpoint", ["id", "location"]) ??
    oneOf(checkpoint, "checkpoint", "type", CHECKPOINTS);
  if (problem !== null) return problem;
  const { imageRef, reason } = checkpoint as Fields;
  if (!isText(imageRef ?? "")) return wrong("checkpoint.imageRef", "a text");
  return isText(reason ?? "") ? null : wrong("checkpoint.reason", "a text");
}

function waitpointProblem(waitpoint: unknown, path: string): string | null {
  const problem =
    texts(waitpoint, path, ["id", "friendlyId"]) ??
    oneOf(waitpoint, path, "type", WAITPOINTS) ??
    date(waitpoint, path, "completedAt") ??
    maybeOf(waitpoint, path, "index", "number") ??
    maybeTexts(waitpoint, path, ["idempotencyKey", "output", "outputType"]);
  if (problem !== null) return problem;
  const { outputIsError, completedAfter, completedByTaskRun, completedByBatch } =
    waitpoint as Fields;
  if (typeof outputIsError !== "boolean") return wrong(`${path}.outputIsError`, "true or false");
  if (completedAfter !== undefined && !isDate(completedAfter)) {
    return wrong(`${path}.completedAfter`, "a date");
  }
  if (completedByBatch !== undefined) {
    const inBatch = texts(completedByBatch, `${path}.completedByBatch`, ["id", "friendlyId"]);
    if (inBatch !== null) return inBatch;
  }
  if (completedByTaskRun === undefined) return null;
  const runPath = `${path}.completedByTaskRun`;
  const inRun = texts(completedByTaskRun, runPath, ["id", "friendlyId"]);
  if (inRun !== null) return inRun;
  const { batch } = completedByTaskRun as Fields;
  return batch === undefined ? null : texts(batch, `${runPath}.batch`, ["id", "friendlyId"]);
}

function tagProblem(tag: unknown, path: string): string | null {
  const problem = texts(tag, path, ["key"]);
  if (problem !== null) return problem;
  const { values } = tag as Fields;
  if (values === undefined) return null;
  return Array.isArray(values) && values.every(isText) ? null : wrong(`${path}.values`, "texts");
}

// --- kinds of fields; `object` may be anything ---

function texts(object: unknown, path: string, names: readonly string[]): string | null {
  if (!isObject(object)) return wrong(path, "an object");
  for (let index = 0; index < names.length; index++) {
    if (typeof object[names[index]!] !== "string")
      return wrong(`${path}.${names[index]}`, "a text");
  }
  return null;
}

function maybeTexts(object: unknown, path: string, names: readonly string[]): string | null {
  if (!isObject(object)) return wrong(path, "an object");
  for (let index = 0; index < names.length; index++) {
    const value = object[names[index]!];
    if (value !== undefined && typeof value !== "string")
      return wrong(at(path, names[index]!), "a text");
  }
  return null;
}

function numbers(object: unknown, path: string, names: readonly string[]): string | null {
  if (!isObject(object)) return wrong(path, "an object");
  for (let index = 0; index < names.length; index++) {
    if (!isNumber(object[names[index]!])) return wrong(`${path}.${names[index]}`, "a number");
  }
  return null;
}

function maybeOf(
  object: unknown,
  path: string,
  name: string,
  kind: "boolean" | "number",
): string | null {
  const value = (object as Fields)[name];
  if (value === undefined) return null;
  if (kind === "number" ? isNumber(value) : typeof value === kind) return null;
  return wrong(at(path, name), kind === "number" ? "a number" : "true or false");
}

function oneOf(
  object: unknown,
  path: string,
  name: string,
  values: ReadonlySet<unknown>,
): string | null {
  if (!isObject(object)) return wrong(path, "an object");
  return values.has(object[name])
    ? null
    : wrong(at(path, name), `one of ${[...values].join(", ")}`);
}

function date(object: unknown, path: string, name: string): string | null {
  return isDate((object as Fields)[name]) ? null : wrong(at(path, name), "a date");
}

function listProblem(
  list: unknown,
  path: string,
  problemOf: (item: unknown, path: string) => string | null,
): string | null {
  if (!Array.isArray(list)) return wrong(path, "a list");
  for (let index = 0; index < list.length; index++) {
    const problem = problemOf(list[index], `${path}[${index}]`);
    if (problem !== null) return problem;
  }
  return null;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The one place where anything may stand. */
function isNestedWithin(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  for (const name in value) if (!isNestedWithin((value as Fields)[name], levels - 1)) return false;
  return true;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** JSON has no NaN; a number that is too large becomes infinite, which no client takes. */
function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** What is a date to every runtime. */
export function isDate(value: unknown): boolean {
  return typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value));
}

function at(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function wrong(path: string, wanted: string): string {
  return `\`${path}\` must be ${wanted}`;
}
