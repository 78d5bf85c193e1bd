/**
 * One node per data directory. The lock is the kernel's (flock on `node.lock`), so it ends with the process that holds
 * it, however that ends; the pid in the file is only for people.
 */
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import { tryLockExclusive } from "../sandbox/libc.ts";
import { dataDirBytesMax } from "./limits.ts";

export interface NodeLock {
  /** Lets another node have the directory. Twice is safe. */
  release(): void;
}

/**
 * Makes the data directory when it is missing and takes its lock. A directory that is new or empty is closed to other
 * users; PostgreSQL's own user is let through later, by whoever starts PostgreSQL.
 *
 * @throws {PlatformError} `DATA_DIR_UNUSABLE`, `NODE_ALREADY_RUNNING` with the other node's pid
 */
export function acquireNodeLock(dataDir: string): NodeLock {
  const fd = openLockFile(dataDir);
  let isLocked = false;
  try {
    isLocked = tryLockExclusive(fd);
  } catch (error) {
    closeSync(fd);
    throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, messageOf(error)], { cause: error });
  }
  if (!isLocked) {
    closeSync(fd);
    throw new PlatformError("NODE_ALREADY_RUNNING", [dataDir, lockHolder(dataDir)]);
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  let isReleased = false;
  return {
    release() {
      if (isReleased) return;
      isReleased = true;
      closeSync(fd);
    },
  };
}

/** Pid in the lock file, or 0 when it cannot be read. It is the holder's only while the lock is held. */
function lockHolder(dataDir: string): number {
  try {
    return Number(readFileSync(join(dataDir, "node.lock"), "utf8").trim()) || 0;
  } catch {
    return 0;
  }
}

/**
 * What is wrong with a folder as a data directory, or null. Pure.
 *
 * @param uid user id of this process
 */
export function dataDirProblem(
  facts: Pick<Stats, "uid" | "mode" | "isDirectory">,
  uid: number,
): string | null {
  if (!facts.isDirectory()) return "it is not a folder";
  if (facts.uid !== uid) return `it belongs to user id ${facts.uid}, the node runs as ${uid}`;
  if ((facts.mode & 0o002) !== 0) return "every user of this machine can write to it";
  return null;
}

function openLockFile(dataDir: string): number {
  const bytes = Buffer.byteLength(dataDir);
  if (bytes > dataDirBytesMax) {
    const what = `its path has ${bytes} bytes, at most ${dataDirBytesMax} leave room for the sockets in it`;
    throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, what]);
  }
  try {
    const facts = statSync(dataDir, { throwIfNoEntry: false }) ?? makeFolder(dataDir);
    const problem = dataDirProblem(facts, process.getuid?.() ?? -1);
    if (problem !== null) throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, problem]);
    const file = FOLDERS.find((name) => isFile(join(dataDir, name)));
    if (file !== undefined) {
      const what = `"${file}" in it is a file where the node keeps a folder; move it away`;
      throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, what]);
    }
    // The folder of somebody who made it for us, with whatever umask: nobody relies on its mode yet.
    if (readdirSync(dataDir).length === 0) chmodSync(dataDir, 0o700);
    return openSync(join(dataDir, "node.lock"), "a+", 0o600);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, reason(error)], { cause: error });
  }
}

/** What the node makes in its data directory, see ARCHITECTURE.md. */
const FOLDERS = [
  "artifacts",
  "builds",
  "runner",
  "runtimes",
  "run",
  "logs",
  "requests",
  "postgres",
];

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
}

function makeFolder(dataDir: string): Stats {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  return statSync(dataDir);
}

/** What the file system said, in words where there are some. */
function reason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EACCES":
    case "EPERM":
      return "this user may not write there";
    case "EROFS":
      return "its file system is read-only";
    case "ENOTDIR":
    case "EEXIST":
      return "a part of its path is a file";
    case "ENOSPC":
      return "its file system is full";
    default:
      return messageOf(error);
  }
}
