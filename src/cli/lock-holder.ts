/**
 * Whether a node runs on a data directory although its admin API does not answer: it is starting, stopping, or hangs.
 * Read from the kernel's list of locks, so that looking never gets in the way of a node that takes its lock.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Pid of the process that holds `node.lock`, or null. */
export async function lockHolderOf(dataDir: string): Promise<number | null> {
  try {
    const path = join(dataDir, "node.lock");
    const [{ ino }, noted, locks] = await Promise.all([
      stat(path),
      readFile(path, "utf8"),
      readFile("/proc/locks", "utf8"),
    ]);
    return holderIn(locks, ino, Number(noted.trim()));
  } catch {
    return null;
  }
}

/**
 * Device numbers differ between `stat` and the list on some file systems, so the inode and the noted pid have to do.
 *
 * @param locks text of /proc/locks: `1: FLOCK  ADVISORY  WRITE 8911 00:2f:12345 0 EOF`
 */
export function holderIn(locks: string, inode: number, pid: number): number | null {
  const isHeld = locks.split("\n").some((line) => {
    const [, kind, , , holder, file = ""] = line.trim().split(/\s+/);
    return kind === "FLOCK" && Number(holder) === pid && file.endsWith(`:${inode}`);
  });
  return isHeld ? pid : null;
}
