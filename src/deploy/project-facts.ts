/** Reads what the plan of a build goes by (`project/`), and nothing else, before and after the build. */
import { join } from "node:path";
import { CONFIG_FILES } from "../project/detect.ts";
import type { ProjectFacts } from "../project/framework.ts";
import { listProjectFiles, readManifest, readSmall } from "./project-files.ts";

/** @throws {PlatformError} `BUILD_FAILED` for a package.json that is none */
export async function readProjectFacts(folder: string): Promise<ProjectFacts> {
  const files = await listProjectFiles(folder);
  const texts = new Map<string, string>();
  for (const name of CONFIG_FILES) {
    const text = files.has(name) ? await readSmall(join(folder, name)) : null;
    if (text !== null) texts.set(name, text);
  }
  return { files, manifest: await readManifest(folder), texts };
}
