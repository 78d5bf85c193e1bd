/** What the admin API says of apps, their branches and versions, and takes to move what is live. */
import { z } from "zod";

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

export type AppInfo = z.infer<typeof appInfo>;
export type VersionInfo = z.infer<typeof versionInfo>;
export type LiveChange = z.infer<typeof liveChange>;
export type DeletedApp = z.infer<typeof deletedApp>;
