/** Errors of backups, of restoring them, and of dumps. No message has a passphrase or a key in it. */
import type { ErrorRow } from "./error-row.ts";

export const backupErrors = {
  BACKUP_DESTINATION_MISSING: {
    owner: "user",
    status: 400,
    message: () => "Cannot make a backup: nothing says where it is to go",
    remedy: "Name a folder or s3://bucket/prefix with `--to`, or set `backups.to` of the node",
  },
  BACKUP_RUNNING: {
    owner: "user",
    status: 409,
    message: (id: string) => `Cannot begin a backup: ${id} is being made`,
    remedy: "Wait for it; `levain status` shows when it is done",
  },
  BACKUP_FAILED: {
    owner: "platform",
    status: 500,
    message: (what: string) => `Cannot make the backup: ${what}`,
    remedy:
      "Correct what it names and run `levain backup` again; nothing of it is left in the list",
  },
  BACKUP_STORAGE_FAILED: {
    owner: "platform",
    status: 502,
    message: (where: string, what: string) => `Cannot use ${where} for backups: ${what}`,
    remedy:
      "Check the address, the rights there and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL; docs/backup.md has an example",
  },
  BACKUP_NOT_FOUND: {
    owner: "user",
    status: 404,
    message: (where: string) => `Cannot find a backup in ${where}`,
    remedy:
      "Name the folder of one backup, or the folder they are in; `levain backup list` shows them",
  },
  BACKUP_DAMAGED: {
    owner: "platform",
    status: 422,
    message: (where: string, what: string) => `Cannot use the backup ${where}: ${what}`,
    remedy: "Take another one: `levain backup list` shows them, `levain backup verify` checks one",
  },
  BACKUP_TOO_NEW: {
    owner: "user",
    status: 409,
    message: (format: number, known: number) =>
      `Cannot read the backup: it has format ${format}, this Levain knows up to ${known}`,
    remedy: "Use the Levain that made it, or a newer one",
  },
  BACKUP_PASSPHRASE_NEEDED: {
    owner: "user",
    status: 400,
    message: (id: string) => `Cannot open backup ${id}: it is encrypted`,
    remedy: "Give its passphrase with `--passphrase-file` or LEVAIN_BACKUP_PASSPHRASE",
  },
  BACKUP_PASSPHRASE_WRONG: {
    owner: "user",
    status: 400,
    message: (id: string) =>
      `Cannot open backup ${id}: the passphrase is not the one it was made with`,
    remedy: "Give the passphrase that the node had when it made the backup",
  },
  BACKUP_KEY_NEEDED: {
    owner: "user",
    status: 400,
    message: (keyIds: string) =>
      `Cannot restore environment values and database passwords: they need master key ${keyIds}, which is not in the backup`,
    remedy:
      "Give the old node's `master-key` file with `--key`; if it is lost, `--without-key` restores everything that is not sealed",
  },
  DUMP_FAILED: {
    owner: "platform",
    status: 500,
    message: (what: string) => `Cannot dump the database: ${what}`,
    remedy: "Correct what it names and run `levain db dump` again; the database is as it was",
  },
  DUMP_INVALID: {
    owner: "user",
    status: 422,
    message: (what: string) => `Cannot restore the dump: ${what}`,
    remedy:
      "Give a file of `levain db dump`, or of `pg_dump --no-owner --no-privileges`; the branch's database is as it was",
  },
  RESTORE_TARGET_TAKEN: {
    owner: "user",
    status: 409,
    message: (dataDir: string, name: string) => `Cannot restore into ${dataDir}: it has ${name}`,
    remedy: "Name a folder that is empty or not there with `--data-dir`",
  },
  RESTORE_UNFINISHED: {
    owner: "user",
    status: 409,
    message: (dataDir: string, id: string) =>
      `Cannot start the node: ${dataDir} is a restore of ${id} that did not come to its end`,
    remedy: "Run the same `levain restore` again: it begins anew there",
  },
  RESTORE_FAILED: {
    owner: "platform",
    status: 500,
    message: (what: string) => `Cannot restore: ${what}`,
    remedy: "Correct what it names and run `levain restore` again; it begins anew in that folder",
  },
} as const satisfies Record<string, ErrorRow>;
