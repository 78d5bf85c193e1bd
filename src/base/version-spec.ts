import type { DatabaseSpec } from "./database-spec.ts";
import { defaultPermissions, type Permissions, type SandboxLevel } from "./permissions.ts";
import type { VersionMigrations } from "./version-migrations.ts";

/**
 * What a version is, once and for all: the artifact, the environment and the limits that were frozen at deploy.
 * Written to the store, published in the route table, handed to the pool. Plain JSON.
 */
export interface VersionSpec {
  app: string;
  /** 1, 2, 3 … per app; shown as `v7`. */
  number: number;
  /** The branch it was deployed to or promoted onto. */
  branch: string;
  /** sha256 of the artifact, 64 hex digits. */
  digest: string;
  /** Path of the module to import, relative to the artifact's root; null: no process, only assets. */
  entry: string | null;
  /** What the app finds behind the entry in `process.argv`: what its start command says behind its program. */
  args: readonly string[];
  /** Path of the asset manifest in the artifact; null: no assets. One of this and `entry` is given. */
  assets: string | null;
  /** Fresh module state for every request. */
  ephemeral: boolean;
  /** The app's own environment values by name, sealed; see `src/secrets/`. Plain in versions of earlier releases. */
  env: Record<string, string>;
  /** Path the boot check asks for. Default `/`. */
  healthPath: string;
  limits: VersionLimits;
  /** What it may reach beyond its own files. */
  permissions: Permissions;
  /** How strictly it demands to be held; null: as strictly as the kernel can. */
  sandbox: SandboxLevel | null;
  instances: InstanceCounts;
  /** Idle time after which the process is frozen. Milliseconds; 0 = never. */
  idleFreezeMs: number;
  /** Idle time after which a frozen process's memory is handed to swap, where there is some. Milliseconds; 0 = never. */
  idlePageMs: number;
  /** Idle time after which the process is stopped. Milliseconds; 0 = never, as always with `keep-memory`. */
  idleStopMs: number;
  standby: StandbyPolicy;
  /** What the app says of itself. */
  declares: Declares;
  /** How long its app's versions are kept; of the newest version of an app it counts. */
  retention: Retention;
  /** What it asks of its branch's database; null: it has none. */
  database: DatabaseSpec | null;
  /** How that database is brought up to date for it; null: it is not. */
  migrations: VersionMigrations | null;
  /** The Bun that it runs on, such as `bun@1.4.5`; null: the node's own, whichever that is. */
  runtime: string | null;
  /** How it was built, as the app itself may know it; null for versions of earlier releases. */
  buildFacts: BuildFacts | null;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
}

/** What an app says of itself: contracts that it keeps with others, in words of its own. */
export interface Declares {
  /** Version of the data that it reads and writes, such as `12` or `2026-11`; null = it does not say. */
  schema: string | null;
  /** Version of the events and metrics that it emits; null = it does not say. */
  telemetry: string | null;
  /** Features that this version switches on. */
  flags: readonly string[];
}

/** What a version has that declares nothing. */
export const nothingDeclared: Declares = { schema: null, telemetry: null, flags: [] };

/** When versions of an app that nothing needs any more are removed. Null = what the node says. */
export interface Retention {
  /** The newest versions of each branch are kept. Count. */
  versionsMax: number | null;
  /** Older ones go also when they are among the newest. Days; 0 = whatever their age. */
  daysMax: number | null;
}

/** What a version has that does not say otherwise. */
export const retentionOfNode: Retention = { versionsMax: null, daysMax: null };

/** The part of a version's provenance that the app can read at run time, without secrets. */
export interface BuildFacts {
  /** Of the Bun that built it, which runs it too unless `runtime` names another. */
  bun: string;
  /** Git commit of the source; null = not known. */
  commit: string | null;
  gitBranch: string | null;
  /** The source had changes that are in no commit; null = not known. */
  isDirty: boolean | null;
  lockfileSha256: string | null;
  /** What the project was made from. */
  template: string | null;
}

/**
 * Whether an idle version may lose what it has in memory.
 *
 * `keep-memory`: it sleeps for as long as nobody asks for it; it is stopped only when the node has no place or no memory
 * left for others. `stop-allowed`: it is stopped after `idleStopMs`, and before the others when something is short.
 */
export type StandbyPolicy = "keep-memory" | "stop-allowed";

/** Of versions that were deployed before these could be configured: they were stopped when idle. */
export const standbyBefore = { idlePageMs: 60_000, standby: "stop-allowed" } as const;

export interface VersionLimits extends ResourceLimits {
  /** Private memory of the process. Bytes. */
  memoryBytesMax: number;
  /** Until the first byte of the response. Milliseconds. */
  requestTimeoutMs: number;
  /** Silence in the middle of a request or response body. Milliseconds. */
  streamIdleMs: number;
  /** Requests running at once. Count. */
  concurrencyMax: number;
  /** Requests waiting beyond `concurrencyMax`. Count; 0 = none. */
  queueMax: number;
  /** Request body, declared or streamed. Bytes. */
  bodyBytesMax: number;
  /** Until the process has answered its first request. Milliseconds. */
  bootTimeoutMs: number;
  /** Requests that one process takes before another one takes its place. Count; 0 = any number. */
  requestsMax: number;
}

/** What one instance may take of the machine, beside memory. */
export interface ResourceLimits {
  /** Time on processors. Cores, such as 0.5; 0 = as much as is free. */
  cpuCoresMax: number;
  /** Processes and threads. Count. */
  processesMax: number;
  /** Open files and sockets of each of its processes. Count. */
  openFilesMax: number;
  /** Files in its home and temporary folder together, and the size of any file it writes. Bytes. */
  diskBytesMax: number;
  /** Files and folders in them. Count. */
  diskFilesMax: number;
}

/** What a version has that does not say otherwise. */
export const resourceLimitsDefault: ResourceLimits = {
  // The kernel divides what is wanted by several evenly among them: a share alone would leave cores idle.
  cpuCoresMax: 0,
  // Bun has about 20 threads, each worker some more; far below the 32,768 that a small machine has for all.
  processesMax: 512,
  // Eight times the default of requests and open streams at once.
  openFilesMax: 16_384,
  // Uploads on their way and generated files; what is to stay belongs elsewhere.
  diskBytesMax: 1024 * 1024 * 1024,
  // A cache of small files; file systems run out of entries long before bytes.
  diskFilesMax: 50_000,
};

/** How many processes run a version at once. Counts, 1 or more; `min` is at most `max`. */
export interface InstanceCounts {
  /** While it is awake. */
  min: number;
  /** When it is busy. */
  max: number;
}

/** What every version has that does not say otherwise. */
export const oneInstance: InstanceCounts = { min: 1, max: 1 };

/** A version as it was written down, with what earlier releases did not write. */
export function completeSpec(written: VersionSpec): VersionSpec {
  const limits = { ...resourceLimitsDefault, ...written.limits };
  limits.requestsMax ??= 0;
  return {
    ...written,
    assets: written.assets ?? null,
    limits,
    args: written.args ?? [],
    permissions: written.permissions ?? defaultPermissions,
    sandbox: written.sandbox ?? null,
    instances: written.instances ?? oneInstance,
    idlePageMs: written.idlePageMs ?? standbyBefore.idlePageMs,
    standby: written.standby ?? standbyBefore.standby,
    declares: written.declares ?? nothingDeclared,
    retention: written.retention ?? retentionOfNode,
    database: written.database ?? null,
    migrations: written.migrations ?? null,
    runtime: written.runtime ?? null,
    buildFacts: written.buildFacts ?? null,
  };
}

/** `v7` */
export function versionName(number: number): string {
  return `v${number}`;
}
