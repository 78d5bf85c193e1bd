/**
 * Says that something in a project may have changed. Which folders are watched is told by who lists the project's files,
 * so that `node_modules` and what Git ignores cost nothing; what changed is found by looking, never by what the kernel said.
 *
 *   event ──▶ quiet for `saveQuietMs` ──▶ onChange()      events meanwhile begin the quiet again, up to `saveQuietMsMax`
 */
import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";
import { saveQuietMs, saveQuietMsMax, watchedFoldersMax } from "./limits.ts";

export class FolderWatch {
  readonly #onChange: () => void;
  readonly #isQuiet: (path: string) => boolean;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #firstEventMs: number | null = null;
  #isStopped = false;

  /**
   * @param onChange may be called when nothing changed
   * @param isQuiet whether a file, by its absolute path, is none whose change is told
   */
  constructor(onChange: () => void, isQuiet: (path: string) => boolean) {
    this.#onChange = onChange;
    this.#isQuiet = isQuiet;
  }

  /**
   * Watches exactly these folders from now on, each without what is below it. Absolute paths.
   *
   * @returns whether any is new, or was made anew: what changed there before now has not been told
   */
  follow(folders: readonly string[]): boolean {
    const wanted = new Set(folders.slice(0, watchedFoldersMax));
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    let isNew = false;
    for (const folder of wanted) {
      if (this.#isStopped || this.#watchers.has(folder)) continue;
      isNew = this.#add(folder) || isNew;
    }
    return isNew;
  }

  /** Twice is safe. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #add(folder: string): boolean {
    try {
      const watcher = watch(folder, (_kind, name) => {
        if (name === null || !this.#isQuiet(join(folder, name))) this.#changed();
      });
      // The folder itself is gone; its parent tells, and a folder of that name is another one.
      watcher.on("error", () => this.#drop(folder));
      this.#watchers.set(folder, watcher);
      return true;
    } catch {
      // It is gone already, or the kernel's list is full: its files are looked at when another one changes.
      return false;
    }
  }

  #drop(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
    this.#changed();
  }

  #changed(): void {
    if (this.#isStopped) return;
    const nowMs = performance.now();
    this.#firstEventMs ??= nowMs;
    const leftMs = this.#firstEventMs + saveQuietMsMax - nowMs;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#firstEventMs = null;
        this.#onChange();
      },
      Math.max(0, Math.min(saveQuietMs, leftMs)),
    );
  }
}
