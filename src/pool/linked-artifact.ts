/**
 * An artifact's files in a folder of one process's own. A spare was started with a right to that folder before anybody
 * knew which app it would become; a right to all artifacts would show it every other app's.
 */
import { linkSync, mkdirSync, readdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { filesLinkedMax } from "./limits.ts";

/**
 * Puts links to an artifact's files into `folder`, which is empty. Takes about 10 µs per file.
 *
 * @returns false when there are too many, or the file system has no links; the folder is empty then
 */
export function linkArtifact(artifact: string, folder: string): boolean {
  try {
    if (linkTree(artifact, folder, filesLinkedMax) >= 0) return true;
  } catch {
    // Another file system, or too many links to one file: the process is started for this artifact then.
  }
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  return false;
}

/** Returns how many more may be linked; negative when there were too many. */
function linkTree(from: string, to: string, left: number): number {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    left -= 1;
    if (left < 0) return left;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      mkdirSync(target, { mode: 0o755 });
      left = linkTree(source, target, left);
      if (left < 0) return left;
    } else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkSync(source, target);
  }
  return left;
}
