/**
 * Writes the files of a tar below a folder that nobody else uses, and nowhere else. Links come last, so that no path of the
 * tar can lead through one.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { TarFile, TarSink } from "./tar-reader.ts";

export interface TreeModes {
  folder: number;
  file: number;
  executable: number;
}

export class TreeWriter {
  readonly #root: string;
  readonly #modes: TreeModes;
  readonly #owner: { uid: number; gid: number } | null;
  readonly #folders = new Set<string>();
  readonly #links: { path: string; target: string }[] = [];

  /** @param root exists, or is made */
  constructor(root: string, modes: TreeModes, owner: { uid: number; gid: number } | null = null) {
    this.#root = root;
    this.#modes = modes;
    this.#owner = owner;
    mkdirSync(root, { recursive: true, mode: modes.folder });
    this.#own(root);
    this.#folders.add(root);
  }

  /** @throws for a path that would lead out of the root */
  open(file: TarFile): TarSink {
    const path = this.#pathOf(file.path);
    if (file.kind === "folder") {
      this.#makeFolder(path);
      return ignoring;
    }
    this.#makeFolder(dirname(path));
    if (file.kind === "link") {
      this.#links.push({ path, target: file.target });
      return ignoring;
    }
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    const mode = file.isExecutable ? this.#modes.executable : this.#modes.file;
    const fd = openSync(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600);
    return {
      data(bytes) {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      },
      end: () => {
        // Whatever the umask of this process is.
        fchmodSync(fd, mode);
        if (this.#owner !== null) fchownSync(fd, this.#owner.uid, this.#owner.gid);
        closeSync(fd);
      },
    };
  }

  /** Makes what had to wait. */
  finish(): void {
    for (const { path, target } of this.#links) symlinkSync(target, path);
  }

  #pathOf(path: string): string {
    const parts = path.replace(/^(\.\/)+/, "").split("/");
    const isBad = (part: string) =>
      part === "" || part === "." || part === ".." || part.includes("\0");
    if (parts.some(isBad)) throw new Error(`"${path}" is no path below a folder`);
    return join(this.#root, ...parts);
  }

  #makeFolder(path: string): void {
    if (this.#folders.has(path)) return;
    this.#makeFolder(dirname(path));
    mkdirSync(path, { mode: this.#modes.folder });
    this.#own(path);
    this.#folders.add(path);
  }

  #own(path: string): void {
    chmodSync(path, this.#modes.folder);
    if (this.#owner !== null) chownSync(path, this.#owner.uid, this.#owner.gid);
  }
}

const ignoring: TarSink = { data() {}, end() {} };
