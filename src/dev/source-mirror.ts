/**
 * A folder with the files of a project that a deploy would take, kept like them: what the app's processes see. A changed
 * file is put in the place of the old one, so that a process which has a link to the old one keeps it as it was.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { listSourceFiles, type SourceFiles } from "../deploy/source-files.ts";

export interface MirrorChange {
  /** Paths that are new, different or gone, relative to the project; quiet files are not in it. */
  changed: string[];
  /** Every folder of the project that was looked into. Absolute paths. */
  folders: string[];
  skipped: SourceFiles["skipped"];
}

export class SourceMirror {
  readonly #source: string;
  readonly #folder: string;
  readonly #isQuiet: (path: string) => boolean;
  /** By path: what says whether a file is another one than the one that was copied. */
  readonly #known = new Map<string, string>();

  /**
   * @param source the project
   * @param folder is made, and filled by `sync`; its owner removes it
   * @param isQuiet whether a file, by its absolute path, only comes along when another one has changed
   */
  constructor(source: string, folder: string, isQuiet: (path: string) => boolean) {
    this.#source = source;
    this.#isQuiet = isQuiet;
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    chmodSync(folder, 0o755);
  }

  /** @throws {PlatformError} what `listSourceFiles` throws: what could not be deployed is not served here either */
  async sync(): Promise<MirrorChange> {
    const { files, folders, skipped } = await listSourceFiles(this.#source);
    const changed: string[] = [];
    const gone = new Set(this.#known.keys());
    const quiet: string[] = [];
    for (const { path } of files) {
      gone.delete(path);
      if (this.#isQuiet(join(this.#source, path))) {
        quiet.push(path);
        continue;
      }
      const mark = markOf(join(this.#source, path));
      if (mark === this.#known.get(path)) continue;
      changed.push(path);
      // Removed since it was listed: the next look tells.
      if (mark !== null && this.#copy(path)) this.#known.set(path, mark);
      else gone.add(path);
    }
    for (const path of gone) {
      rmSync(join(this.#folder, path), { recursive: true, force: true });
      if (this.#known.delete(path) && !this.#isQuiet(join(this.#source, path))) changed.push(path);
    }
    for (const path of changed.length === 0 ? [] : quiet) {
      const mark = markOf(join(this.#source, path));
      if (mark === null || mark === this.#known.get(path)) continue;
      if (this.#copy(path)) this.#known.set(path, mark);
    }
    const absolute = folders.map((path) => join(this.#source, path));
    return { changed: [...new Set(changed)], folders: absolute, skipped };
  }

  /**
   * Files whose content is another one than at the last `sync`; not those that are new or gone, which builds make and remove.
   * Relative to the project.
   */
  edited(): string[] {
    return [...this.#known].flatMap(([path, known]) => {
      const source = join(this.#source, path);
      if (this.#isQuiet(source)) return [];
      return isEdited(source, known, join(this.#folder, path)) ? [path] : [];
    });
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

/** False also when it is gone or cannot be read: `sync` tells. */
function isEdited(source: string, knownMark: string, copy: string): boolean {
  try {
    const mark = markOf(source);
    if (mark === null || mark === knownMark) return false;
    if (statSync(source).size !== statSync(copy).size) return true;
    return !readFileSync(source).equals(readFileSync(copy));
  } catch {
    return false;
  }
}
