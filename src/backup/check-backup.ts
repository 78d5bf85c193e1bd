/** Reads a backup to its end and says whether it can be restored: every part, every archive, every file of the cluster. */
import { createHash } from "node:crypto";
import { messageOf, PlatformError } from "../base/errors.ts";
import { readArchive, readPart } from "./archive.ts";
import { type BackupKey, openBackupKey } from "./backup-key.ts";
import { type BackupManifest, parseManifest } from "./backup-manifest.ts";
import { ClusterCheck } from "./cluster-manifest.ts";
import { clusterManifestBytesMax, manifestBytesMax } from "./limits.ts";
import type { FoundBackup } from "./storage.ts";
import { TarReader } from "./tar-reader.ts";

export interface CheckedBackup {
  manifest: BackupManifest;
  key: BackupKey | null;
  /** Texts of the archive `node`, by path. */
  node: ReadonlyMap<string, string>;
}

/** @throws {PlatformError} `BACKUP_DAMAGED`, `BACKUP_TOO_NEW`, `BACKUP_STORAGE_FAILED` */
export async function readManifest({ storage, id }: FoundBackup): Promise<BackupManifest> {
  return parseManifest(await storage.read(id, "manifest.json", manifestBytesMax), id);
}

/**
 * Checks that all parts are what was written; of an encrypted backup no more than that can be said without its passphrase.
 *
 * @throws {PlatformError} `BACKUP_DAMAGED` naming the part
 */
export async function checkParts(
  { storage, id }: FoundBackup,
  { archives }: BackupManifest,
  onBytes: (bytes: number) => void,
): Promise<void> {
  for (const part of archives.flatMap(({ parts }) => parts)) {
    await readPart(storage, id, part);
    onBytes(part.bytes);
  }
}

/**
 * Checks all there is to check without writing anything.
 *
 * @param onBytes called with bytes that were looked at, before compression
 * @throws {PlatformError} `BACKUP_DAMAGED`, `BACKUP_PASSPHRASE_NEEDED`, `BACKUP_PASSPHRASE_WRONG`, `BACKUP_STORAGE_FAILED`
 */
export async function checkBackup(
  found: FoundBackup,
  passphrase: string | undefined,
  onBytes: (bytes: number) => void,
): Promise<CheckedBackup> {
  const { storage, id } = found;
  const manifest = await readManifest(found);
  if (manifest.id !== id) {
    throw new PlatformError("BACKUP_DAMAGED", [id, `its manifest is the one of ${manifest.id}`]);
  }
  const key = openBackupKey(manifest, passphrase);
  const node = new Map<string, string>();
  const cluster = new ClusterCheck();
  for (const archive of manifest.archives) {
    const reader = new TarReader((file) => {
      if (file.kind !== "file") return null;
      if (archive.name === "cluster") return cluster.open(file);
      if (archive.name === "artifacts") return manifestCheck(file.path);
      return archive.name === "node" ? textSink(file, node) : null;
    });
    try {
      for await (const piece of readArchive(storage, id, archive, key)) {
        reader.push(piece);
        onBytes(piece.length);
      }
      reader.end();
    } catch (error) {
      throw asDamage(id, archive.name, error);
    }
  }
  try {
    if (manifest.kind === "cluster") cluster.against(node.get("backup_manifest") ?? "");
  } catch (error) {
    throw asDamage(id, "cluster", error);
  }
  return { manifest, key, node };
}

function asDamage(id: string, archive: string, error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  return new PlatformError("BACKUP_DAMAGED", [id, `${archive}: ${messageOf(error)}`]);
}

/** An artifact is named by what its manifest says. */
function manifestCheck(path: string) {
  const [digest = "", name] = path.split("/");
  if (name !== "manifest.json") return null;
  const hasher = createHash("sha256");
  return {
    data: (bytes: Uint8Array) => void hasher.update(bytes),
    end() {
      if (hasher.digest("hex") !== digest) throw new Error(`${path} is of another artifact`);
    },
  };
}

function textSink({ path, bytes }: { path: string; bytes: number }, texts: Map<string, string>) {
  if (bytes > clusterManifestBytesMax) throw new Error(`${path} has ${bytes} bytes`);
  const pieces: Uint8Array[] = [];
  return {
    data: (piece: Uint8Array) => void pieces.push(piece.slice()),
    end: () => void texts.set(path, Buffer.concat(pieces).toString("utf8")),
  };
}
