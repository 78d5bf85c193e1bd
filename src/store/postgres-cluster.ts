/**
 * The cluster: the files of a database server.
 *
 *   none ──initdb into data.unfinished-…, password, rename──▶ there
 *
 * The rename is last, so a cluster that exists is complete, and an end in the middle leaves something that the next
 * start throws away.
 */
import { randomBytes } from "node:crypto";
import {
  chown,
  lstat,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { postgresInitTimeoutMs } from "./limits.ts";
import { type PostgresPrograms, postgresMajor } from "./postgres-binaries.ts";
import type { PostgresFolders } from "./postgres-folders.ts";
import { accessRules, initArguments } from "./postgres-settings.ts";
import type { PostgresUser } from "./postgres-user.ts";
import { runCommand } from "./system-command.ts";

/**
 * Makes the cluster when there is none. The caller holds the node's lock, so nobody else does the same.
 *
 * @returns the password of the database user
 * @throws {PlatformError} `POSTGRES_START_FAILED`
 */
export async function prepareCluster(
  folders: PostgresFolders,
  programs: PostgresPrograms,
  user: PostgresUser,
): Promise<string> {
  if (!(await exists(folders.data))) await createCluster(folders, programs, user);

  const major = await readFile(join(folders.data, "PG_VERSION"), "utf8").catch(() => null);
  if (major?.trim() !== String(postgresMajor)) {
    throw new PlatformError("POSTGRES_START_FAILED", [
      major === null
        ? `${folders.data} holds no cluster of PostgreSQL`
        : `${folders.data} is a cluster of PostgreSQL ${major.trim()}, this Levain runs ${postgresMajor}`,
    ]);
  }
  const password = await readFile(folders.password, "utf8").catch(() => null);
  if (password === null) {
    throw new PlatformError("POSTGRES_START_FAILED", [
      `its password is missing; restore ${folders.password} from a backup`,
    ]);
  }
  await writeAccessRules(folders.data, user);
  return password.trim();
}

async function writeAccessRules(data: string, user: PostgresUser): Promise<void> {
  const path = join(data, "pg_hba.conf");
  const unfinished = `${path}.unfinished`;
  await writeFile(unfinished, accessRules, { mode: 0o600 });
  if (user.isOther) await chown(unfinished, user.uid, user.gid);
  await rename(unfinished, path);
}

async function createCluster(
  folders: PostgresFolders,
  programs: PostgresPrograms,
  user: PostgresUser,
): Promise<void> {
  const prefix = `${basename(folders.data)}.unfinished-`;
  for (const name of await readdir(folders.home)) {
    if (name.startsWith(prefix)) await removeUnfinished(join(folders.home, name));
  }
  // A name of its own each time: the initdb of a node that was killed can still be writing into an earlier one.
  const unfinished = await mkdtemp(join(folders.home, prefix));
  const newPassword = `${folders.password}.unfinished`;
  await rm(newPassword, { force: true });
  await writeFile(newPassword, `${randomBytes(32).toString("base64url")}\n`, {
    mode: 0o600,
    flush: true,
  });
  if (user.isOther) {
    for (const path of [unfinished, newPassword]) await chown(path, user.uid, user.gid);
  }

  const made = await runCommand([programs.initdb, ...initArguments(unfinished, newPassword)], {
    timeoutMs: postgresInitTimeoutMs,
    as: user.isOther ? user : undefined,
  });
  if (made.exitCode !== 0) {
    await removeUnfinished(unfinished);
    throw new PlatformError("POSTGRES_START_FAILED", ["initdb could not make a cluster"], {
      cause: new Error(made.stderr.trim() || `initdb ended with ${made.exitCode}`),
    });
  }

  if (user.isOther) await chown(newPassword, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  // initdb has synced its files; the names are ours to make last.
  await rename(newPassword, folders.password);
  await rename(unfinished, folders.data);
  await syncFolder(folders.home);
}

/** Best effort: what is left costs disk, is never used, and is tried again by whoever makes a cluster. */
async function removeUnfinished(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => {});
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    // Anything else, such as no permission, says that something is there.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
