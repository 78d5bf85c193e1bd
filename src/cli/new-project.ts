/**
 * A project from a template: the files of `templates/<name>/` with the project's name in them, and the package `levain`
 * beside them, since it is on no registry and the project's types and tests need it.
 */
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";

const ROOT = join(import.meta.dir, "../..");
const TEMPLATES = join(ROOT, "templates");
/** Where a project has the package. */
const VENDORED = "vendor/levain";

export interface Template {
  name: string;
  description: string;
}

/** In alphabetical order. */
export async function listTemplates(): Promise<Template[]> {
  const names = (await readdir(TEMPLATES)).sort();
  return Promise.all(
    names.map(async (name) => {
      const { description } = await Bun.file(join(TEMPLATES, name, "package.json")).json();
      return { name, description };
    }),
  );
}

/**
 * @param template one that `listTemplates` has
 * @param folder is made when it is missing
 * @param name of the app
 * @param mayOverwrite files of the same name are written over; all others are left
 * @returns what was written, relative to the folder
 * @throws {PlatformError} `PROJECT_FOLDER_TAKEN`; nothing was written then
 */
export async function makeProject(
  template: string,
  folder: string,
  name: string,
  mayOverwrite: boolean,
): Promise<string[]> {
  const there = existsSync(folder) ? await readdir(folder) : [];
  // A repository that was begun for it is empty, too.
  const [taken] = there.filter((entry) => entry !== ".git").sort();
  if (taken !== undefined && !mayOverwrite) {
    throw new PlatformError("PROJECT_FOLDER_TAKEN", [folder, taken]);
  }
  const from = join(TEMPLATES, template);
  const files = await filesOf(from);
  for (const path of files) {
    const text = await readFile(join(from, path), "utf8");
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text.replaceAll(`levain-template-${template}`, name));
  }
  const sdk = (await filesOf(join(ROOT, "sdk"))).filter((path) => !path.endsWith(".test.ts"));
  for (const path of sdk) await cp(join(ROOT, "sdk", path), join(folder, VENDORED, path));
  return [...files, ...sdk.map((path) => join(VENDORED, path))].sort();
}

/** Without what was installed or made there. */
async function filesOf(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !/(^|\/)(node_modules|vendor|public)\//.test(path))
    .sort();
}
