/**
 * Backups in a folder.
 *
 *   <folder>/.unfinished-<id>/ ──manifest, sync, rename──▶ <folder>/<id>/ ──remove──▶ .removed-<id>/ ──▶ (nothing)
 *
 * Whoever makes one holds a lock (flock) in its folder, which ends with the process: what has none was left by a killed one.
 */
import { closeSync, openSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDiskFull, messageOf, PlatformError } from "../base/errors.ts";
import { tryLockExclusive } from "../sandbox/libc.ts";
import { isBackupId } from "./backup-manifest.ts";
import { backupsListedMax } from "./limits.ts";
import type { BackupStorage, UnfinishedBackup } from "./storage.ts";

const UNFINISHED = ".unfinished-";
const REMOVED = ".removed-";
const LOCK = "lock";

export class FolderStorage implements BackupStorage {
  readonly where: string;

  /** @param folder absolute; made, with what is above it, when a backup is begun */
  constructor(folder: string) {
    this.where = folder;
  }

  async ids(): Promise<string[]> {
    const ids = (await this.#names()).filter(isBackupId).sort().reverse();
    const there: string[] = [];
    for (const id of ids.slice(0, backupsListedMax)) {
      const manifest = await stat(join(this.where, id, "manifest.json")).catch(() => null);
      if (manifest?.isFile()) there.push(id);
    }
    return there;
  }

  async begin(id: string): Promise<UnfinishedBackup> {
    const folder = join(this.where, UNFINISHED + id);
    const fd = await this.#do(async () => {
      await mkdir(this.where, { recursive: true, mode: 0o700 });
      await mkdir(folder, { mode: 0o700 });
      return openSync(join(folder, LOCK), "wx", 0o600);
    });
    tryLockExclusive(fd);
    let isHeld = true;
    const release = () => {
      if (isHeld) closeSync(fd);
      isHeld = false;
    };
    return {
      put: (name, bytes) => this.#do(() => writeDurably(join(folder, name), bytes)),
      commit: (manifest) =>
        this.#do(async () => {
          await writeDurably(join(folder, "manifest.json"), manifest);
          await rm(join(folder, LOCK), { force: true });
          await syncFolder(folder);
          await rename(folder, join(this.where, id));
          await syncFolder(this.where);
          release();
        }),
      discard: async () => {
        await rm(folder, { recursive: true, force: true }).catch(() => {});
        release();
      },
    };
  }

  async read(id: string, name: string, bytesMax: number): Promise<Uint8Array> {
    const path = join(this.where, id, name);
    try {
      await using file = await open(path, "r");
      const { size } = await file.stat();
      if (size > bytesMax) {
        throw new PlatformError("BACKUP_DAMAGED", [id, `${name} has ${size} bytes`]);
      }
      const bytes = Buffer.allocUnsafe(size);
      for (let at = 0; at < size; ) {
        const { bytesRead } = await file.read(bytes, at, size - at, at);
        if (bytesRead === 0) throw new PlatformError("BACKUP_DAMAGED", [id, `${name} is cut off`]);
        at += bytesRead;
      }
      return bytes;
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      if ((error as NodeJS.ErrnoException).code === "ENOENT") {
        throw new PlatformError("BACKUP_DAMAGED", [id, `${name} is missing`]);
      }
      throw this.#failed(error);
    }
  }

  async remove(id: string): Promise<void> {
    await this.#do(async () => {
      const removed = join(this.where, REMOVED + id);
      await rename(join(this.where, id), removed);
      await rm(removed, { recursive: true, force: true });
    });
  }

  async sweep(): Promise<string[]> {
    const swept: string[] = [];
    for (const name of await this.#names()) {
      const isLeft =
        name.startsWith(REMOVED) ||
        (name.startsWith(UNFINISHED) && !isLocked(join(this.where, name, LOCK)));
      if (!isLeft) continue;
      await this.#do(() => rm(join(this.where, name), { recursive: true, force: true }));
      swept.push(name.replace(/^\.[a-z]+-/, ""));
    }
    return swept;
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.where);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw this.#failed(error);
    }
  }

  async #do<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): PlatformError {
    const what = isDiskFull(error) ? "its disk is full" : messageOf(error);
    return new PlatformError("BACKUP_STORAGE_FAILED", [this.where, what], { cause: error });
  }
}

/** Whether a process that lives makes it. */
function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r+");
  } catch {
    return false;
  }
  try {
    return !tryLockExclusive(fd);
  } finally {
    closeSync(fd);
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  for (let at = 0; at < bytes.length; ) {
    at += (await file.write(bytes, at)).bytesWritten;
  }
  await file.sync();
}

/** Makes the names in a folder survive a loss of power. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
