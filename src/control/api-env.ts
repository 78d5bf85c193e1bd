/** What the admin API says of environment values, and takes to change them. No answer has a value. */
import { z } from "zod";
import { envChangesMax } from "../secrets/limits.ts";

const name = z.string();
const values = z.record(name, z.string());
const branch = z.string().default("main");

const envScope = z.enum(["branch", "previews", "all"]);

const envValueInfo = z.object({
  name,
  /** One branch, all but `main`, or all. */
  scope: envScope,
  /** Empty unless `scope` is `branch`. */
  branch: z.string(),
  /** Builds see it. */
  atBuild: z.boolean(),
  /** The app sees it. */
  atRun: z.boolean(),
  setAtMs: z.number(),
  /** Who set it, or null when that is not known. */
  setBy: z.string().nullable(),
  /** Equal for equal values of an app; null when the node cannot open it. */
  fingerprint: z.string().nullable(),
});

/** What is set for an app. */
export const envQuery = z.strictObject({
  /** Only what counts for it; default: all. */
  branch: z.string().optional(),
});
export const envList = z.object({ app: z.string(), values: z.array(envValueInfo) });

export const envChangeInput = z
  .strictObject({
    scope: envScope.default("branch"),
    /** Not looked at unless `scope` is `branch`. */
    branch,
    set: values.default({}),
    unset: z.array(name).default([]),
    atBuild: z.boolean().default(false),
    atRun: z.boolean().default(true),
  })
  .refine(({ atBuild, atRun }) => atBuild || atRun, "must be for builds, for the app or both")
  .refine(
    ({ set, unset }) => Object.keys(set).length + unset.length > 0,
    "must name what to set or to take away",
  )
  .refine(
    ({ set, unset }) => Object.keys(set).length + unset.length <= envChangesMax,
    `must name at most ${envChangesMax} values`,
  );
export const envChange = z.object({
  app: z.string(),
  scope: envScope,
  branch: z.string(),
  /** Names that are new, that were there, and that are gone. Sorted. */
  added: z.array(name),
  replaced: z.array(name),
  removed: z.array(name),
  /** Names that were to be taken away and were not there. */
  missing: z.array(name),
  /** Branches with a live version that the change is for; they have it with their next version. */
  branches: z.array(z.string()),
});

/** One side of a comparison: what is set for a branch, what a version has, or values of a file. */
const envSide = z.union([
  z.strictObject({ branch: z.string() }),
  z.strictObject({ version: z.int().positive() }),
  z.strictObject({ values }),
]);
export const envDiffInput = z.strictObject({ from: envSide, to: envSide });
const envDifference = z.object({
  added: z.array(name),
  removed: z.array(name),
  changed: z.array(name),
});
export const envDiff = envDifference.extend({
  app: z.string(),
  /** Names with equal values. Count. */
  same: z.int(),
});

export const envApplyInput = z.strictObject({ branch });
export const rebound = z.object({
  app: z.string(),
  branch: z.string(),
  /** Live on the branch now. */
  version: z.int(),
  /** Whose artifact and configuration it has; the same number when nothing had to change. */
  source: z.int(),
  previous: z.int().nullable(),
  url: z.string(),
  ...envDifference.shape,
});

export const keyRotation = z.object({
  /** Of the key that seals now. */
  keyId: z.string(),
  /** Sealed anew. Counts. */
  values: z.int(),
  versions: z.int(),
  /** What no key of the node opens. */
  unreadable: z.array(z.string()),
  /** Whether the old key is gone; else it goes when the deploys that run have ended. */
  isSettled: z.boolean(),
});

export type EnvValueInfo = z.infer<typeof envValueInfo>;
export type EnvChange = z.infer<typeof envChange>;
export type Rebound = z.infer<typeof rebound>;
