/** What is said of a migration, in a deploy's output, in the store and in the admin API. */
import { z } from "zod";

/** See `LockFound`. */
const lockFound = z.object({
  relation: z.string(),
  mode: z.string(),
  blocks: z.enum(["writes", "reads and writes"]),
  /** Milliseconds. */
  ms: z.number(),
  statement: z.string(),
  /** File, module or command. */
  during: z.string(),
});

/** One run: on a copy, or on the branch's database. */
export const stageReport = z.object({
  stage: z.enum(["trial", "target"]),
  state: z.enum(["succeeded", "failed"]),
  /** What was applied, with its time. A command or module is one. */
  applied: z.array(z.object({ name: z.string(), ms: z.number() })),
  /** Of the run. Milliseconds. */
  ms: z.number(),
  /** Making the copy; null for the database itself. Milliseconds. */
  copyMs: z.number().nullable(),
  /** How long the branch's apps waited for the copy; null for the database itself. Milliseconds. */
  pauseMs: z.number().nullable(),
  /** The lock that was held longest, of those that hold up others; to within 20 ms. */
  held: lockFound.nullable(),
  /** The lock that was waited for longest. */
  waited: lockFound.nullable(),
  /** The longest transaction. Rows that it changed cannot be changed by others meanwhile. Milliseconds. */
  transactionMs: z.number(),
  /** Last lines of a command or module. */
  output: z.array(z.string()),
  /** Why it failed, as the error says it. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export const migrationReport = z.object({
  way: z.enum(["sql", "module", "command"]),
  /** Folder, module or command, as it is configured. */
  source: z.string(),
  /** Names of what was to be done. None: the database was up to date. */
  pending: z.array(z.string()),
  /** Null when there was none. */
  trial: stageReport.nullable(),
  /** Null when it did not come to that. */
  target: stageReport.nullable(),
  warnings: z.array(z.string()),
});

export type StageReport = z.infer<typeof stageReport>;
export type MigrationReport = z.infer<typeof migrationReport>;
