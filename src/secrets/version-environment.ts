/** What is kept of a version's environment beside what its process gets: enough to make it anew for another branch. */
import { z } from "zod";
import type { VersionSpec } from "../base/version-spec.ts";
import { ENV_TYPES, type EnvDeclaration } from "./rules.ts";

const texts = z.record(z.string(), z.string());

export const envRule = z.object({
  type: z.enum(ENV_TYPES),
  optional: z.boolean().optional(),
  default: z.string().optional(),
  choices: z.array(z.string()).optional(),
  protocols: z.array(z.string()).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  description: z.string().optional(),
});

const versionEnvironment = z.object({
  rules: z.record(z.string(), envRule),
  /** The config's own values, sealed. */
  config: texts,
  /** What its build was given, sealed. */
  build: texts,
  /** Where each value that the app gets came from. */
  from: z.record(z.string(), z.enum(["all", "previews", "branch", "config", "default"])),
});

export type VersionEnvironment = z.infer<typeof versionEnvironment>;

/**
 * As the store has it. A version of an earlier release has none: what it got then counts as its config's own.
 *
 * @param stored what `createVersion` was given, or null
 */
export function versionEnvironmentOf(stored: unknown, spec: VersionSpec): VersionEnvironment {
  if (stored !== null && stored !== undefined) return versionEnvironment.parse(stored);
  const from = Object.fromEntries(Object.keys(spec.env).map((name) => [name, "config" as const]));
  return { rules: {}, config: {}, build: {}, from };
}

/** Parts of a version that are sealed apart. */
export type SealedPart = "run" | "config" | "build";

/** An environment as a deploy uses it, opened: never written anywhere. */
export interface OpenEnvironment {
  declaration: EnvDeclaration;
  run: ReadonlyMap<string, { value: string; from: VersionEnvironment["from"][string] }>;
  build: ReadonlyMap<string, string>;
  /** What the process finds beside it, for rules to look at: of the right shape, and not the value itself. Default none. */
  provided?: ReadonlyMap<string, string>;
}

/** What the app gets, by name. */
export function runValues({ run }: Pick<OpenEnvironment, "run">): Map<string, string> {
  return new Map([...run].map(([name, { value }]) => [name, value]));
}

/** What rules are asked about: what the app gets, and what it finds beside that. */
export function checkedValues(environment: OpenEnvironment): Map<string, string> {
  return new Map([...(environment.provided ?? []), ...runValues(environment)]);
}
