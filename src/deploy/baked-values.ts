/** Reads a project's sources for the environment values that its build writes into pages. */
import { join } from "node:path";
import { describeBakedNames, findBakedNames, SCRIPT_FILE } from "../project/baked-values.ts";
import type { Framework, ProjectFacts } from "../project/framework.ts";
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import { bakedFileBytesMax, bakedFilesMax } from "./limits.ts";
import { readPlain } from "./project-files.ts";

/** What a person should know of them; sentences. */
export async function bakedValueWarnings(
  folder: string,
  { files }: ProjectFacts,
  framework: Framework | null,
  { build, run }: Pick<OpenEnvironment, "build" | "run">,
): Promise<string[]> {
  const prefixes = framework?.publicPrefixes ?? [];
  if (prefixes.length === 0) return [];
  const scripts = [...files].filter((path) => SCRIPT_FILE.test(path)).sort();
  const sources: [string, string][] = [];
  for (const path of scripts.slice(0, bakedFilesMax)) {
    // What is larger was made by a program.
    const text = await readPlain(join(folder, path), bakedFileBytesMax).catch(() => null);
    if (text !== null) sources.push([path, text.toString("utf8")]);
  }
  const names = findBakedNames(sources, prefixes);
  return describeBakedNames(names, new Set(build.keys()), new Set(run.keys()));
}
