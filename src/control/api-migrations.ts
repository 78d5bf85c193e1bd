/** What the admin API says of migrations of branches' databases. */
import { z } from "zod";
import { stageReport } from "../migrations/report.ts";

export const migrationsQuery = z.strictObject({
  /** Default: all branches. */
  branch: z.string().optional(),
});

/** One run, on a copy or on the database itself. */
export const migrationRun = z.object({
  branch: z.string(),
  stage: z.enum(["trial", "target"]),
  reason: z.enum(["deploy", "promote"]),
  state: z.enum(["running", "succeeded", "failed", "interrupted"]),
  /** The version it was for; null for one that did not come to be. */
  version: z.int().nullable(),
  /** `sql`, `module` or `command`. */
  way: z.string(),
  /** Folder, module or command. */
  source: z.string(),
  /** Names of what was to be done. */
  pending: z.array(z.string()),
  /** Null while it runs, and for one that was interrupted. */
  report: stageReport.nullable(),
  startedAtMs: z.number(),
  endedAtMs: z.number().nullable(),
});

export const migrationsOutput = z.object({
  app: z.string(),
  /** Newest first. */
  runs: z.array(migrationRun),
});

export type MigrationRun = z.infer<typeof migrationRun>;
