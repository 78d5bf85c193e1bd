/**
 * The admin API as data: every endpoint with the schema of what it takes and gives. The server validates with it, the
 * CLI types itself with it, and the JSON Schemas in `docs/schemas/` are made from it.
 *
 * Served on the admin unix socket and on 127.0.0.1 at the admin port; never on the edge port. JSON in and out, except:
 * `deploy` takes a gzipped tar as its body and answers a stream of `DeployEvent` lines; `logs` answers a stream of
 * `LogRecord` lines; `metrics` answers Prometheus' text format. A stream may contain empty lines, which only show that it is alive. Errors are
 * `{ error: ErrorBody }` with the catalogue's status.
 */
import { z } from "zod";
import { deployEvent, deployQuery } from "../deploy/deploy-api.ts";
import { ENDPOINT_PATHS, type EndpointName } from "./endpoints.ts";
import { logGrepCharactersMax, logTailMax } from "./limits.ts";
import { versionSpec } from "./route-table-schema.ts";
import { givenSandbox, sandboxMachine } from "./sandbox-schema.ts";

export {
  type DeployEvent,
  type DeployQuery,
  type DeployResult,
  deployEvent,
  deployQuery,
  deployResult,
} from "../deploy/deploy-api.ts";

/** Instance states, see `src/pool/`. */
export const instanceState = z.enum(["starting", "warm", "frozen", "paged", "draining", "stopped"]);

/** State of one version's pool on this node: `stopped` has no process, `failed` backs off before it tries again. */
export const poolState = z.enum(["stopped", "starting", "warm", "frozen", "paged", "failed"]);

export const branchInfo = z.object({
  name: z.string(),
  /** Number of the live version, or null. */
  live: z.int().nullable(),
  url: z.string(),
});

export const appInfo = z.object({
  name: z.string(),
  branches: z.array(branchInfo),
  versions: z.int(),
  createdAtMs: z.number(),
});

export const versionInfo = z.object({
  number: z.int(),
  branch: z.string(),
  digest: z.string(),
  url: z.string(),
  /** Branches this version is live on. */
  liveOn: z.array(z.string()),
  message: z.string().nullable(),
  /** Git commit of the source, when the CLI knew one. */
  commit: z.string().nullable(),
  bytes: z.number(),
  createdAtMs: z.number(),
});

/** One process of a version. `retired`: it finishes its requests and gets no more; `going`: it is asked to end. */
export const processInfo = z.object({
  id: z.string(),
  pid: z.int(),
  state: z.enum(["starting", "warm", "frozen", "paged", "retired", "going"]),
  /** In RAM: its own and its part of what processes share, as measured last. */
  memoryBytes: z.number().nullable(),
  /** Moved out to swap. */
  swapBytes: z.number(),
  requestsInFlight: z.int(),
  ageMs: z.number(),
  idleMs: z.number().nullable(),
  /** What its app has named to keep it awake, the oldest first; no more than fit a screen. */
  holders: z.array(
    z.object({
      kind: z.enum(["waitUntil", "keepAwake"]),
      /** The app's own word for it; may be empty. */
      name: z.string(),
      ageMs: z.number(),
      /** It is open for too long, and does not keep the process awake any more. */
      isSpent: z.boolean(),
    }),
  ),
  /** All of them. */
  holdersOpen: z.int(),
});

/** One row of `levain ps`: a version's processes on this node, of which most versions have one. */
export const instanceInfo = z.object({
  app: z.string(),
  version: z.int(),
  /** Branches it is live on; empty for a version that only its own URL reaches. */
  branches: z.array(z.string()),
  state: poolState,
  /** Of the oldest process, or null without one. */
  pid: z.int().nullable(),
  /** Memory of the processes together in RAM, in bytes, or null without one. */
  memoryBytes: z.number().nullable(),
  /** Moved out to swap, in bytes. */
  swapBytes: z.number(),
  requests: z.number(),
  requestsInFlight: z.int(),
  /** Milliseconds since the oldest process started, or null. */
  ageMs: z.number().nullable(),
  /** Milliseconds since the last request ended, or null. */
  idleMs: z.number().nullable(),
  /** Requests that wait for it now. */
  requestsHeld: z.int(),
  /** Requests that found an instance, warm or frozen, and those that found none; without those that were refused at once. */
  hits: z.int(),
  misses: z.int(),
  /** `hits` as a share of both, 0 to 1; null before the first request. */
  hitRate: z.number().nullable(),
  /** Requests that had to wait, for an instance or for their turn. */
  holds: z.int(),
  starts: z.int(),
  failures: z.int(),
  /** How often it was stopped while idle because another app needed its place. */
  evictions: z.int(),
  /** How often one of its processes was replaced after `limits.requestsMax` requests. */
  recycles: z.int(),
  /** Requests that were turned away, by the code they were told. */
  refusals: z.record(z.string(), z.int()),
  /** Requests that were answered, by the class of the status; `aborted`: the client left before the answer's end. */
  answers: z.object({
    "2xx": z.int(),
    "3xx": z.int(),
    "4xx": z.int(),
    "5xx": z.int(),
    aborted: z.int(),
  }),
  /** Half of the answers, 95 % and 99 % took no longer, in milliseconds; null before the first. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  /** Why the pool is `failed`, else null. */
  cause: z.string().nullable(),
  /** Each of its processes, oldest first. */
  processes: z.array(processInfo),
});

/** What the node may use and what does; all in bytes of RAM, unless it says otherwise. */
export const memoryStatus = z.object({
  budgetBytes: z.number(),
  usedBytes: z.number(),
  /** `short`: room is being made; `over`: beyond the budget, or the machine suffers. */
  level: z.enum(["calm", "short", "over"]),
  nodeBytes: z.number(),
  /** Of edges in processes of their own. */
  edgesBytes: z.number(),
  /** Of the node's own PostgreSQL. */
  postgresBytes: z.number(),
  /** Of processes that stand ready for a first start. */
  sparesBytes: z.number(),
  buildsBytes: z.number(),
  /** What the apps have in zram, compressed. */
  zramBytes: z.number(),
  /** Of apps, by what their processes do. */
  warmBytes: z.number(),
  frozenBytes: z.number(),
  pagedBytes: z.number(),
  /** Of apps, moved out to swap; as large as it was in RAM. */
  swapBytes: z.number(),
  /** Starts that wait for memory. */
  startsWaiting: z.int(),
  /** What was done to idle apps to make room, since the node started. Counts. */
  reliefs: z.object({ freeze: z.int(), page: z.int(), stop: z.int() }),
  /** Of the machine, or of the node's cgroup where that has less; null when it does not say. */
  machine: z
    .object({
      totalBytes: z.number(),
      availableBytes: z.number(),
      swapTotalBytes: z.number(),
      swapFreeBytes: z.number(),
      /** RAM that compressed pages take, whoever they belong to. */
      zramBytes: z.number(),
      /** Part of the last ten seconds in which some, and all, work waited for memory; null when not known. */
      pressureSome: z.number().nullable(),
      pressureFull: z.number().nullable(),
    })
    .nullable(),
});

export const nodeStatus = z.object({
  pid: z.int(),
  version: z.string(),
  bun: z.string(),
  dataDir: z.string(),
  domain: z.string(),
  edgePort: z.int(),
  adminPort: z.int(),
  startedAtMs: z.number(),
  /** `ready`, or why the store cannot be reached. Traffic does not depend on it. */
  store: z.object({
    kind: z.enum(["embedded", "external"]),
    state: z.enum(["ready", "starting", "unavailable"]),
    cause: z.string().nullable(),
  }),
  apps: z.int(),
  /** Instances that run, frozen ones included. */
  instances: z.int(),
  /** How many may at once. */
  instancesMax: z.int(),
  /** Processes that accept connections; the node itself when there is one. */
  edges: z.array(z.object({ pid: z.int(), connections: z.int(), requests: z.number() })),
  connections: z.int(),
  requests: z.number(),
  /** Resident memory of the node's own process. */
  memoryBytes: z.number(),
  memory: memoryStatus,
});

/** One line of an app's log: something the app printed, or an event of the platform's own. */
export const logRecord = z.object({
  /** ISO 8601, UTC, milliseconds. */
  time: z.string(),
  app: z.string(),
  version: z.int().nullable(),
  /** Id of the instance, or null for what is not one process's. */
  instance: z.string().nullable(),
  /** `stdout` and `stderr` are the app's; `platform` is Levain's. */
  stream: z.enum(["stdout", "stderr", "platform"]),
  requestId: z.string().nullable(),
  /** Event name for `platform` records (`start`, `freeze`, `wake`, `exit`, `deploy`, `verdict` …), else null. */
  event: z.string().nullable(),
  message: z.string(),
  /** Numbers and names that belong to a platform event. */
  fields: z.record(z.string(), z.unknown()).optional(),
});

/** One process of a version, as `ps` has it, with what it was really given. */
export const inspectedProcess = processInfo.extend({ sandbox: givenSandbox });

export const inspectQuery = z.strictObject({
  version: z.coerce.number().int().positive().optional(),
  /** Without `version`: the one that is live there. */
  branch: z.string().default("main"),
});
/** All that is known of one version. */
export const inspection = versionInfo.omit({ message: true, commit: true, bytes: true }).extend({
  app: z.string(),
  /** What only the store knows; null while it cannot be reached. */
  stored: versionInfo.pick({ message: true, commit: true, bytes: true }).nullable(),
  ...versionSpec.pick({
    entry: true,
    ephemeral: true,
    healthPath: true,
    limits: true,
    instances: true,
    idleFreezeMs: true,
    idlePageMs: true,
    idleStopMs: true,
    standby: true,
    permissions: true,
    sandbox: true,
  }).shape,
  /** Names of its own environment values, which are not shown. */
  environment: z.array(z.string()),
  machine: sandboxMachine,
  state: poolState,
  /** Why it is `failed`, else null. */
  cause: z.string().nullable(),
  /** Oldest first. */
  processes: z.array(inspectedProcess),
});

export const promoteInput = z.strictObject({
  version: z.int().positive(),
  branch: z.string().default("main"),
});
export const rollbackInput = z.strictObject({
  branch: z.string().default("main"),
  /** Default: the version that was live before. */
  to: z.int().positive().optional(),
});
export const liveChange = z.object({
  app: z.string(),
  branch: z.string(),
  version: z.int(),
  previous: z.int().nullable(),
  url: z.string(),
});

/** Consent to what cannot be undone: the app's name once more. */
export const deleteQuery = z.strictObject({ confirm: z.string().optional() });
export const deletedApp = z.object({
  app: z.string(),
  /** Versions that are gone with it. Count. */
  versions: z.int(),
});

export const logsQuery = z.strictObject({
  version: z.coerce.number().int().positive().optional(),
  /** Wall-clock milliseconds; records before are left out. */
  sinceMs: z.coerce.number().nonnegative().optional(),
  /** Plain text that the message must contain. */
  grep: z.string().max(logGrepCharactersMax).optional(),
  /** Newest records to give when there are more. Count. */
  tail: z.coerce.number().int().positive().max(logTailMax).optional(),
  /** The requests that were answered, in place of what the app printed. */
  requests: z.stringbool().default(false),
  follow: z.stringbool().default(false),
});

/** What every failed answer, and the last line of a log stream that broke off, carries as `error`, here and in the CLI. */
export const errorBody = z.object({
  code: z.string(),
  message: z.string(),
  /** The underlying error's message, or null. */
  cause: z.string().nullable(),
  fix: z.string(),
  /** Path of the section in the docs. */
  docs: z.string(),
  detail: z.record(z.string(), z.unknown()).optional(),
});

/** The index at `GET /`. */
export const adminIndex = z.object({
  name: z.literal("levain"),
  version: z.string(),
  docs: z.string(),
  endpoints: z.array(z.object({ name: z.string(), method: z.string(), path: z.string() })),
});

/** Shapes of each endpoint, by its name; method and path are in `endpoints.ts`. */
export const ENDPOINTS = {
  status: { ...ENDPOINT_PATHS.status, output: nodeStatus },
  apps: { ...ENDPOINT_PATHS.apps, output: z.object({ apps: z.array(appInfo) }) },
  versions: {
    ...ENDPOINT_PATHS.versions,
    output: z.object({ app: z.string(), versions: z.array(versionInfo) }),
  },
  deploy: { ...ENDPOINT_PATHS.deploy, query: deployQuery, stream: deployEvent },
  promote: { ...ENDPOINT_PATHS.promote, input: promoteInput, output: liveChange },
  rollback: { ...ENDPOINT_PATHS.rollback, input: rollbackInput, output: liveChange },
  delete: { ...ENDPOINT_PATHS.delete, query: deleteQuery, output: deletedApp },
  inspect: { ...ENDPOINT_PATHS.inspect, query: inspectQuery, output: inspection },
  ps: {
    ...ENDPOINT_PATHS.ps,
    output: z.object({
      instances: z.array(instanceInfo),
      /** How many may run at once. */
      instancesMax: z.int(),
      memory: memoryStatus.pick({ budgetBytes: true, usedBytes: true, level: true }),
    }),
  },
  logs: { ...ENDPOINT_PATHS.logs, query: logsQuery, stream: logRecord },
  metrics: { ...ENDPOINT_PATHS.metrics },
  down: { ...ENDPOINT_PATHS.down, output: z.object({ pid: z.int() }) },
} as const;

type Endpoints = typeof ENDPOINTS;
/** What an endpoint answers with, as JSON. */
export type OutputOf<Name extends EndpointName> = Endpoints[Name] extends {
  output: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : never;
/** What an endpoint takes as its JSON body; `undefined` when it takes none. */
export type InputOf<Name extends EndpointName> = Endpoints[Name] extends {
  input: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;
/** What an endpoint takes in its query string; `undefined` when it takes nothing. */
export type QueryOf<Name extends EndpointName> = Endpoints[Name] extends {
  query: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;
/** One line of what a streaming endpoint answers. */
export type LineOf<Name extends EndpointName> = Endpoints[Name] extends {
  stream: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : never;

export type NodeStatus = z.infer<typeof nodeStatus>;
export type AppInfo = z.infer<typeof appInfo>;
export type VersionInfo = z.infer<typeof versionInfo>;
export type InstanceInfo = z.infer<typeof instanceInfo>;
export type Inspection = z.infer<typeof inspection>;
export type LiveChange = z.infer<typeof liveChange>;
export type DeletedApp = z.infer<typeof deletedApp>;
export type LogsQuery = z.infer<typeof logsQuery>;
