/**
 * Makes a data directory out of a backup.
 *
 *   check everything ─▶ mark ─▶ cluster ─▶ artifacts ─▶ (logs) ─▶ recovery ─▶ keys ─▶ sync ─▶ mark removed
 *
 * A directory with the mark is nobody's: no node starts on it, and a restore begins anew there.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isDiskFull, messageOf, PlatformError } from "../base/errors.ts";
import { masterKeyPath, parseMasterKeys, writeKeyFile } from "../secrets/key-file.ts";
import { masterKeyOf } from "../secrets/seal.ts";
import { postgresMajor } from "../store/postgres-binaries.ts";
import {
  type ClusterPlace,
  prepareClusterPlace,
  recoverCluster,
} from "../store/postgres-recovery.ts";
import { runCommand } from "../store/system-command.ts";
import { readArchive } from "./archive.ts";
import type { BackupManifest } from "./backup-manifest.ts";
import { type CheckedBackup, checkBackup } from "./check-backup.ts";
import { recoveryTimeoutMs, restoreReserveBytes } from "./limits.ts";
import type { FoundBackup } from "./storage.ts";
import { TarReader } from "./tar-reader.ts";
import { TreeWriter } from "./tree-writer.ts";

/** In a data directory that is being restored: the id of the backup. */
const MARK = "restore.unfinished";
/** What is no content: the node's lock, and what file systems put into their root. */
const NOTHING = ["node.lock", "lost+found"];

export interface RestoreOptions {
  found: FoundBackup;
  /** Absolute; empty, missing, or left by a restore. */
  dataDir: string;
  passphrase: string | undefined;
  /** Keys for a backup that has none, as a key file has them. */
  keys: string | undefined;
  /** The operator gives the keys to the node: they are checked, and not written. */
  isKeyGiven: boolean;
  /** Goes on without a key: what is sealed stays so. */
  withoutKey: boolean;
  /** User of PostgreSQL, as the node's setting has it. */
  postgresUser: string | undefined;
  /** Takes the node's lock on the directory, and makes it. Called when everything is checked, before anything is written. */
  lock(): void;
  onStep(step: "check" | "write" | "recover", bytes: number): void;
}

export interface Restored {
  manifest: BackupManifest;
  /** Keys that are needed and were not there, by id. */
  missingKeys: string[];
}

/** Id of the backup that a restore into the directory did not come to the end of, or null. */
export function unfinishedRestore(dataDir: string): string | null {
  try {
    return readFileSync(join(dataDir, MARK), "utf8").trim();
  } catch {
    return null;
  }
}

/** @throws {PlatformError} `RESTORE_UNFINISHED`: no node may start there */
export function assertRestored(dataDir: string): void {
  const id = unfinishedRestore(dataDir);
  if (id !== null) throw new PlatformError("RESTORE_UNFINISHED", [dataDir, id]);
}

/** @throws {PlatformError} `RESTORE_TARGET_TAKEN` */
export function assertRestorable(dataDir: string): void {
  if (!existsSync(dataDir) || unfinishedRestore(dataDir) !== null) return;
  const [name] = readdirSync(dataDir).filter((one) => !NOTHING.includes(one));
  if (name !== undefined) throw new PlatformError("RESTORE_TARGET_TAKEN", [dataDir, `"${name}"`]);
}

/**
 * @throws {PlatformError} `BACKUP_DAMAGED`, `BACKUP_KEY_NEEDED`, `BACKUP_PASSPHRASE_NEEDED`, `BACKUP_PASSPHRASE_WRONG` before anything
 *   is written; `RESTORE_FAILED`, `POSTGRES_START_FAILED` after
 */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { found, dataDir, onStep } = options;
  assertRestorable(dataDir);
  onStep("check", 0);
  const checked = await checkBackup(found, options.passphrase, (bytes) => onStep("check", bytes));
  const { manifest } = checked;
  const hasCluster = manifest.kind === "cluster";
  if (hasCluster && manifest.postgres.major !== postgresMajor) {
    throw new PlatformError("RESTORE_FAILED", [
      `it is of PostgreSQL ${manifest.postgres.major}, this Levain runs ${postgresMajor}`,
    ]);
  }
  const { keys, missingKeys } = keysOf(checked, options);
  assertRoom(dataDir, manifest);
  options.lock();
  assertRestorable(dataDir);
  try {
    empty(dataDir);
    writeFileSync(join(dataDir, MARK), `${manifest.id}\n`, { mode: 0o600, flush: true });
    const place = hasCluster ? await prepareClusterPlace(dataDir, options.postgresUser) : null;
    const roots: Record<string, () => TreeWriter> = {
      ...(place === null ? {} : { cluster: () => clusterWriter(place) }),
      artifacts: () => new TreeWriter(join(dataDir, "artifacts"), artifactModes),
      logs: () => new TreeWriter(dataDir, privateModes),
    };
    onStep("write", 0);
    for (const archive of manifest.archives) {
      const writer = roots[archive.name]?.();
      if (writer === undefined) continue;
      const reader = new TarReader((file) => writer.open(file));
      for await (const piece of readArchive(found.storage, found.id, archive, checked.key)) {
        reader.push(piece);
        onStep("write", piece.length);
      }
      reader.end();
      writer.finish();
    }
    if (place !== null) {
      onStep("recover", 0);
      await recoverCluster(place, recoveryTimeoutMs);
    }
    if (keys !== null) writeKeyFile(masterKeyPath(dataDir), keys);
    const token = checked.node.get("admin-token");
    if (token !== undefined) {
      writeFileSync(join(dataDir, "admin-token"), token, { mode: 0o600, flush: true });
    }
    await sync(dataDir);
    rmSync(join(dataDir, MARK));
    await sync(dataDir);
    return { manifest, missingKeys };
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    const what = isDiskFull(error) ? "the disk is full" : messageOf(error);
    throw new PlatformError("RESTORE_FAILED", [what], { cause: error });
  }
}

function clusterWriter({ folders, user }: ClusterPlace): TreeWriter {
  return new TreeWriter(folders.data, privateModes, user.isOther ? user : null);
}

const privateModes = { folder: 0o700, file: 0o600, executable: 0o700 };
/** As `ArtifactStore` writes them. */
const artifactModes = { folder: 0o755, file: 0o444, executable: 0o555 };

/** What a restore that did not come to its end has left, and nothing else: the mark says that all here is such. */
function empty(dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(dataDir)) {
    // The mark goes last, so that an end in the middle of this is seen too.
    if (!NOTHING.includes(name) && name !== MARK) {
      rmSync(join(dataDir, name), { recursive: true, force: true });
    }
  }
  rmSync(join(dataDir, MARK), { force: true });
}

function keysOf(
  { manifest, node }: CheckedBackup,
  { keys, isKeyGiven, withoutKey }: RestoreOptions,
): { keys: string[] | null; missingKeys: string[] } {
  const included = node.get("master-key");
  const text = keys ?? included;
  const all = text === undefined ? [] : parseMasterKeys(text, "the master key");
  const has = new Set(all.map((hex) => masterKeyOf(hex).id));
  const missingKeys = manifest.masterKey.ids.filter((id) => !has.has(id));
  if (missingKeys.length > 0 && !withoutKey) {
    throw new PlatformError("BACKUP_KEY_NEEDED", [missingKeys.join(", ")]);
  }
  return { keys: all.length === 0 || isKeyGiven ? null : all, missingKeys };
}

function assertRoom(dataDir: string, { archives }: BackupManifest): void {
  let folder = dataDir;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const needed = archives.reduce((sum, { plainBytes }) => sum + plainBytes, restoreReserveBytes);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new PlatformError("RESTORE_FAILED", [
    `the disk has ${free} bytes free, the restored data directory needs ${needed}`,
  ]);
}

/** All that was written there, at once; where the command is missing, a loss of power in the next minute is taken. */
async function sync(dataDir: string): Promise<void> {
  await runCommand(["sync", "-f", dataDir], { timeoutMs: recoveryTimeoutMs });
}
