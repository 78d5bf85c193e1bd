/**
 * Where the embedded PostgreSQL keeps its things, and who may get there.
 *
 *   <data dir>/postgres/            searchable by its user, owned by the node
 *     data/                         the cluster; only its user
 *     password                      of the database user; only the node
 *     socket/                       only its user (root passes); a link to a short folder when the path is too long
 *     bin/<package version>/        only when the installed programs are out of reach
 *     postgres.log, postgres.log.1
 */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { blockedAt } from "../base/reach.ts";
import { socketPathBytesMax } from "./limits.ts";
import type { PostgresUser } from "./postgres-user.ts";

export interface PostgresFolders {
  /** `<data dir>/postgres`, free of links. */
  home: string;
  data: string;
  password: string;
  copies: string;
  log: string;
}

/** Part of a socket's path that PostgreSQL adds to the folder; the port only names it. */
export const postgresPort = 5432;
const socketName = `.s.PGSQL.${postgresPort}`;
const shortFolderPrefix = "levain-postgres-";

/**
 * Makes `<data dir>/postgres` and lets the user of PostgreSQL get there. When the data directory itself is closed to
 * that user and belongs to us, its group is set to the user's and may pass: pass, not list, and nobody else.
 *
 * @throws {PlatformError} `DATA_DIR_UNUSABLE` naming the folder that is in the way
 */
export async function prepareFolders(
  dataDir: string,
  user: PostgresUser,
): Promise<PostgresFolders> {
  const real = await realpath(dataDir);
  const home = join(real, "postgres");
  await mkdir(home, { recursive: true, mode: 0o700 });
  if (user.isOther) {
    for (const folder of [real, home]) await letPass(folder, user);
    const blocked = await blockedAt(home, user);
    if (blocked !== null) {
      throw new PlatformError("DATA_DIR_UNUSABLE", [
        dataDir,
        `user "${user.name}", which PostgreSQL runs as, may not pass through ${blocked}`,
      ]);
    }
  }
  return {
    home,
    data: join(home, "data"),
    password: join(home, "password"),
    copies: join(home, "bin"),
    log: join(home, "postgres.log"),
  };
}

async function letPass(folder: string, user: PostgresUser): Promise<void> {
  const facts = await stat(folder);
  const isOurs = facts.uid === process.getuid?.();
  // Only a folder that its group could not use anyway: taking it from a group that can would break something.
  if (!isOurs || (facts.mode & 0o077) !== 0) return;
  await chown(folder, facts.uid, user.gid);
  await chmod(folder, 0o710);
}

export interface SocketFolder {
  /** Short enough for a unix socket. */
  path: string;
  /** Takes it away when it lies outside of the data directory. */
  remove(): Promise<void>;
}

/**
 * An empty folder for the socket, made anew: whatever an earlier server left is gone. A server that still runs cannot be
 * reached any more; it has to be ended anyway.
 *
 * @throws {PlatformError} `POSTGRES_START_FAILED` when there is no place with a path that is short enough
 */
export async function prepareSocketFolder(
  { home }: PostgresFolders,
  user: PostgresUser,
): Promise<SocketFolder> {
  const own = join(home, "socket");
  await removeSocketFolder(own);
  if (fits(own)) {
    await mkdir(own, { mode: 0o700 });
    if (user.isOther) await chown(own, user.uid, user.gid);
    return { path: own, remove: async () => {} };
  }

  const parent = await shortParent(user);
  const short = await mkdtemp(join(parent, shortFolderPrefix));
  if (user.isOther) await chown(short, user.uid, user.gid);
  // The link is how the next start finds the folder when this node does not live to remove it.
  await symlink(short, own);
  return { path: short, remove: () => removeSocketFolder(own) };
}

/** Removes a socket folder, also one that is a link to a short folder of ours. */
async function removeSocketFolder(path: string): Promise<void> {
  const facts = await lstat(path).catch(() => null);
  if (facts?.isSymbolicLink()) {
    const target = await readlink(path);
    if (basename(target).startsWith(shortFolderPrefix) && dirname(target) !== target) {
      await rm(target, { recursive: true, force: true });
    }
  }
  await rm(path, { recursive: true, force: true });
}

async function shortParent(user: PostgresUser): Promise<string> {
  for (const parent of [tmpdir(), "/tmp", "/run"]) {
    const real = await realpath(parent).catch(() => null);
    if (real === null || !fits(join(real, `${shortFolderPrefix}xxxxxx`))) continue;
    if (!user.isOther || (await blockedAt(real, user)) === null) return real;
  }
  throw new PlatformError("POSTGRES_START_FAILED", [
    "the path of the data directory is too long for a unix socket, and there is no folder for temporary files",
  ]);
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, socketName)) <= socketPathBytesMax;
}
