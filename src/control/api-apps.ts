/** What the admin API says of apps, their branches and versions, and takes to move what is live. */
import { z } from "zod";
import { forceReason } from "../deploy/deploy-api.ts";
import { migrationReport } from "../migrations/report.ts";

const branchInfo = z.object({
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
  /** The Bun that it names; null: it runs on the node's own. */
  runtime: z.string().nullable(),
  createdAtMs: z.number(),
});

const promoteTarget = z.strictObject({
  version: z.int().positive(),
  branch: z.string().default("main"),
});
export const promoteInput = promoteTarget.extend({
  /** `id` of the plan that was looked at: with another one meanwhile nothing is done. */
  expected: z.string().optional(),
  /** Why production is to change its runtime without a verdict. */
  force: forceReason.optional(),
});
export const promotePlanInput = promoteTarget;
/** What a promote changes in what the app gets, by the names of environment values. */
export const promotePlan = z.object({
  app: z.string(),
  version: z.int(),
  branch: z.string(),
  id: z.string(),
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
  /** Build values that the artifact was made with and that are others for the branch. */
  baked: z.array(z.string()),
});
export const rollbackInput = z.strictObject({
  branch: z.string().default("main"),
  /** Default: the version that was live before. */
  to: z.int().positive().optional(),
});
const liveChange = z.object({
  app: z.string(),
  branch: z.string(),
  version: z.int(),
  previous: z.int().nullable(),
  url: z.string(),
});

export const rolledBack = liveChange.extend({
  /** What the version does not know of: migrations of the branch's database, which stays as it is. */
  warnings: z.array(z.string()),
});

export const promotion = liveChange.extend({
  /** Whose artifact it has: another version than `version` when the branch has another environment. */
  source: z.int(),
  /** What was done to the branch's database; null when the version has no migrations. */
  migrations: migrationReport.nullable(),
  warnings: z.array(z.string()),
});

/** What is to go: the app, or one of its branches or versions. */
export const removeQuery = z.strictObject({
  branch: z.string().optional(),
  version: z.coerce.number().int().positive().optional(),
  /** Consent to what cannot be undone: its name once more, such as `shop`, `cart-fix` or `shop@v7`. */
  confirm: z.string().optional(),
});
export const removed = z.object({
  app: z.string(),
  /** The branch that is gone; null when it was the app or a version. */
  branch: z.string().nullable(),
  /** The version that is gone; null when it was the app or a branch. */
  version: z.int().nullable(),
  /** Versions that are gone. Count. */
  versions: z.int(),
});

export type AppInfo = z.infer<typeof appInfo>;
export type VersionInfo = z.infer<typeof versionInfo>;
export type LiveChange = z.infer<typeof liveChange>;
export type Removed = z.infer<typeof removed>;
export type PromotePlan = z.infer<typeof promotePlan>;
export type RolledBack = z.infer<typeof rolledBack>;
export type Promotion = z.infer<typeof promotion>;
