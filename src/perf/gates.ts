/**
 * Limits that make a run fail. A file says them by scenario:
 *
 *   { "scenarios": { "warm-noop": { "minRps": 2000, "maxP99Ms": 100 } } }
 *
 * `maxErrors` is 0 when nothing else is said, also for scenarios that the file does not have and without a file.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { describeValue, type KnownKeys, sumUp } from "../base/config-problems.ts";
import { didYouMean } from "../base/did-you-mean.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import { errorsInWords } from "./error-kinds.ts";
import { unknownScenarios } from "./options.ts";
import type { Breach, PerfReport, PerfRun, ScenarioReport } from "./report.ts";
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

/** @throws {PlatformError} `INPUT_INVALID` saying what is wrong with the file; `detail.problems` has all of it. */
export async function readGates(path: string): Promise<Gates> {
  const refuse = (problems: readonly string[]) =>
    new PlatformError("INPUT_INVALID", [`gate file ${path}: ${sumUp(problems)}`], {
      detail: { problems },
    });
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw refuse([`cannot be read: ${messageOf(error)}`]);
  }
  const parsed = gateFile.safeParse(json, { reportInput: true });
  if (parsed.success) return parsed.data.scenarios;
  throw refuse(parsed.error.issues.flatMap(describe));
}

const KNOWN: KnownKeys = { keys: GATE_NAMES, rangeOf: () => undefined };

/** Without the library's words: where, what, what is allowed. */
function describe(issue: z.core.$ZodIssue): string[] {
  const [group, ...path] = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const [scenario] = path;
    return issue.keys.map((key) => {
      if (scenario !== undefined) return unknownGate(scenario, key);
      return group === "scenarios" ? unknownIn(key) : `${key} is not a key; known is scenarios`;
    });
  }
  if (group === undefined) return ["must hold an object"];
  const key = path.join(".") || group;
  if (issue.code === "invalid_key") return [unknownIn(key)];
  const [, gateName] = path;
  if (gateName === undefined) return [describeValue(issue, key, KNOWN)];
  return [`${key} is ${JSON.stringify(issue.input)}, must be ${allowedFor(gateName)}`];
}

function allowedFor(gateName: string): string {
  if (gateName === "maxErrors") return "a whole number of at least 0";
  return gateName === "minHitRate" ? "a number from 0 to 1" : "a number of at least 0";
}

function unknownIn(scenario: string): string {
  return `keys must be ${unknownScenarios([scenario])}`;
}

function unknownGate(scenario: string, key: string): string {
  const near = didYouMean(key, GATE_NAMES);
  const hint = near === null ? "" : ` did you mean ${near}?`;
  return `${scenario}.${key} is not a gate;${hint} gates are ${GATE_NAMES.join(", ")}`;
}

/** What a gate file came to. */
export function standingOf(
  scenarios: readonly Pick<ScenarioReport, "name">[],
  gates: Gates,
  breaches: readonly Breach[],
): NonNullable<PerfReport["gates"]> {
  const measured = new Set(scenarios.map(({ name }) => name));
  const names = Object.keys(gates);
  const judged = names.filter((name) => measured.has(name));
  const limits = judged.flatMap((name) =>
    Object.keys(gates[name]!).map((gate) => `${name}.${gate}`),
  );
  const broken = new Set(breaches.map(({ scenario, gate }) => `${scenario}.${gate}`));
  return {
    kept: limits.filter((limit) => !broken.has(limit)).length,
    skipped: names.filter((name) => !measured.has(name)),
  };
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
