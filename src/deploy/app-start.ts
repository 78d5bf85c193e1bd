/** From what a start command names to the module that an app's process imports, as a path in the artifact. */
import { readFile, realpath, rm, writeFile } from "node:fs/promises";
import { join, posix, relative } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { BuildOutcome } from "../project/build-plan.ts";
import { findModuleFile } from "../project/entry.ts";
import type { ProjectFacts } from "../project/framework.ts";

/** Starts an app that is not at the root of its artifact. */
const START_FILE = "levain-start.mjs";

/**
 * @param root of the project; `folder` is the app's, relative to it, "" for the same
 * @returns a path relative to the root
 * @throws {PlatformError} `ENTRY_NOT_FOUND`, `START_UNKNOWN`
 */
export async function findModule(
  root: string,
  folder: string,
  { target }: NonNullable<BuildOutcome["start"]>,
  facts: ProjectFacts,
): Promise<string> {
  if ("module" in target) {
    // Programs of packages are given by their path, too.
    const plain = posix.normalize(target.module).replace(/^\.\//, "");
    if (plain.startsWith("node_modules/")) return posix.join(folder, plain);
    return posix.join(folder, findModuleFile(plain, facts.files));
  }
  const { program } = target;
  for (const base of new Set([folder, ""])) {
    const found = await programOf(root, join(root, base, "node_modules/.bin", program));
    if (found !== null) return found;
  }
  throw new PlatformError("START_UNKNOWN", [program]);
}

/** Where a program leads, relative to the root; null when there is none, or not one of JavaScript. */
async function programOf(root: string, link: string): Promise<string | null> {
  try {
    const path = relative(await realpath(root), await realpath(link));
    if (path.startsWith("..")) return null;
    const start = (await readFile(link)).subarray(0, 128).toString("latin1");
    return /^#!.*\b(?:node|bun)\b/.test(start) || /\.[cm]?js$/.test(path) ? path : null;
  } catch {
    return null;
  }
}

/**
 * An app of a workspace runs in its own folder, as it does on its author's machine; the artifact has the others beside it.
 *
 * @returns the module to import instead, relative to the root
 */
export async function writeStart(root: string, folder: string, entry: string): Promise<string> {
  const text = `import { join } from "node:path";

const entry = join(import.meta.dir, ${JSON.stringify(entry)});
try {
  process.chdir(join(import.meta.dir, ${JSON.stringify(folder)}));
} catch {
  // Requests of an ephemeral app share a process, whose folder nobody may change.
}
process.argv[1] = entry;
Bun.main = entry;
const app = await import(Bun.pathToFileURL(entry).href);

export default app.default;
`;
  const path = join(root, START_FILE);
  // A build could have put a link there that leads to a file of the node's.
  await rm(path, { recursive: true, force: true });
  await writeFile(path, text, { flag: "wx" });
  return START_FILE;
}
