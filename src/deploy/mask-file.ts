/** The SQL of `database.mask`, as the source has it before anything of it runs. */
import { realpath, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { SourceFacts } from "./builder.ts";
import { databaseMaskBytesMax } from "./limits.ts";
import { readPlain } from "./project-files.ts";

/**
 * @param folder of the app, in the source
 * @param path as the configuration has it: relative, and without `..`
 * @throws {PlatformError} `DATABASE_MASK_UNREADABLE`
 */
async function readMask(folder: string, path: string): Promise<string> {
  const refuse = (what: string) => new PlatformError("DATABASE_MASK_UNREADABLE", [path, what]);
  const file = join(folder, path);
  const found = await stat(file).catch(() => null);
  if (found === null) throw refuse("the project has no such file");
  // A folder on the way may be a link to what the node may read and the project may not.
  const way = relative(await realpath(folder), await realpath(dirname(file)));
  if (way.startsWith("..")) throw refuse("it is not inside the project");
  if (found.size > databaseMaskBytesMax) {
    throw refuse(`it has ${found.size} bytes, at most ${databaseMaskBytesMax} are read`);
  }
  const bytes = await readPlain(file, databaseMaskBytesMax);
  if (bytes === null) throw refuse("it is not a plain file");
  const sql = new TextDecoder("utf-8", { fatal: false }).decode(bytes);
  if (sql.includes("\0")) throw refuse("it has a zero character");
  return sql;
}

/** What the configuration of a source says; null for none. @throws {PlatformError} `DATABASE_MASK_UNREADABLE` */
export async function maskOf(
  source: string,
  { config, folder }: SourceFacts,
): Promise<string | null> {
  const path = config.database?.mask ?? null;
  return path === null ? null : await readMask(join(source, folder), path);
}
