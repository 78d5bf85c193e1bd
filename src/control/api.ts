/**
 * The admin API as data: every endpoint with the schema of what it takes and gives. The server validates with it, the
 * CLI types itself with it, and the JSON Schemas in `docs/schemas/` are made from it.
 *
 * Served on the admin unix socket and on 127.0.0.1 at the admin port; never on the edge port. JSON in and out, except:
 * `deploy` takes a gzipped tar as its body and answers a stream of `DeployEvent` lines; `logs` answers a stream of
 * `LogRecord` lines. Errors are `{ error: ErrorBody }` with the catalogue's status.
 */
import { z } from "zod";
import { deployEvent, deployQuery } from "../deploy/deploy-api.ts";

export {
  type DeployEvent,
  type DeployQuery,
  type DeployResult,
  deployEvent,
  deployQuery,
  deployResult,
} from "../deploy/deploy-api.ts";

/** Instance states, see `src/pool/`. */
export const instanceState = z.enum(["starting", "warm", "frozen", "draining", "stopped"]);

/** State of one version's pool on this node: `stopped` has no process, `failed` backs off before it tries again. */
export const poolState = z.enum(["stopped", "starting", "warm", "frozen", "failed"]);

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

/** One row of `levain ps`: a version's process on this node. */
export const instanceInfo = z.object({
  app: z.string(),
  version: z.int(),
  /** Branches it is live on; empty for a version that only its own URL reaches. */
  branches: z.array(z.string()),
  state: poolState,
  pid: z.int().nullable(),
  /** Private memory of the process in bytes, or null without a process. */
  memoryBytes: z.number().nullable(),
  requests: z.number(),
  requestsInFlight: z.int(),
  /** Milliseconds since the process started, or null. */
  ageMs: z.number().nullable(),
  /** Milliseconds since the last request ended, or null. */
  idleMs: z.number().nullable(),
  starts: z.int(),
  failures: z.int(),
  /** Why the pool is `failed`, else null. */
  cause: z.string().nullable(),
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
  instances: z.int(),
  connections: z.int(),
  requests: z.number(),
  memoryBytes: z.number(),
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

export const promoteInput = z.object({
  version: z.int().positive(),
  branch: z.string().default("main"),
});
export const rollbackInput = z.object({
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

export const logsQuery = z.object({
  version: z.coerce.number().int().positive().optional(),
  /** Wall-clock milliseconds; records before are left out. */
  sinceMs: z.coerce.number().optional(),
  /** Plain text that the message must contain. */
  grep: z.string().optional(),
  /** Newest records to give when there are more. Count. */
  tail: z.coerce.number().int().positive().optional(),
  follow: z.stringbool().default(false),
});

/**
 * Method, path and shapes of each endpoint, by the name of the CLI verb. `{app}` is a path parameter.
 */
export const ENDPOINTS = {
  status: { method: "GET", path: "/v1/status", output: nodeStatus },
  apps: { method: "GET", path: "/v1/apps", output: z.object({ apps: z.array(appInfo) }) },
  versions: {
    method: "GET",
    path: "/v1/apps/{app}/versions",
    output: z.object({ app: z.string(), versions: z.array(versionInfo) }),
  },
  deploy: { method: "POST", path: "/v1/deploys", query: deployQuery, stream: deployEvent },
  promote: {
    method: "POST",
    path: "/v1/apps/{app}/promote",
    input: promoteInput,
    output: liveChange,
  },
  rollback: {
    method: "POST",
    path: "/v1/apps/{app}/rollback",
    input: rollbackInput,
    output: liveChange,
  },
  delete: { method: "DELETE", path: "/v1/apps/{app}", output: z.object({ app: z.string() }) },
  ps: {
    method: "GET",
    path: "/v1/instances",
    output: z.object({ instances: z.array(instanceInfo) }),
  },
  logs: { method: "GET", path: "/v1/apps/{app}/logs", query: logsQuery, stream: logRecord },
  down: { method: "POST", path: "/v1/shutdown", output: z.object({ pid: z.int() }) },
} as const;

export type NodeStatus = z.infer<typeof nodeStatus>;
export type AppInfo = z.infer<typeof appInfo>;
export type VersionInfo = z.infer<typeof versionInfo>;
export type InstanceInfo = z.infer<typeof instanceInfo>;
export type LiveChange = z.infer<typeof liveChange>;
export type LogsQuery = z.infer<typeof logsQuery>;
