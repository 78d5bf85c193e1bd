/** What is in some folders, counted file by file: exact, and slow when there are many. */
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { descriptorsPerLookMax, statsAtOnceMax } from "./limits.ts";

export interface FolderUse {
  /** On disk, as the file system counts them. Bytes. */
  bytes: number;
  /** Files, folders and whatever else has a name, and files that are open without one. Count. */
  files: number;
}

export interface FolderUseOptions {
  /** Where to stop: it is known to be too much then. Bytes. */
  bytesMax: number;
  /** The same. Count. */
  filesMax: number;
  /** Processes that may have files open there which were removed. */
  pids: readonly number[];
}

/**
 * Counts; never rejects. What comes and goes meanwhile may be counted or not. Folders that lie deeper than a path can
 * say, or that their owner has closed to us, count as more than any limit, since nobody can look into them.
 */
export async function folderUse(
  folders: readonly string[],
  { bytesMax, filesMax, pids }: FolderUseOptions,
): Promise<FolderUse> {
  const use: FolderUse = { bytes: 0, files: 0 };
  const isEnough = () => use.bytes > bytesMax || use.files > filesMax;
  const open = [...folders];
  for (let folder = open.pop(); folder !== undefined && !isEnough(); folder = open.pop()) {
    const entries = (await unlessGone(readdir(folder))) ?? [];
    if (entries === "hidden") return { ...use, files: Number.POSITIVE_INFINITY };
    use.files += entries.length;
    for (let at = 0; at < entries.length && !isEnough(); at += statsAtOnceMax) {
      const some = entries.slice(at, at + statsAtOnceMax).map((name) => join(folder, name));
      const facts = await Promise.all(some.map((path) => unlessGone(lstat(path))));
      for (const [index, fact] of facts.entries()) {
        if (fact === "hidden") return { ...use, files: Number.POSITIVE_INFINITY };
        use.bytes += (fact?.blocks ?? 0) * 512;
        if (fact?.isDirectory()) open.push(some[index]!);
      }
    }
  }
  for (const pid of isEnough() ? [] : pids) await addRemoved(pid, folders, use);
  return use;
}

async function unlessGone<Found>(looking: Promise<Found>): Promise<Found | "hidden" | null> {
  try {
    return await looking;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENAMETOOLONG" || code === "EACCES" ? "hidden" : null;
  }
}

/** Files that were removed and are open still: they have no name, and their bytes. */
async function addRemoved(pid: number, folders: readonly string[], use: FolderUse): Promise<void> {
  try {
    const descriptors = await readdir(`/proc/${pid}/fd`);
    for (const descriptor of descriptors.slice(0, descriptorsPerLookMax)) {
      const path = `/proc/${pid}/fd/${descriptor}`;
      const target = await readlink(path);
      if (!target.endsWith(" (deleted)")) continue;
      if (!folders.some((folder) => target.startsWith(`${folder}/`))) continue;
      use.bytes += (await stat(path)).blocks * 512;
      use.files += 1;
    }
  } catch {
    // It has ended, or closed the file.
  }
}
