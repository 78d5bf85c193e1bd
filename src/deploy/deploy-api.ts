/**
 * The deploy endpoint as data: what a deploy takes, the lines it answers while it runs, and what it ends with. The body
 * of the request is a gzipped tar (`pack.ts`). Part of the admin API in `src/control/api.ts`.
 */
import { z } from "zod";

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
  /** Milliseconds by step. */
  ms: z.object({ build: z.number(), boot: z.number(), total: z.number() }),
});

/** One line of a running deploy. The last line is `done` or `failed`. */
export const deployEvent = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("step"),
    step: z.enum(["queued", "unpack", "install", "build", "bundle", "artifact", "boot", "live"]),
  }),
  z.object({ type: z.literal("output"), stream: z.enum(["stdout", "stderr"]), line: z.string() }),
  z.object({ type: z.literal("warning"), message: z.string() }),
  z.object({ type: z.literal("done"), result: deployResult }),
  z.object({ type: z.literal("failed"), error: z.unknown() }),
]);

export const deployQuery = z.object({
  /** Default: `name` in the config, then in package.json, then `folder`. */
  app: z.string().optional(),
  branch: z.string().default("main"),
  message: z.string().max(500).optional(),
  /** Name of the folder that was packed; the last resort for the app's name. */
  folder: z.string().optional(),
  /** Git commit of the source. */
  commit: z.string().optional(),
});

export type DeployEvent = z.infer<typeof deployEvent>;
export type DeployResult = z.infer<typeof deployResult>;
export type DeployQuery = z.infer<typeof deployQuery>;
