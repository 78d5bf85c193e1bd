/** A backup's process that does not do what it should. */
import { expect, test } from "bun:test";
import { makeInChild } from "./backup-child.ts";
import type { BackupJob } from "./make-backup.ts";

test("a process that says nothing for its time is ended, and the backup fails", async () => {
  const { signal } = new AbortController();
  const silenceMs = 1;

  const made = makeInChild({} as BackupJob, {}, () => {}, signal, silenceMs);

  await expect(made).rejects.toMatchObject({
    code: "BACKUP_FAILED",
    message: expect.stringContaining("said nothing for 1 ms"),
  });
});

test("a process that is heard has its time again", async () => {
  const { signal } = new AbortController();

  // Longer than it takes to start and to refuse this job.
  const made = makeInChild({} as BackupJob, {}, () => {}, signal, 60_000);

  await expect(made).rejects.toMatchObject({
    code: "BACKUP_FAILED",
    message: expect.not.stringContaining("said nothing"),
  });
});
