/** Which backups make way for newer ones: only scheduled ones of the same cluster; what somebody asked for stays. */
import { messageOf } from "../base/errors.ts";
import { type BackupManifest, parseManifest } from "./backup-manifest.ts";
import { manifestBytesMax } from "./limits.ts";
import type { BackupStorage } from "./storage.ts";

type Facts = Pick<BackupManifest, "id" | "trigger" | "postgres" | "node">;

/** Ids to remove, oldest first. Pure. */
export function expiredBackups(
  all: readonly Facts[],
  own: Pick<BackupManifest, "postgres" | "node">,
  keep: number,
): string[] {
  return all
    .filter(({ trigger }) => trigger === "schedule")
    .filter(
      ({ postgres, node }) =>
        postgres.systemId === own.postgres.systemId &&
        // A restored node has the same cluster, and backups of its own.
        node.hostname === own.node.hostname &&
        node.dataDir === own.node.dataDir,
    )
    .map(({ id }) => id)
    .sort()
    .reverse()
    .slice(keep)
    .reverse();
}

/**
 * Never throws: a backup that is whole is not the worse for older ones that stay.
 *
 * @returns ids that are gone, and why others have stayed that were to go; null: none has
 */
export async function removeOlder(
  storage: BackupStorage,
  own: BackupManifest,
  keep: number,
): Promise<{ removed: string[]; stayedFor: string | null }> {
  const removed: string[] = [];
  try {
    for (const id of expiredBackups(await readAll(storage), own, keep)) {
      await storage.remove(id);
      removed.push(id);
    }
  } catch (error) {
    return { removed, stayedFor: messageOf(error) };
  }
  return { removed, stayedFor: null };
}

async function readAll(storage: BackupStorage): Promise<Facts[]> {
  const all: Facts[] = [];
  for (const id of await storage.ids()) {
    try {
      all.push(parseManifest(await storage.read(id, "manifest.json", manifestBytesMax), id));
    } catch {
      // What cannot be read is not ours to remove.
    }
  }
  return all;
}
