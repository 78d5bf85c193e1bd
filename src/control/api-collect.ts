/** What the admin API takes and says about cleaning up, and about taking an app elsewhere. */
import { z } from "zod";

export const collectInput = z.strictObject({
  /** Only say what would go. */
  isDryRun: z.boolean().default(false),
});

export const exportQuery = z.strictObject({
  /** Every version, not only those that are live or would be rolled back to. */
  all: z.stringbool().default(false),
});

export const collected = z.object({
  isDryRun: z.boolean(),
  /** Versions beyond their retention. */
  versions: z.array(z.object({ app: z.string(), version: z.int(), branch: z.string() })),
  /** Artifacts on this node that no version names any more. */
  artifacts: z.array(z.object({ digest: z.string(), bytes: z.number() })),
  /** Of these artifacts together. */
  bytes: z.number(),
  /** Runtimes on this node that no version names any more. */
  runtimes: z.array(z.object({ name: z.string(), bytes: z.number() })),
  /** Apps that are gone, whose logs are old. */
  logs: z.array(z.string()),
});

export type Collected = z.infer<typeof collected>;
