/**
 * Messages that differ from a whole one in one place each: a field left out, or with another value. For whether what reaches
 * a runner is what its client can read.
 */

// biome-ignore lint/suspicious/noExplicitAny: any JSON
type Json = any;

export interface Shape {
  /** `run.machine.cpu = null` */
  name: string;
  message: Json;
  /** It is still as the platform could write it: what a schema allows here should not be refused. */
  isPlausible: boolean;
}

const at = "2026-01-01T00:00:00.000Z";

/** With every field that any version of the schema knows. */
export function wholeMessage(deployment: string, snapshot: string): Json {
  return {
    version: "1",
    snapshot: {
      id: "s1",
      friendlyId: snapshot,
      executionStatus: "PENDING_EXECUTING",
      description: "d",
      createdAt: at,
    },
    dequeuedAt: at,
    workerQueueLength: 1,
    image: "app:1",
    templateKey: "t",
    checkpoint: { id: "c", type: "DOCKER", location: "l", imageRef: "i", reason: "r" },
    completedWaitpoints: [
      {
        id: "w",
        index: 0,
        friendlyId: "w",
        type: "MANUAL",
        completedAt: at,
        idempotencyKey: "k",
        completedByTaskRun: { id: "r", friendlyId: "r", batch: { id: "b", friendlyId: "b" } },
        completedAfter: at,
        completedByBatch: { id: "b", friendlyId: "b" },
        output: "{}",
        outputType: "application/json",
        outputIsError: false,
      },
    ],
    backgroundWorker: { id: "w", friendlyId: "w", version: "20260101.1", runtime: "node" },
    deployment: { id: "d", friendlyId: deployment, imagePlatform: "linux/amd64" },
    run: {
      id: "r",
      friendlyId: "run_1",
      isTest: false,
      isReplay: false,
      machine: { name: "small-1x", cpu: 0.5, memory: 0.5, centsPerMs: 0.1 },
      attemptNumber: 1,
      masterQueue: "main",
      traceContext: { traceparent: "t", nested: { a: null } },
      annotations: {
        triggerSource: "sdk",
        triggerAction: "trigger",
        rootTriggerSource: "api",
        rootScheduleId: "s",
        taskKind: "STANDARD",
        externalDeploymentId: "x",
        webhookDeliveryId: "w",
        webhookEndpointId: "e",
        workerCell: "c",
        workerLane: "l",
      },
    },
    environment: { id: "e", type: "PRODUCTION" },
    organization: { id: "o", hasPrivateLink: false },
    project: { id: "p" },
    placementTags: [{ key: "k", values: ["v"] }],
  };
}

/** What is put in the place of a value. Dates that only some parsers read are among them. */
const VALUES: readonly Json[] = [
  null,
  true,
  0,
  -1.5,
  "",
  "x",
  "1",
  "2026-01-01",
  "2026-13-45",
  "DELAYED",
  "PREVIEW",
  [],
  [{}],
  {},
];

/** @param make a new whole message, of a snapshot of its own */
export function shapesOf(make: () => Json): Shape[] {
  const shapes: Shape[] = [{ name: "whole", message: make(), isPlausible: true }];
  for (const path of pathsOf(make())) {
    const name = path.join(".");
    const without = make();
    delete parentOf(without, path)[path.at(-1)!];
    // Out of an array nothing is left out: it would leave a hole.
    if (!Array.isArray(parentOf(without, path))) {
      shapes.push({ name: `${name} left out`, message: without, isPlausible: !isKey(name) });
    }
    const before = valueAt(make(), path);
    for (const value of VALUES) {
      const message = make();
      parentOf(message, path)[path.at(-1)!] = structuredClone(value);
      const isPlausible = !isKey(name) && before !== at && typeof before === typeof value;
      shapes.push({ name: `${name} = ${JSON.stringify(value)}`, message, isPlausible });
    }
  }
  return shapes;
}

/** Its value says who may get the message, or which one it is. */
function isKey(name: string): boolean {
  return /^deployment$|^(deployment|snapshot)\.friendlyId$|^backgroundWorker\.version$|^run\.machine\.(cpu|memory)$/.test(
    name,
  );
}

function pathsOf(value: Json, path: string[] = []): string[][] {
  if (value === null || typeof value !== "object") return [];
  return Object.keys(value).flatMap((key) => {
    const own = [...path, key];
    return [own, ...pathsOf(value[key], own)];
  });
}

function valueAt(message: Json, path: readonly string[]): Json {
  return path.reduce((value, key) => value[key], message);
}

function parentOf(message: Json, path: readonly string[]): Json {
  return valueAt(message, path.slice(0, -1));
}
