/**
 * Limits that make a run fail. A file says them by scenario:
 *
 *   { "scenarios": { "warm-noop": { "minRps": 2000, "maxP99Ms": 100 } } }
 *
 * `maxErrors` is 0 when nothing else is said, also for scenarios that the file does not have and without a file.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, PlatformError } from "../base/errors.ts";
import { errorsInWords } from "./error-kinds.ts";
import type { Breach, PerfRun, ScenarioReport } from "./report.ts";
import { scenarioNames } from "./scenarios.ts";

const limit = z.number().min(0);

const gate = z.strictObject({
  maxErrors: limit.int().default(0),
  minRps: limit.optional(),
  maxAvgMs: limit.optional(),
  maxP50Ms: limit.optional(),
  maxP95Ms: limit.optional(),
  maxP99Ms: limit.optional(),
  /** Share of the requests that found an instance, 0 to 1. */
  minHitRate: limit.max(1).optional(),
  /** Peak of the node and its apps together. MiB. */
  maxRssMb: limit.optional(),
  /** Node and apps together. Microseconds. */
  maxCpuUsPerRequest: limit.optional(),
});

const gateFile = z.strictObject({
  $schema: z.string().optional(),
  scenarios: z.partialRecord(z.enum(scenarioNames as [string, ...string[]]), gate),
});

export type Gate = z.infer<typeof gate>;
export type GateName = keyof Gate;
/** By scenario. */
export type Gates = Readonly<Partial<Record<string, Gate>>>;

/** What each gate looks at; null when the run has not measured it. */
const VALUES: Readonly<Record<GateName, (run: PerfRun) => number | null>> = {
  maxErrors: (run) => run.errors.total,
  minRps: (run) => run.ratePerS,
  maxAvgMs: (run) => (run.requests === 0 ? null : run.latencyMs.mean),
  maxP50Ms: (run) => (run.requests === 0 ? null : run.latencyMs.p50),
  maxP95Ms: (run) => (run.requests === 0 ? null : run.latencyMs.p95),
  maxP99Ms: (run) => (run.requests === 0 ? null : run.latencyMs.p99),
  minHitRate: (run) => run.pool?.hitRate ?? null,
  maxRssMb: ({ memoryBytes }) =>
    memoryBytes === null ? null : (memoryBytes.node.peak + memoryBytes.apps.peak) / 2 ** 20,
  maxCpuUsPerRequest: ({ cpuUsPerRequest }) =>
    cpuUsPerRequest === null ? null : cpuUsPerRequest.node + cpuUsPerRequest.apps,
};

export const GATE_NAMES = Object.keys(VALUES);

/** Not in gate files: what got no answer at all was not measured. */
export const implicitGate = "minRequests";

/** @throws {PlatformError} `INPUT_INVALID` saying what is wrong with the file. */
export async function readGates(path: string): Promise<Gates> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new PlatformError("INPUT_INVALID", [`gate file ${path}: ${messageOf(error)}`]);
  }
  const parsed = gateFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join(".") || "the file";
    throw new PlatformError("INPUT_INVALID", [`gate file ${path}: ${where}: ${issue?.message}`]);
  }
  return parsed.data.scenarios;
}

/** Every limit that a scenario does not keep. A value that was not measured keeps none. */
export function breachesIn(
  scenarios: readonly Pick<ScenarioReport, "name" | "summary">[],
  gates: Gates,
): Breach[] {
  return scenarios.flatMap(({ name, summary }) => {
    const breaches: Breach[] = [];
    // No answer at all has no error in it either.
    if (summary.requests === 0) breaches.push(breachOf(name, implicitGate, 1, 0));
    const limits = Object.entries({ maxErrors: 0, ...gates[name] }) as [GateName, number][];
    for (const [gateName, bound] of limits) {
      const value = VALUES[gateName](summary);
      const isKept = value !== null && (isLeast(gateName) ? value >= bound : value <= bound);
      if (isKept) continue;
      const breach = breachOf(name, gateName, bound, value);
      const kinds = gateName === "maxErrors" ? ` (${errorsInWords(summary.errors)})` : "";
      breaches.push({ ...breach, text: breach.text + kinds });
    }
    return breaches;
  });
}

function isLeast(gateName: string): boolean {
  return gateName.startsWith("min");
}

/** Four figures, whole numbers whole; as many as it takes when it would look like the limit that it does not keep. */
function shown(value: number, bound: number): number {
  const short = value >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
  return short === bound ? value : short;
}

/** With words such as `warm-noop: maxP99Ms is 12.3, must be at most 10`. */
function breachOf(scenario: string, gateName: string, bound: number, value: number | null): Breach {
  const is = value === null ? "was not measured" : `is ${shown(value, bound)}`;
  const must = `must be at ${isLeast(gateName) ? "least" : "most"} ${bound}`;
  return {
    scenario,
    gate: gateName,
    limit: bound,
    value,
    text: `${scenario}: ${gateName} ${is}, ${must}`,
  };
}
