/**
 * One node per data directory. The lock is the kernel's (flock on `node.lock`), so it ends with the process that holds
 * it, however that ends; the pid in the file is only for people.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
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
 * Makes the data directory when it is missing (mode 0711: PostgreSQL's user must be able to pass, not to look) and takes
 * its lock.
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
export function lockHolder(dataDir: string): number {
  try {
    return Number(readFileSync(join(dataDir, "node.lock"), "utf8").trim()) || 0;
  } catch {
    return 0;
  }
}

function openLockFile(dataDir: string): number {
  const bytes = Buffer.byteLength(dataDir);
  if (bytes > dataDirBytesMax) {
    const what = `its path has ${bytes} bytes, at most ${dataDirBytesMax} leave room for the sockets in it`;
    throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, what]);
  }
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    const { uid } = statSync(dataDir);
    if (uid !== process.getuid?.()) {
      throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, `it belongs to user ${uid}`]);
    }
    return openSync(join(dataDir, "node.lock"), "a+", 0o600);
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, messageOf(error)], { cause: error });
  }
}
