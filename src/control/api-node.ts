/** What the admin API says of the node itself. */
import { z } from "zod";
import { backupsStatus } from "./api-backup.ts";

/** What the node may use and what does; all in bytes of RAM, unless it says otherwise. */
export const memoryStatus = z.object({
  budgetBytes: z.number(),
  usedBytes: z.number(),
  /** `short`: room is being made; `over`: beyond the budget, or the machine suffers. */
  level: z.enum(["calm", "short", "over"]),
  nodeBytes: z.number(),
  /** Of edges in processes of their own. */
  edgesBytes: z.number(),
  /** Of the relay's process; 0 until an app has a database. */
  relayBytes: z.number(),
  /** Of the broker's process; 0 without one. */
  brokerBytes: z.number(),
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
  /** Where an app is reached, with `<app>` in place of its name; behind a proxy the proxy's address. */
  appsUrl: z.string(),
  /** Where the admin API listens. */
  adminUrl: z.string(),
  /** How other machines reach databases; null: they do not. */
  databases: z.object({ host: z.string(), port: z.int(), isTls: z.boolean() }).nullable(),
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
  backups: backupsStatus,
  /** What somebody should look at in databases of branches, one line each. */
  databaseAlerts: z.array(z.string()).readonly(),
  /** The warm-start broker, as it said within the last seconds; null for a node without one. */
  broker: z
    .object({
      pid: z.int(),
      port: z.int(),
      /** The same as `port` when they share it. */
      dispatchPort: z.int(),
      /** False while it is being started again. */
      isRunning: z.boolean(),
      restarts: z.int(),
      isOn: z.boolean(),
      hits: z.number(),
      misses: z.number(),
      /** Runners that wait. */
      waiters: z.number(),
      memoryBytes: z.number(),
    })
    .nullable(),
});

export type NodeStatus = z.infer<typeof nodeStatus>;
