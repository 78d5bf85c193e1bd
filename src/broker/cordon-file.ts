/**
 * A file with one cordoned machine a line; `#` begins a comment. One that is missing names nobody. It may be replaced, or be a link
 * that is led elsewhere (as Kubernetes mounts a ConfigMap): its folder is watched, and it is looked at now and then anyway.
 */
import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { CordonSource, CordonTeller } from "./cordon.ts";
import { cordonFileBytesMax, cordonFileLookMs } from "./limits.ts";

export class FileCordon implements CordonSource {
  readonly name: string;
  readonly #path: string;
  readonly #lookMs: number;
  #teller: CordonTeller | null = null;
  #watcher: FSWatcher | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #isFirst = true;
  #isLooking = false;
  /** It has changed while it was looked at. */
  #isStale = false;

  /** @param lookMs between two looks that nothing calls for. Milliseconds. */
  constructor(path: string, lookMs = cordonFileLookMs) {
    this.#path = path;
    this.#lookMs = lookMs;
    this.name = path;
  }

  start(teller: CordonTeller): void {
    this.#teller = teller;
    this.#timer = setInterval(() => this.#look(), this.#lookMs);
    this.#look();
  }

  close(): void {
    this.#teller = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#unwatch();
  }

  #look(): void {
    this.#watch();
    this.#isStale = this.#isLooking;
    if (!this.#isLooking) void this.#read();
  }

  async #read(): Promise<void> {
    this.#isLooking = true;
    try {
      const machines = await readMachines(this.#path);
      // Its path may be wrong, which is worth a line; later it is somebody's way to cordon nobody.
      if (machines === null && this.#isFirst) this.#teller?.failed("there is no such file yet");
      this.#teller?.saw(machines ?? new Set());
    } catch (error) {
      this.#teller?.failed((error as Error).message);
    }
    this.#isFirst = false;
    this.#isLooking = false;
    if (this.#isStale && this.#teller !== null) this.#look();
  }

  /** Without the watcher a change is seen at the next look. */
  #watch(): void {
    if (this.#watcher !== null || this.#teller === null) return;
    try {
      const own = basename(this.#path);
      this.#watcher = watch(dirname(this.#path), (_kind, name) => {
        // Kubernetes leads a link named `..data` elsewhere; anything else there is not ours.
        if (name === null || name === own || name.startsWith("..")) this.#look();
      });
      // The folder has gone; the next look finds another one of that name.
      this.#watcher.on("error", () => this.#unwatch());
    } catch {
      // There is no such folder yet.
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

/**
 * @returns null when there is none
 * @throws when it is there and cannot be read, or is too long
 */
async function readMachines(path: string): Promise<Set<string> | null> {
  try {
    const stats = await stat(path);
    // Reading a pipe would never end.
    if (!stats.isFile()) throw new Error("it is no file");
    const { size } = stats;
    if (size > cordonFileBytesMax) {
      throw new Error(`it has ${size} bytes, at most ${cordonFileBytesMax}`);
    }
    return machinesIn(await readFile(path, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

export function machinesIn(text: string): Set<string> {
  const lines = text.split("\n").map((line) => line.replace(/#.*$/, "").trim());
  return new Set(lines.filter((line) => line !== ""));
}
