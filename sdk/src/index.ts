/**
 * What authors of Levain apps import: the shape of `levain.config.ts` and of an app. No dependencies, no effects.
 *
 * ```ts
 * import { defineConfig } from "levain";
 *
 * export default defineConfig({ name: "shop", limits: { memoryBytesMax: 256 * 1024 * 1024 } });
 * ```
 */

import type { EnvSchema } from "./env.ts";

/** `levain.config.ts` or `levain.config.json`. Every key may be left out; a plain project needs no config at all. */
export interface LevainConfig {
  /**
   * The app's name, the first label of its host name: lower-case letters, digits and single dashes, at most 40
   * characters, not `v1`, `v2` …
   *
   * @default `name` in package.json, else the folder's name
   */
  name?: string;
  /**
   * Path of the file to start, relative to the project's folder.
   *
   * @default found from package.json (`start` script, `module`, `exports`, `main`), then `index.ts`, `src/index.ts` …
   */
  entry?: string;
  /**
   * The framework that the project is made with, by its name in docs/frameworks.md; "none" for none of them.
   *
   * @default found out from package.json and the configuration files in the folder
   */
  framework?: string;
  /**
   * Shell command to run after the dependencies were installed, in the project's folder; false for none.
   *
   * @default the `build` script of package.json, else the framework's own command, if it has one
   */
  build?: string | false;
  /**
   * What starts the app, as it would be typed: `node build/index.js`, `react-router-serve ./build/server/index.js`. One
   * module with its arguments, or a program of a package; no shell. Goes before `entry`.
   *
   * @default what the framework's build leaves, else see `entry`
   */
  start?: string;
  /**
   * Put the app and its dependencies into one file. With `false` the artifact keeps `node_modules` and the entry is
   * started as it is: for dependencies that read files of their own.
   *
   * @default true, but false for what a framework has built and for Express, Fastify and Koa
   */
  bundle?: boolean;
  /**
   * Files that the node answers by itself, without the app's process: a folder such as `"dist"`, or more about it; `false`
   * for none.
   *
   * @default a folder with an index.html, when the project has nothing to start; docs/static.md
   */
  assets?: string | false | LevainAssets;
  /**
   * Environment of the app: values, where numbers and booleans become strings, and rules (`url()`, a schema of zod's …) for
   * what is set with `levain env set`. A deploy checks them before the app is started. Secrets are set, not written here.
   */
  env?: EnvSchema;
  /** What one process of the app may use. */
  limits?: LevainLimits;
  /** How many processes run the app at once; each has memory of its own. Default 1. */
  instances?: LevainInstances;
  /** Idle time after which the process is frozen, in milliseconds; 0 = never. Default 30 seconds. */
  idleFreezeMs?: number;
  /**
   * Idle time after which the memory of the frozen process is handed to swap, where the node has some, in milliseconds;
   * 0 = never. Default 1 minute.
   */
  idlePageMs?: number;
  /** Idle time after which the process is stopped, in milliseconds; 0 = never. Default: never, or see `standby`. */
  idleStopMs?: number;
  /**
   * Whether the idle app may lose what it has in memory: `keep-memory` lets it sleep for as long as nobody asks,
   * `stop-allowed` has it stopped after `idleStopMs` (15 minutes when left out) and before others when memory is short.
   *
   * @default "keep-memory", or "stop-allowed" when `idleStopMs` is given
   */
  standby?: "keep-memory" | "stop-allowed";
  /** Fresh module state for every request. Default false. */
  ephemeral?: boolean;
  /** What the app may reach beyond its own files. Default: TCP port 443 of any host. */
  permissions?: LevainPermissions;
  /** How strictly the kernel holds it to that. Default: as strictly as it can. */
  sandbox?: "strict" | "relaxed" | "off";
  /** What the app says of itself; kept with the version and shown, nothing else. */
  declares?: LevainDeclares;
  /** How long versions of the app are kept that nothing needs any more. Default: what the node says. */
  retention?: LevainRetention;
  /**
   * A PostgreSQL database for each branch, as `DATABASE_URL`; `true`, or what is asked of it. Default: none. docs/databases.md
   */
  database?: boolean | LevainDatabase;
  /**
   * What brings the branch's database up to date before a version takes traffic: a folder of SQL files (`"migrations"`), a
   * module (`"src/migrate.ts"`), a command (`"bunx drizzle-kit migrate"`), or more about it. Needs `database`. Default:
   * nothing. docs/databases.md
   */
  migrate?: string | false | LevainMigrate;
  /**
   * The Bun that the app runs on, such as `bun@1.4.5`: an exact version, 1.3.14 or later. Default: the node's own. docs/qualify.md
   */
  runtime?: `bun@${string}` | null;
  /** Path that the boot check asks for; must answer below 500. Default `/`. */
  healthPath?: string;
}

/** Names of contracts that the app keeps with others, in words of its own. */
export interface LevainDeclares {
  /** Version of the data that it reads and writes, such as `12` or `2026-11`. */
  schema?: string | number | null;
  /** Version of the events and metrics that it emits. */
  telemetry?: string | number | null;
  /** Features that this version switches on. At most 50. */
  flags?: string[];
}

/** Never removed: what is live, and what a branch would be rolled back to. */
export interface LevainRetention {
  /** Newest versions of each branch that are kept. 1 to 100,000, default 10. */
  versionsMax?: number | null;
  /** Days after which those go too; 0 = never, which is the default. */
  daysMax?: number | null;
}

/** What an app asks of its branches' databases; docs/databases.md. Times in milliseconds. */
export interface LevainDatabase {
  /** Extensions of PostgreSQL, such as `["pgcrypto", "citext"]`. Default none. */
  extensions?: string[];
  /** What a new branch starts with: its parent's data, its tables without rows, or nothing. Default `data`. */
  from?: "data" | "schema" | "empty";
  /** Connections of a branch to the server at once. 1 to 500, default 10. */
  poolMax?: number;
  /** Who has a connection to the server: a session that works, or one in a transaction. Default `session`. */
  pooling?: "session" | "transaction";
  /** Refuse what writes. Default false. */
  readOnly?: boolean;
  /** File of SQL that is run on a copy before anyone can connect to it, such as `db/mask.sql`. */
  mask?: string | null;
  /** A preview's database that nobody used for so long is dropped; 0 = never, which is the default. */
  ttlMs?: number;
  /** Beyond so many bytes the database takes no more writes; 0 = no bound, which is the default. */
  bytesMax?: number;
  /** A statement that takes longer is cancelled; 0 = never, which is the default. */
  statementTimeoutMs?: number;
  /** A transaction that is open for longer is ended; 0 = never, which is the default. */
  transactionTimeoutMs?: number;
  /** A statement that takes longer is logged by its shape; 0 = none. Default half a second. */
  slowStatementMs?: number;
  /** More queries within one request are reported; 0 = any number. Default 100. */
  queriesPerRequestMax?: number;
  /** Idle for so long, a session gives its connection to the server back; 0 = never. Default 15 seconds. */
  idleReleaseMs?: number;
}

/** How the branch's database is brought up to date; one of `folder`, `module` and `command`. docs/databases.md */
export interface LevainMigrate {
  /** Folder of SQL files, applied in order of the numbers that their names begin with, each once. */
  folder?: string;
  /** Module that migrates `DATABASE_URL` when it is run, such as `"src/migrate.ts"`. */
  module?: string;
  /** Shell command that does, such as `"bunx prisma migrate deploy"`. */
  command?: string;
  /** Files and folders that the module or command reads. Default: those of the usual tools, else the whole project. */
  files?: string[] | null;
  /** For all of it together, in milliseconds. Default 10 minutes. */
  timeoutMs?: number;
  /** How long a lock that holds up others may be held or waited for, in milliseconds. Default 3 seconds. */
  lockMs?: number;
  /** Run it on a throwaway copy of the data first. Default true. */
  trial?: boolean;
}

/** Which files the node answers by itself, and how; docs/static.md. */
export interface LevainAssets {
  /** Folder of the project, once it is built; or several, by the path in front of their files: `{ "/": "public" }`. */
  folder: string | Record<string, string>;
  /**
   * Pages that are no file are answered with index.html, which routes by itself.
   *
   * @default whether index.html is the only page, has a script, and there is no 404.html
   */
  spa?: boolean;
  /** `/about` is about.html. Default true. */
  cleanUrls?: boolean;
}

/** What an app may reach; docs/sandbox.md says who holds it to that. */
export interface LevainPermissions {
  /** `host:port`, or `*:port` for any host. Default `["*:443"]`. */
  connect?: string[];
  /** It may listen on TCP ports. Default false. */
  listen?: boolean;
  /** It may send and receive datagrams. Default false. */
  udp?: boolean;
  /** Absolute paths of folders that it may change, within what the operator gives. Default none. */
  write?: string[];
}

/** Limits of one version. docs/configuration.md has the range of each. */
export interface LevainLimits {
  /** Private memory of the process, in bytes. Default 512 MiB. */
  memoryBytesMax?: number;
  /** From the request to the first byte of the response, in milliseconds. Default 30 seconds. */
  requestTimeoutMs?: number;
  /** Silence in the middle of a request or response body, in milliseconds. Default 60 seconds. */
  streamIdleMs?: number;
  /** Requests running at once. Default 100; 10 when `ephemeral`. */
  concurrencyMax?: number;
  /** Requests waiting beyond `concurrencyMax`; 0 = none. Default 100. */
  queueMax?: number;
  /** Body of one request, declared or streamed, in bytes. Default 100 MiB; bodies are streamed, not kept. */
  bodyBytesMax?: number;
  /** From the start of the process to its first answer, in milliseconds. Default 30 seconds. */
  bootTimeoutMs?: number;
  /** Requests that one process takes before a new one replaces it, without a gap; 0 = any number, which is the default. */
  requestsMax?: number;
  /** Time on processors, in cores, such as 0.5; 0 = as much as is free, which is the default. */
  cpuCoresMax?: number;
  /** Processes and threads of the app. Default 512. */
  processesMax?: number;
  /** Files and sockets that one process has open. Default 16,384. */
  openFilesMax?: number;
  /** Files in `HOME` and `TMPDIR` together, in bytes. Default 1 GiB. */
  diskBytesMax?: number;
  /** Files and folders in `HOME` and `TMPDIR` together. Default 50,000. */
  diskFilesMax?: number;
}

/** Processes of one version. Each takes the requests of which it has the fewest. */
export interface LevainInstances {
  /** Kept while the app is awake. 1 to 64, default 1. */
  min?: number;
  /** Started when those that run are busy. 1 to 64, default `min`. */
  max?: number;
}

/** Gives the config back unchanged; it is there for the types. */
export function defineConfig<const Config extends LevainConfig>(config: Config): Config {
  return config;
}

/** What the default export of an app needs: a handler of requests. Hono and Elysia apps have one. */
export interface LevainApp {
  fetch(request: Request): Response | Promise<Response>;
}

export { type BuildInfo, buildInfo } from "./build-info.ts";
export {
  boolean,
  type EnvOf,
  type EnvReader,
  type EnvRule,
  type EnvSchema,
  type EnvType,
  enumOf,
  number,
  port,
  readEnv,
  type StandardSchema,
  secret,
  string,
  url,
} from "./env.ts";
export {
  type AwakeHolder,
  keepAwake,
  type Nap,
  onResume,
  onStandby,
  type ResumeHook,
  type StandbyHook,
  type WaitUntilOptions,
  waitUntil,
} from "./lifecycle.ts";
export {
  defineQualifyCase,
  type QualifyCase,
  type QualifyContext,
  skipQualifyCase,
} from "./qualify.ts";
export { markQueries, requestComment, requestId, requestMark } from "./request.ts";
