/**
 * Where backups are kept: a folder, or a bucket that speaks S3. Each backup is a folder of parts there, and its
 * `manifest.json` comes last: what has one is whole.
 */
import { isAbsolute } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { FolderStorage } from "./folder-storage.ts";
import { type S3Access, S3Storage } from "./s3-storage.ts";

export interface BackupStorage {
  /** For people. */
  readonly where: string;
  /** Ids of whole backups, newest first. */
  ids(): Promise<string[]>;
  /** Makes room for a new one; nobody else is at it until it is committed or discarded. */
  begin(id: string): Promise<UnfinishedBackup>;
  /** All of one file; `bytesMax` is as much as is read. @throws {PlatformError} `BACKUP_DAMAGED` when it is not there */
  read(id: string, name: string, bytesMax: number): Promise<Uint8Array>;
  /** A backup that is removed is no longer in `ids` from the first step on. */
  remove(id: string): Promise<void>;
  /** Removes what backups have left that did not come to their end. @returns their ids */
  sweep(nowMs: number): Promise<string[]>;
}

export interface UnfinishedBackup {
  /** May be called again before it has resolved. The bytes are not looked at any more once it has. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** From then on it is there, also after a loss of power. */
  commit(manifest: Uint8Array): Promise<void>;
  /** Best effort; what stays is swept by a later one. */
  discard(): Promise<void>;
}

/** Who asks an S3 storage, as `AWS_*` says it. */
export type { S3Access } from "./s3-storage.ts";

/**
 * @param to an absolute path, or `s3://bucket/prefix`
 * @throws {PlatformError} `INPUT_INVALID`, `BACKUP_STORAGE_FAILED` when an S3 storage has no credentials
 */
export function openStorage(to: string, access: S3Access): BackupStorage {
  const s3 = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(to);
  if (s3 !== null) {
    const [, bucket = "", prefix = ""] = s3;
    return new S3Storage(bucket, prefix.replace(/^\/+|\/+$/g, ""), access);
  }
  if (!isAbsolute(to)) {
    throw new PlatformError("INPUT_INVALID", [
      `"${to.slice(0, 200)}" is neither a folder's absolute path nor s3://bucket/prefix`,
    ]);
  }
  return new FolderStorage(to);
}

/** One backup in a storage: the one that is named, or the newest. */
export interface FoundBackup {
  storage: BackupStorage;
  id: string;
}

/**
 * @param from as for `openStorage`, or one backup in it
 * @throws {PlatformError} `BACKUP_NOT_FOUND`, `BACKUP_STORAGE_FAILED`
 */
export async function findBackup(from: string, access: S3Access): Promise<FoundBackup> {
  const [, parent = "", name = ""] = /^(.*)\/(\d{8}T\d{6}Z-[0-9a-f]{6})\/?$/.exec(from) ?? [];
  const storage = openStorage(name === "" ? from : parent, access);
  const ids = await storage.ids();
  const id = name === "" ? ids[0] : ids.find((one) => one === name);
  if (id === undefined) throw new PlatformError("BACKUP_NOT_FOUND", [from]);
  return { storage, id };
}

/** Credentials and address of an S3 storage out of the usual variables. */
export function accessOf(env: Readonly<Record<string, string | undefined>>): S3Access {
  const first = (...names: string[]) => {
    for (const name of names) if (env[name]) return env[name];
    return undefined;
  };
  return {
    accessKeyId: first("AWS_ACCESS_KEY_ID", "S3_ACCESS_KEY_ID"),
    secretAccessKey: first("AWS_SECRET_ACCESS_KEY", "S3_SECRET_ACCESS_KEY"),
    sessionToken: first("AWS_SESSION_TOKEN", "S3_SESSION_TOKEN"),
    region: first("AWS_REGION", "AWS_DEFAULT_REGION", "S3_REGION"),
    endpoint: first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "S3_ENDPOINT"),
  };
}
