/** Which data directory a command is about, without loading what checks a node's whole configuration. */
import { resolve } from "node:path";
import { defaultDataDir } from "../control/data-dir.ts";

/** `--data-dir`, else `LEVAIN_DATA_DIR`, else the default. Absolute. */
export function dataDirOf(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string {
  const given = flag ?? env.LEVAIN_DATA_DIR ?? "";
  if (given !== "") return resolve(cwd, given);
  return defaultDataDir(env);
}
