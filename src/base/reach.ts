/**
 * Whether another user can get to a path: which folder on the way is closed to it. Reads mode bits only; access lists
 * and mount options can still refuse what this allows, and then the attempt itself reports it.
 */
import { realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Who wants to get there. */
export interface Identity {
  uid: number;
  gid: number;
}

/** What `stat` says about a folder, as far as it matters here. */
export interface FolderFacts {
  mode: number;
  uid: number;
  gid: number;
}

/** Whether someone may use what lies in a folder. Pure. */
export function mayPass(folder: FolderFacts, who: Identity): boolean {
  return (permissionBits(folder, who) & 0o1) !== 0;
}

/** Whether someone may use and list a folder, or read and run a file. Pure. */
export function mayReadAndPass(folder: FolderFacts, who: Identity): boolean {
  return (permissionBits(folder, who) & 0o5) === 0o5;
}

/**
 * The outermost folder that keeps someone from using what lies in `path`, or null when none does. Follows links.
 *
 * @throws when the path does not exist
 */
export async function blockedAt(path: string, who: Identity): Promise<string | null> {
  const folders: string[] = [];
  for (let folder = await realpath(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) break;
  }
  for (const folder of folders) {
    if (!mayPass(await stat(folder), who)) return folder;
  }
  return null;
}

/** The three bits that apply: the kernel takes the first class that matches, even when a later one allows more. */
function permissionBits({ mode, uid, gid }: FolderFacts, who: Identity): number {
  if (who.uid === 0) return 0o7;
  if (who.uid === uid) return (mode >> 6) & 0o7;
  if (who.gid === gid) return (mode >> 3) & 0o7;
  return mode & 0o7;
}
