/** What the node and the process that makes a backup say to each other. */
import type { ErrorBody } from "../base/errors.ts";
import type { BackupDone, BackupJob, BackupProgress } from "./make-backup.ts";

export interface ToBackup {
  type: "make";
  job: BackupJob;
}

export type FromBackup =
  | ({ type: "progress" } & BackupProgress)
  /** Again and again, whatever it waits for. */
  | { type: "alive" }
  | { type: "done"; done: BackupDone }
  | { type: "failed"; error: ErrorBody };
