/** Which backups make way for newer ones: only scheduled ones of the same cluster; what somebody asked for stays. */
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

/** @returns ids that are gone */
export async function removeOlder(
  storage: BackupStorage,
  own: BackupManifest,
  keep: number,
): Promise<string[]> {
  const all: Facts[] = [];
  for (const id of await storage.ids()) {
    try {
      all.push(parseManifest(await storage.read(id, "manifest.json", manifestBytesMax), id));
    } catch {
      // What cannot be read is not ours to remove.
    }
  }
  const expired = expiredBackups(all, own, keep);
  for (const id of expired) await storage.remove(id);
  return expired;
}
