/**
 * Environment values for `levain dev` from files that are never deployed: `.env`, then `.env.local`, which wins. Read by
 * Node's own rules for such files; nothing in a value is replaced.
 */
import { join } from "node:path";
import { parseEnv } from "node:util";
import { readSmall } from "../deploy/project-files.ts";
import { isOfNode } from "../secrets/names.ts";

const ENV_FILES = [".env", ".env.local"] as const;

export interface EnvFiles {
  values: Record<string, string>;
  /** Those that are there. */
  files: string[];
  /** Names that an app cannot be given, since Levain sets them. */
  refused: string[];
}

/** @throws {PlatformError} `BUILD_FAILED` when a file is far too large to be one */
export async function readEnvFiles(folder: string): Promise<EnvFiles> {
  const read: EnvFiles = { values: {}, files: [], refused: [] };
  for (const name of ENV_FILES) {
    const text = await readSmall(join(folder, name));
    if (text === null) continue;
    read.files.push(name);
    for (const [key, value = ""] of Object.entries(parseEnv(text))) {
      if (isOfNode(key)) read.refused.push(key);
      else read.values[key] = value;
    }
  }
  return read;
}
