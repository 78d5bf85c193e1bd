/**
 * The process that makes one backup for a node: hashing and compressing all it has would keep requests waiting. Runs at a low
 * priority and ends with the node.
 */
import { constants, setPriority } from "node:os";
import { asPlatformError, isDiskFull, messageOf, PlatformError } from "../base/errors.ts";
import { serveNode } from "../sandbox/child-of-node.ts";
import type { FromBackup, ToBackup } from "./backup-protocol.ts";
import { aliveMs, backupTimeoutMs, progressMs } from "./limits.ts";
import { type BackupJob, makeBackup } from "./make-backup.ts";

// The keys of the node and all data pass through its memory.
serveNode(({ job }: ToBackup) => make(job));
setPriority(constants.priority.PRIORITY_LOW);
setInterval(() => send({ type: "alive" }), aliveMs);

async function make(job: BackupJob): Promise<void> {
  setTimeout(() => fail(failed(`it took longer than ${backupTimeoutMs} ms`)), backupTimeoutMs);
  let saidMs = Number.NEGATIVE_INFINITY;
  let archive = "";
  try {
    const done = await makeBackup(job, {
      wallMs: () => Date.now(),
      onProgress(progress) {
        const nowMs = performance.now();
        if (progress.archive === archive && nowMs - saidMs < progressMs) return;
        saidMs = nowMs;
        archive = progress.archive;
        send({ type: "progress", ...progress });
      },
    });
    send({ type: "done", done });
  } catch (error) {
    fail(error);
  }
}

function fail(thrown: unknown): void {
  const error =
    thrown instanceof PlatformError
      ? thrown
      : failed(isDiskFull(thrown) ? "a disk is full" : messageOf(thrown), thrown);
  send({ type: "failed", error: asPlatformError(error).toBody() });
}

function failed(what: string, cause?: unknown): PlatformError {
  return new PlatformError("BACKUP_FAILED", [what], { cause });
}

function send(message: FromBackup): void {
  process.send?.(message);
}
