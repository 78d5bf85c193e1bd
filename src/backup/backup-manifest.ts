/** What a backup says of itself: `manifest.json`, written last. docs/backup.md describes it. */
import { z } from "zod";
import { PlatformError } from "../base/errors.ts";

/** Grows when an older Levain would misread a backup. */
export const backupFormat = 1;

/** `20261121T170000Z-1a2b3c`: when it was begun, and six random digits. Sorts by time. */
const ID = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;
const PART = /^[a-z]+\.\d{5}$/;

const part = z.object({
  /** Its file: `<archive>.<number>`. */
  name: z.string().regex(PART),
  bytes: z.int().min(0),
  /** Of the bytes as they are stored. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type BackupPart = z.infer<typeof part>;

const archive = z.object({
  /** `cluster`, `artifacts`, `node` or `logs`. */
  name: z.string().regex(/^[a-z]+$/),
  /** Of the tar, before compression. */
  plainBytes: z.number().min(0),
  parts: z.array(part),
});
export type BackupArchive = z.infer<typeof archive>;

const encryption = z.object({
  kdf: z.literal("scrypt"),
  cost: z.int().min(1024).max(1_048_576),
  blockSize: z.int().min(1).max(32),
  /** Both as base64. */
  salt: z.string().max(100),
  /** The key of the backup, sealed with the one that the passphrase gives. */
  wrappedKey: z.string().max(400),
});
export type BackupEncryption = z.infer<typeof encryption>;

const backupManifest = z.object({
  format: z.literal(backupFormat),
  id: z.string().regex(ID),
  levain: z.string(),
  /** `cluster`: with the PostgreSQL of the node's own; `files`: the databases are on a server that is not the node's. */
  kind: z.enum(["cluster", "files"]),
  trigger: z.enum(["command", "schedule"]),
  startedAtMs: z.number(),
  finishedAtMs: z.number(),
  /** Who made it: name of the machine and data directory. */
  node: z.object({ hostname: z.string(), dataDir: z.string() }),
  postgres: z.object({
    major: z.int(),
    /** Of the cluster; a restored one has the same. Empty without one. */
    systemId: z.string(),
    /** The state that is restored: the log up to here. Empty without one. */
    endLsn: z.string(),
  }),
  /** Keys that seal environment values and database passwords, by id, and whether they are in it. */
  masterKey: z.object({ ids: z.array(z.string()), isIncluded: z.boolean() }),
  encryption: encryption.nullable(),
  /** Settings of the node that were not the default, without secrets. */
  settings: z.record(z.string(), z.json()),
  counts: z.object({ apps: z.int(), databases: z.int(), artifacts: z.int() }),
  archives: z.array(archive),
  /** HMAC of all before it, by the key of an encrypted backup; else null. Hex. */
  mac: z.string().nullable(),
});
export type BackupManifest = z.infer<typeof backupManifest>;

export function newBackupId(wallMs: number, random: Uint8Array): string {
  const time = new Date(wallMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return `${time}-${Buffer.from(random.subarray(0, 3)).toString("hex")}`;
}

export function isBackupId(text: string): boolean {
  return ID.test(text);
}

/** When a backup with that id was begun. Wall-clock milliseconds. */
export function idTimeMs(id: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/.exec(id) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Bytes of all parts. */
export function storedBytes({ archives }: Pick<BackupManifest, "archives">): number {
  return archives.flatMap(({ parts }) => parts).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** @throws {PlatformError} `BACKUP_TOO_NEW`, `BACKUP_DAMAGED` */
export function parseManifest(bytes: Uint8Array, where: string): BackupManifest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new PlatformError("BACKUP_DAMAGED", [where, "manifest.json is not JSON"]);
  }
  const { format } = (value ?? {}) as { format?: unknown };
  if (typeof format === "number" && format > backupFormat) {
    throw new PlatformError("BACKUP_TOO_NEW", [format, backupFormat]);
  }
  const parsed = backupManifest.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const what = `manifest.json: ${issue?.path.join(".")}: ${issue?.message}`;
    throw new PlatformError("BACKUP_DAMAGED", [where, what]);
  }
  return parsed.data;
}

/** As it is stored. */
export function manifestText(manifest: BackupManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** What the MAC is made of. */
export function authenticatedText(manifest: BackupManifest): string {
  return JSON.stringify({ ...manifest, mac: null });
}
