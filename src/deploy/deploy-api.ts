/**
 * The deploy endpoint as data: what a deploy takes, the lines it answers while it runs, and what it ends with. The body
 * of the request is a gzipped tar (`pack.ts`). Part of the admin API in `src/control/api.ts`.
 */
import { z } from "zod";
import { DATABASE_ORIGINS } from "../base/database-spec.ts";
import { migrationReport, stageReport } from "../migrations/report.ts";
import { branchNameCharactersMax, sourcePathBytesMax, workspacesMax } from "./limits.ts";
import { packageChanges } from "./package-changes.ts";

/** How a branch's database came to be; times in milliseconds. */
export const databaseMade = z.object({
  /** As its clients know it. */
  name: z.string(),
  origin: z.enum(DATABASE_ORIGINS),
  /** Branch that it was copied from; null for an empty one. */
  parent: z.string().nullable(),
  /** Of what was copied. */
  bytes: z.number(),
  /** How long the parent's queries were held. */
  pauseMs: z.number(),
  /** Of that, the wait for open transactions. */
  waitedMs: z.number(),
  /** Sessions of the parent's that were held. */
  sessions: z.int(),
  copyMs: z.number(),
  /** Emptying, masking and handing over. */
  finishMs: z.number(),
  totalMs: z.number(),
  /** Files that it was masked with. */
  masks: z.array(z.string()),
});

export const deployResult = z.object({
  app: z.string(),
  branch: z.string(),
  version: z.int(),
  digest: z.string(),
  /** The branch's URL, which serves the version now. */
  url: z.string(),
  /** The version's own URL. */
  versionUrl: z.string(),
  /** Version that was live before, or null. */
  previous: z.int().nullable(),
  warnings: z.array(z.string()),
  /** What changed of its packages since the version that was live; null when there is nothing to compare with. */
  packages: packageChanges.nullable(),
  /** How the branch's database came to be; null when it was there, or the version has none. */
  database: databaseMade.nullable(),
  /** What was done to the branch's database; null when the version has no migrations. */
  migrations: migrationReport.nullable(),
  /** Milliseconds by step. */
  ms: z.object({ build: z.number(), boot: z.number(), total: z.number() }),
});

/** What is going to be done with a project; see `project/build-plan.ts`. */
const deployPlan = z.object({
  framework: z.string().nullable(),
  /** How it was recognized. */
  because: z.string(),
  lockfile: z.string().nullable(),
  build: z.string().nullable(),
  /** What the build is expected to leave. */
  output: z.string().nullable(),
  /** What is started; null: nothing, or what is found after the build. */
  start: z.string().nullable(),
  /** Folder of what the node serves itself. */
  assets: z.string().nullable(),
  bundle: z.boolean(),
});

/** What a deploy would have done. */
export const deployPlanned = z.object({ app: z.string(), branch: z.string(), plan: deployPlan });

/** What was built is the artifact that it was compared with. */
export const deployVerified = z.object({
  app: z.string(),
  digest: z.string(),
  /** Count. */
  files: z.int(),
});

/** One line of a running deploy. The last line is `done`, `planned`, `verified` or `failed`. */
export const deployEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("step"),
    step: z.enum([
      "queued",
      "unpack",
      "runtime",
      "install",
      "build",
      "bundle",
      "assets",
      "artifact",
      "database",
      "trial",
      "migrate",
      "boot",
      "live",
    ]),
  }),
  z.object({ type: z.literal("plan"), plan: deployPlan }),
  z.object({ type: z.literal("output"), stream: z.enum(["stdout", "stderr"]), line: z.string() }),
  z.object({ type: z.literal("warning"), message: z.string() }),
  z.object({ type: z.literal("database"), made: databaseMade }),
  z.object({ type: z.literal("migration"), report: stageReport }),
  z.object({ type: z.literal("packages"), changes: packageChanges }),
  z.object({ type: z.literal("done"), result: deployResult }),
  z.object({ type: z.literal("planned"), ...deployPlanned.shape }),
  z.object({ type: z.literal("verified"), ...deployVerified.shape }),
  z.object({ type: z.literal("failed"), error: z.unknown() }),
]);

/** A path that stays in the source, as the command line writes it. */
const projectPath = z
  .string()
  .max(sourcePathBytesMax)
  .regex(/^(?!.*(?:^|\/)\.{0,2}(?:\/|$))[^\0\\]+$/, "must be a plain path inside the source");

/** A sentence for the audit log. */
export const forceReason = z.string().trim().min(3).max(300);

export const deployQuery = z.object({
  /** Default: `name` in the config, then in package.json, then `folder`. */
  app: z.string().optional(),
  branch: z.string().default("main"),
  message: z.string().max(500).optional(),
  /** Name of the folder that was packed; the last resort for the app's name. */
  folder: z.string().optional(),
  /** Git commit of the source. */
  commit: z.string().max(64).optional(),
  /** Branch of the Git working tree. */
  gitBranch: z.string().max(branchNameCharactersMax).optional(),
  /** Whether that has changes which are in no commit. */
  dirty: z.stringbool().optional(),
  /** Digest of an artifact: build, compare with it, answer with `verified`, and keep nothing. */
  verify: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be the digest of an artifact, 64 hex digits")
    .optional(),
  /** Answer what would be done, with `planned`, and do nothing. */
  plan: z.stringbool().optional(),
  /** Nobody reads warnings: a missing lockfile fails the deploy. */
  unattended: z.stringbool().optional(),
  /** Folder of the app in a monorepo whose root is the source. */
  workspace: projectPath.optional(),
  /** Workspaces it depends on, separated by commas, in the order in which they are built. */
  dependsOn: z
    .string()
    .transform((text) => text.split(",").filter((path) => path !== ""))
    .pipe(z.array(projectPath).max(workspacesMax))
    .optional(),
  /** Why production is to change its runtime without a verdict. */
  force: forceReason.optional(),
  /** These four go before the configuration's. An empty `build` is none. */
  framework: z.string().optional(),
  build: z.string().optional(),
  start: z.string().optional(),
  assets: z.string().optional(),
  /** Branch whose database a new branch's is copied from. Default: main. */
  fromBranch: z.string().max(branchNameCharactersMax).optional(),
});

export type DatabaseMade = z.infer<typeof databaseMade>;

export type DeployPlan = z.infer<typeof deployPlan>;
export type DeployPlanned = z.infer<typeof deployPlanned>;
export type DeployVerified = z.infer<typeof deployVerified>;
export type DeployEvent = z.infer<typeof deployEvent>;
export type DeployResult = z.infer<typeof deployResult>;
export type DeployQuery = z.infer<typeof deployQuery>;
