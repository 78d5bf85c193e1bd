/** A verdict about a runtime as a node keeps it, and what it is worth to a change of production. Pure, but for `thisQualifyMachine`. */
import { arch, cpus, release, totalmem } from "node:os";
import { z } from "zod";

/** Where a verdict was found. It holds for such machines. */
export const qualifyMachine = z.object({
  cpu: z.string().max(200),
  arch: z.string().max(20),
  cores: z.int(),
  memoryBytes: z.number(),
  kernel: z.string().max(200),
});

/** What came of a case, without its numbers. */
const keptCase = z.object({
  name: z.string().max(200),
  status: z.enum(["pass", "fail", "skip"]),
  isRequired: z.boolean(),
  reason: z.string().max(1000).nullable(),
});

export const keptVerdict = z.object({
  runtime: z.string().max(100),
  /** As the runtime says itself. */
  revision: z.string().max(100),
  /** Of the program; empty for the Bun that Levain runs on. */
  sha256: z.string().max(64),
  /** Version of Levain whose suite it was. */
  levain: z.string().max(100),
  machine: qualifyMachine,
  isPassed: z.boolean(),
  /** Every case of that suite ran in full. */
  isComplete: z.boolean(),
  cases: z.array(keptCase).max(500),
});

export type QualifyMachine = z.infer<typeof qualifyMachine>;
export type KeptVerdict = z.infer<typeof keptVerdict>;

/** This one. */
export function thisQualifyMachine(): QualifyMachine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? arch(),
    arch: arch(),
    cores: all.length,
    memoryBytes: totalmem(),
    kernel: release(),
  };
}

/** What production would change to, and where. */
export interface RuntimeUse {
  runtime: string;
  /** Of Levain. */
  levain: string;
  machine: Pick<QualifyMachine, "cpu" | "arch" | "kernel">;
}

/**
 * Why verdicts do not recommend a runtime, in words; null when they do. The newest that fits decides.
 *
 * @param verdicts of that runtime, newest first
 */
export function objectionTo(
  verdicts: readonly KeptVerdict[],
  { runtime, levain, machine }: RuntimeUse,
): string | null {
  const own = verdicts.filter((one) => one.runtime === runtime && one.isComplete);
  if (own.length === 0) return "there is no verdict of the whole suite about it";
  const ofLevain = own.filter((one) => one.levain === levain);
  if (ofLevain.length === 0)
    return `its verdict is of Levain ${own[0]!.levain}, this is Levain ${levain}`;
  const fitting = ofLevain.find((one) =>
    (["cpu", "arch", "kernel"] as const).every((key) => one.machine[key] === machine[key]),
  );
  if (fitting === undefined) {
    const { cpu, kernel } = ofLevain[0]!.machine;
    return `its verdict is of another machine (${cpu}, ${kernel})`;
  }
  if (fitting.isPassed) return null;
  const failed = fitting.cases.filter((one) => one.isRequired && one.status === "fail");
  return `it failed ${failed.map(({ name }) => name).join(", ") || "the suite"}`;
}
