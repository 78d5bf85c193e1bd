/**
 * Makes one backup, from its first byte to the one that says it is whole.
 *
 *   cluster (base backup) ─▶ artifacts ─▶ node ─▶ (logs) ─▶ manifest ─▶ older ones removed
 *
 * The order is what makes it consistent: the cluster is as it was at the end of its base backup; whoever calls keeps artifacts
 * and keys from going away until the end, so all that the cluster names at that moment is there when it is copied after it.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { ArtifactStore } from "../deploy/artifact-store.ts";
import { type TarEntry, tarPieces } from "../deploy/tar-stream.ts";
import { readKeyFile } from "../secrets/key-file.ts";
import { masterKeyOf } from "../secrets/seal.ts";
import { postgresMajor } from "../store/postgres-binaries.ts";
import type { PostgresConnection } from "../store/postgres-server.ts";
import { writeArchive } from "./archive.ts";
import { newBackupKey } from "./backup-key.ts";
import {
  type BackupArchive,
  type BackupManifest,
  backupFormat,
  manifestText,
  storedBytes,
} from "./backup-manifest.ts";
import { baseBackup } from "./base-backup.ts";
import { ClusterCheck } from "./cluster-manifest.ts";
import { removeOlder } from "./keep-rule.ts";
import { type BackupStorage, openStorage, type S3Access } from "./storage.ts";
import { TarReader } from "./tar-reader.ts";

/** Plain data: it is sent to the process that makes it. */
export interface BackupJob {
  id: string;
  /** As for `openStorage`. */
  to: string;
  access: S3Access;
  /** What it is encrypted with; null: it is not, and has no keys in it. */
  passphrase: string | null;
  trigger: BackupManifest["trigger"];
  /** Scheduled backups of this node that stay, with this one; null: all. Count. */
  keep: number | null;
  withLogs: boolean;
  dataDir: string;
  /** Of the node's own PostgreSQL; null: its databases are on another server, and not in the backup. */
  connection: PostgresConnection | null;
  /** File of the master keys; null when the operator gives them to the node. */
  masterKeyFile: string | null;
  /** Ids of the keys that were given. */
  givenKeyIds: string[];
  levain: string;
  startedAtMs: number;
  settings: BackupManifest["settings"];
  counts: { apps: number; databases: number };
}

export interface BackupProgress {
  archive: string;
  /** Of this archive so far, before compression. */
  bytes: number;
}

export interface BackupDone {
  id: string;
  where: string;
  /** As stored. */
  bytes: number;
  /** Whether the store and the databases are in it. */
  hasDatabases: boolean;
  isEncrypted: boolean;
  hasMasterKey: boolean;
  keyIds: string[];
  artifacts: number;
  /** Older ones that made way. */
  removed: string[];
  /** Why others that were to make way have stayed; null when nothing kept them. */
  stayedFor: string | null;
}

interface MakeOptions {
  onProgress(progress: BackupProgress): void;
  wallMs(): number;
}

/** @throws {PlatformError} `BACKUP_FAILED`, `BACKUP_STORAGE_FAILED`; nothing is listed then */
export async function makeBackup(job: BackupJob, options: MakeOptions): Promise<BackupDone> {
  const storage = openStorage(job.to, job.access);
  const manifest = await writeBackup(job, storage, options);
  // It is there: what keeps older ones from going does not take it back.
  const { removed, stayedFor } =
    job.keep === null
      ? { removed: [], stayedFor: null }
      : await removeOlder(storage, manifest, job.keep);
  const { id, kind, encryption, masterKey, counts } = manifest;
  return {
    id,
    where: `${storage.where}/${id}`,
    bytes: storedBytes(manifest),
    hasDatabases: kind === "cluster",
    isEncrypted: encryption !== null,
    hasMasterKey: masterKey.isIncluded,
    keyIds: masterKey.ids,
    artifacts: counts.artifacts,
    removed,
    stayedFor,
  };
}

async function writeBackup(
  job: BackupJob,
  storage: BackupStorage,
  { onProgress, wallMs }: MakeOptions,
): Promise<BackupManifest> {
  const { id, passphrase } = job;
  const sealing = passphrase === null ? null : newBackupKey(passphrase);
  const key = sealing?.key ?? null;
  await storage.sweep(wallMs());
  const target = await storage.begin(id);
  try {
    const archives: BackupArchive[] = [];
    const add = async (name: string, source: AsyncIterable<Uint8Array>) => {
      let bytes = 0;
      const onBytes = (more: number) => {
        bytes += more;
        onProgress({ archive: name, bytes });
      };
      onProgress({ archive: name, bytes });
      archives.push(await writeArchive(source, { id, name, target, key, onBytes }));
    };
    const tar = (entries: AsyncIterable<TarEntry>) => tarPieces(entries, new Date(job.startedAtMs));

    const cluster = job.connection === null ? null : new CheckedCluster(job.connection);
    if (cluster !== null) await add("cluster", cluster.pieces());
    // Only now: what the cluster was sealed with at its last moment is among these, since none has gone meanwhile.
    const keys = job.masterKeyFile === null ? null : readKeyFile(job.masterKeyFile);
    const artifacts = new ArtifactStore({ dir: join(job.dataDir, "artifacts") });
    const digests = await artifacts.list();
    await add("artifacts", tar(artifactEntries(artifacts, digests, job.dataDir)));
    await add("node", tar(nodeEntries(job, cluster?.manifest ?? null, key === null ? null : keys)));
    if (job.withLogs) await add("logs", tar(logEntries(job.dataDir)));

    const keyIds = keys?.map((hex) => masterKeyOf(hex).id) ?? job.givenKeyIds;
    const hasMasterKey = key !== null && keys !== null;
    const manifest: BackupManifest = {
      format: backupFormat,
      id,
      levain: job.levain,
      kind: cluster === null ? "files" : "cluster",
      trigger: job.trigger,
      startedAtMs: job.startedAtMs,
      finishedAtMs: wallMs(),
      node: { hostname: hostname(), dataDir: job.dataDir },
      postgres: {
        major: postgresMajor,
        systemId: cluster?.systemId ?? "",
        endLsn: cluster?.endLsn ?? "",
      },
      masterKey: { ids: keyIds, isIncluded: hasMasterKey },
      encryption: sealing?.encryption ?? null,
      settings: job.settings,
      counts: { ...job.counts, artifacts: digests.length },
      archives,
      mac: null,
    };
    if (key !== null) manifest.mac = key.macOf(manifest);
    await target.commit(Buffer.from(manifestText(manifest)));
    return manifest;
  } catch (error) {
    await target.discard();
    throw error;
  }
}

/** The files of the cluster as they go by, compared in the end with what PostgreSQL says of them. */
class CheckedCluster {
  readonly #connection: PostgresConnection;
  manifest = "";
  systemId = "";
  endLsn = "";

  constructor(connection: PostgresConnection) {
    this.#connection = connection;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    const check = new ClusterCheck();
    const reader = new TarReader((file) => (file.kind === "file" ? check.open(file) : null));
    const source = baseBackup(this.#connection);
    for (;;) {
      const { done, value } = await source.next();
      if (done === true) {
        Object.assign(this, value);
        break;
      }
      reader.push(value);
      yield value;
    }
    reader.end();
    check.against(this.manifest);
  }
}

async function* artifactEntries(
  artifacts: ArtifactStore,
  digests: readonly string[],
  dataDir: string,
): AsyncGenerator<TarEntry> {
  for (const digest of digests) {
    const manifest = join(dataDir, "artifacts", digest, "manifest.json");
    yield { path: `${digest}/manifest.json`, file: manifest, isExecutable: false };
    const folder = artifacts.path(digest);
    for (const entry of await artifacts.entries(digest)) {
      const path = `${digest}/files/${entry.path}`;
      if ("link" in entry) yield { path, link: entry.link };
      else yield { path, file: join(folder, entry.path), isExecutable: entry.executable };
    }
  }
}

async function* nodeEntries(
  { dataDir }: BackupJob,
  clusterManifest: string | null,
  keys: readonly string[] | null,
): AsyncGenerator<TarEntry> {
  if (clusterManifest !== null) yield { path: "backup_manifest", text: clusterManifest };
  if (keys === null) return;
  yield { path: "master-key", text: `${keys.join("\n")}\n` };
  const token = join(dataDir, "admin-token");
  if (existsSync(token)) yield { path: "admin-token", text: await readFile(token, "latin1") };
}

/** Logs grow while they are copied, and old files of them go: each is taken as long as it is now. */
async function* logEntries(dataDir: string): AsyncGenerator<TarEntry> {
  for (const store of ["logs", "requests"]) {
    for (const app of await readdir(join(dataDir, store)).catch(() => [])) {
      for (const name of await readdir(join(dataDir, store, app)).catch(() => [])) {
        const file = join(dataDir, store, app, name);
        const facts = await stat(file).catch(() => null);
        if (facts?.isFile()) yield { path: `${store}/${app}/${name}`, file, isExecutable: false };
      }
    }
  }
}
