/**
 * A folder with the files of a project that a deploy would take, kept like them: what the app's processes see. A changed
 * file is put in the place of the old one, so that a process which has a link to the old one keeps it as it was.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { listSourceFiles, type SourceFiles } from "../deploy/source-files.ts";

export interface MirrorChange {
  /** Paths that are new, different or gone, relative to the project. */
  changed: string[];
  /** Every folder of the project that was looked into. Absolute paths. */
  folders: string[];
  skipped: SourceFiles["skipped"];
}

export class SourceMirror {
  readonly #source: string;
  readonly #folder: string;
  /** By path: what says whether a file is another one than the one that was copied. */
  readonly #known = new Map<string, string>();

  /**
   * @param source the project
   * @param folder is made, and filled by `sync`; its owner removes it
   */
  constructor(source: string, folder: string) {
    this.#source = source;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    chmodSync(folder, 0o755);
  }

  /** @throws {PlatformError} what `listSourceFiles` throws: what could not be deployed is not served here either */
  async sync(): Promise<MirrorChange> {
    const { files, folders, skipped } = await listSourceFiles(this.#source);
    const changed: string[] = [];
    const gone = new Set(this.#known.keys());
    for (const { path } of files) {
      gone.delete(path);
      const mark = markOf(join(this.#source, path));
      if (mark === this.#known.get(path)) continue;
      changed.push(path);
      // Removed since it was listed: the next look tells.
      if (mark !== null && this.#copy(path)) this.#known.set(path, mark);
      else gone.add(path);
    }
    for (const path of gone) {
      rmSync(join(this.#folder, path), { recursive: true, force: true });
      if (this.#known.delete(path)) changed.push(path);
    }
    const absolute = folders.map((path) => join(this.#source, path));
    return { changed: [...new Set(changed)], folders: absolute, skipped };
  }

  #copy(path: string): boolean {
    const target = join(this.#folder, path);
    const staged = `${target}.levain-new`;
    try {
      mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
      copyFileSync(join(this.#source, path), staged, constants.COPYFILE_FICLONE);
      const { mode } = statSync(staged);
      // Apps may run as another user.
      chmodSync(staged, (mode & 0o111) === 0 ? 0o644 : 0o755);
      renameSync(staged, target);
      return true;
    } catch {
      rmSync(staged, { force: true });
      return false;
    }
  }
}

/** Null for what is not there. */
function markOf(path: string): string | null {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts === undefined ? null : `${facts.ino} ${facts.size} ${facts.mtimeMs} ${facts.mode}`;
}
