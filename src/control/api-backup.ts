/** What the admin API takes and says about backups. */
import { z } from "zod";
import { PRODUCTION_BRANCH } from "../base/production-branch.ts";

const s3Access = z.strictObject({
  accessKeyId: z.string().max(1000).optional(),
  secretAccessKey: z.string().max(1000).optional(),
  sessionToken: z.string().max(8192).optional(),
  region: z.string().max(200).optional(),
  endpoint: z.url().max(1000).optional(),
});

export const backupInput = z.strictObject({
  /** Absolute folder on the node's machine, or `s3://bucket/prefix`; default: the node's `backups.to`. */
  to: z.string().min(1).max(1000).optional(),
  /** In place of the node's own variables. */
  access: s3Access.optional(),
  /** In place of the node's own. */
  passphrase: z.string().max(4096).optional(),
  /** Whether logs are in it; default: as the node's `backups.logs` says. */
  withLogs: z.boolean().optional(),
});

export const backupDone = z.object({
  id: z.string(),
  /** Folder, or address, of this backup. */
  where: z.string(),
  /** As stored. */
  bytes: z.number(),
  /** False: the store and the databases are on a server that is not the node's. */
  hasDatabases: z.boolean(),
  isEncrypted: z.boolean(),
  /** Without it, the master key has to be given when it is restored. */
  hasMasterKey: z.boolean(),
  /** Of the master keys that seal what is in it. */
  keyIds: z.array(z.string()),
  artifacts: z.int(),
  /** Older ones that made way. */
  removed: z.array(z.string()),
  /** Why others that were to make way have stayed; null when nothing kept them. */
  stayedFor: z.string().nullable(),
});

/** One line of a backup that is made. The last one is `done` or `failed`. */
export const backupEvent = z.union([
  /** Bytes of an archive so far, before compression. */
  z.object({ type: z.literal("progress"), archive: z.string(), bytes: z.number() }),
  z.object({ type: z.literal("done"), result: backupDone }),
  z.object({ type: z.literal("failed"), error: z.unknown() }),
]);

const listedBackup = z.object({
  id: z.string(),
  startedAtMs: z.number(),
  finishedAtMs: z.number(),
  /** As stored. */
  bytes: z.number(),
  trigger: z.enum(["command", "schedule"]),
  isEncrypted: z.boolean(),
  hasMasterKey: z.boolean(),
  levain: z.string(),
  /** Of the node that made it. */
  dataDir: z.string(),
  counts: z.object({ apps: z.int(), databases: z.int(), artifacts: z.int() }),
});

export const backupList = z.object({
  to: z.string(),
  /** Newest first. */
  backups: z.array(listedBackup),
});

export const backupsStatus = z.object({
  /** Where they go by themselves; null: nowhere. */
  to: z.string().nullable(),
  /** Id of the one that is being made. */
  running: z.string().nullable(),
  /** When the next one is due; null without a schedule. */
  nextAtMs: z.number().nullable(),
  lastGood: z
    .object({
      id: z.string(),
      where: z.string(),
      startedAtMs: z.number(),
      finishedAtMs: z.number(),
      bytes: z.number(),
    })
    .nullable(),
  /** When the last try failed. */
  lastFailure: z.object({ atMs: z.number(), code: z.string(), message: z.string() }).nullable(),
  /** The last good one is older than the schedule says. */
  isOverdue: z.boolean(),
});

export const dumpQuery = z.strictObject({
  branch: z.string().default(PRODUCTION_BRANCH),
});

export const dumpRestoreQuery = z.strictObject({
  ...dumpQuery.shape,
  /** Consent to the end of what is in it: the branch's name once more. */
  confirm: z.string().optional(),
});

export const databaseRestored = z.object({
  app: z.string(),
  branch: z.string(),
  /** Statements of the dump, and tables that had rows in it. Counts. */
  statements: z.int(),
  tables: z.int(),
});
