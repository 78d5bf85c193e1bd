/** What `levain qualify` finds, as `--json` has it and as a node keeps it. */
import { z } from "zod";
import { qualifyMachine } from "../runtimes/verdict.ts";
import { measuresMax, reasonCharactersMax } from "./limits.ts";

export const measure = z.object({
  name: z.string().max(100),
  value: z.number(),
  /** `MiB`, `ms`, `count`, `MiB/step`, `/s` or nothing. */
  unit: z.string().max(20),
});

const caseResult = z.object({
  name: z.string(),
  /** `memory`, `behaviour`, `sql`, `load` or `app`. */
  group: z.string(),
  status: z.enum(["pass", "fail", "skip"]),
  /** Whether a verdict depends on it: what every runtime fails says nothing about one. */
  isRequired: z.boolean(),
  /** Why, unless it passed. */
  reason: z.string().nullable(),
  measures: z.array(measure),
  ms: z.number(),
  /** What it printed last, when it failed. */
  lastLines: z.array(z.string()),
});

const runtimeVerdict = z.object({
  /** Such as `bun@1.4.5`. */
  runtime: z.string(),
  /** As it says itself. */
  revision: z.string(),
  /** Of the program; empty for the node's own. */
  sha256: z.string(),
  /** No required case failed, and each ran or had a reason not to. */
  isPassed: z.boolean(),
  /** All required cases of this Levain were run in full, none skipped: only then it counts for production. */
  isComplete: z.boolean(),
  cases: z.array(caseResult),
});

/** One case on each runtime, beside the first runtime. */
const comparedCase = z.object({
  name: z.string(),
  /** By runtime, in order. */
  statuses: z.array(z.enum(["pass", "fail", "skip"]).nullable()),
  /** Runtimes on which it does what it did not on the first. */
  better: z.array(z.string()),
  worse: z.array(z.string()),
});

export const qualifyReport = z.object({
  format: z.literal(1),
  /** Of Levain. */
  levain: z.string(),
  machine: qualifyMachine,
  startedAt: z.string(),
  ms: z.number(),
  isQuick: z.boolean(),
  verdicts: z.array(runtimeVerdict),
  comparison: z.array(comparedCase),
  /** Every verdict is a pass. */
  isPassed: z.boolean(),
  /** Where the verdicts are kept: by the node, or why not. */
  stored: z.string().nullable(),
});

/** What a case process may leave as its outcome. */
export const caseOutcome = z.object({
  status: z.enum(["pass", "fail", "skip"]),
  reason: z
    .string()
    .transform((text) => text.slice(0, reasonCharactersMax))
    .nullable(),
  measures: z.array(measure).max(measuresMax),
});

export type CaseResult = z.infer<typeof caseResult>;
export type RuntimeVerdict = z.infer<typeof runtimeVerdict>;
export type ComparedCase = z.infer<typeof comparedCase>;
export type QualifyReport = z.infer<typeof qualifyReport>;
