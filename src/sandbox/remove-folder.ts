/**
 * Removes a folder that somebody else has filled, whatever modes its folders have. Where the node is not root, a folder
 * that its owner may not list or change (Go's module cache makes such ones) keeps `rm` from removing what is in it.
 */
import { chmod, lstat, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { openedPathBytesMax } from "./limits.ts";

/** Nothing is there: fine. @throws what `rm` throws, when opening all folders did not help */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    await openFolders(path);
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Gives us all rights in the folder and in those beneath it. What comes and goes meanwhile is left out. */
async function openFolders(top: string): Promise<void> {
  const open = [top];
  let moved = 0;
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    try {
      const facts = await lstat(folder);
      // Never through a link: it may lead anywhere.
      if (!facts.isDirectory()) continue;
      await chmod(folder, (facts.mode & 0o7777) | 0o700);
      if (Buffer.byteLength(folder) > openedPathBytesMax) {
        // Deeper down no path would reach; it is all to be removed, so it may lie elsewhere.
        const nearer = join(top, `.levain-removed-${process.hrtime.bigint()}-${moved++}`);
        await rename(folder, nearer);
        folder = nearer;
      }
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        if (entry.isDirectory()) open.push(join(folder, entry.name));
      }
    } catch {
      // Gone, or not ours: `rm` will say so.
    }
  }
}
