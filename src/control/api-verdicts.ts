/** What the admin API takes and says about verdicts on runtimes. */
import { z } from "zod";
import { keptVerdict } from "../runtimes/verdict.ts";

export const verdictAddInput = z.strictObject({ verdicts: z.array(keptVerdict).min(1).max(20) });

export const verdictsQuery = z.strictObject({
  /** Default: of all. */
  runtime: z.string().max(100).optional(),
});

export const verdictInfo = keptVerdict.extend({ atMs: z.number(), by: z.string() });

export type VerdictInfo = z.infer<typeof verdictInfo>;
