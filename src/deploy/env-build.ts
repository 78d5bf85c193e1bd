/** What a build has to do with the environment of its app. */
import { join } from "node:path";
import { buildNameProblem } from "../secrets/names.ts";
import { type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import { namesNowhere } from "./env-reads.ts";
import { readSmall } from "./project-files.ts";

/** Files by which a package manager is told of registries and their credentials. */
const SETTINGS_FILES = [".npmrc", "bunfig.toml", ".yarnrc.yml"];

/**
 * Values for the step that fetches packages: those for builds that its settings name, as in `${NPM_TOKEN}`. The operator's
 * own credentials are in that step too, so nothing else gets there.
 *
 * @param project folder of the project
 */
export async function installValues(
  project: string,
  { build }: OpenEnvironment,
): Promise<Record<string, string>> {
  if (build.size === 0) return {};
  const texts = await Promise.all(SETTINGS_FILES.map((name) => readSmall(join(project, name))));
  const named = new Set(
    [...texts.join("\n").matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = ""]) => name),
  );
  return Object.fromEntries(
    [...build].filter(([name]) => named.has(name) && buildNameProblem(name) === null),
  );
}

/** Types of which a value is a word or a number like others. */
const OPEN_TYPES = ["enum", "port", "number", "boolean"];

/** Values that no output of a build should show: what was set, and not what stands in the code or is one of a few. */
export function hiddenValues({ declaration, run, build }: OpenEnvironment): string[] {
  const set = [...run].flatMap(([name, { value, from }]) => {
    const isInCode = from === "config" || from === "default";
    const isOpen = OPEN_TYPES.includes(declaration.rules[name]?.type ?? "");
    return isInCode || isOpen ? [] : [value];
  });
  return [...set, ...build.values()];
}

/** Warnings of values that nothing in the artifact can read. */
export async function neverRead(project: string, environment: OpenEnvironment): Promise<string[]> {
  const names = await namesNowhere(project, runValues(environment).keys());
  return names.map(
    (name) => `environment value ${name} is never read: its name is nowhere in the app`,
  );
}
