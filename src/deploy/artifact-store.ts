/**
 * The artifacts of a node: built folders, named by the sha256 of their manifest.
 *
 *   artifacts/<digest>/files/…          what the app sees, read-only
 *   artifacts/<digest>/manifest.txt     one line a file: mode, size, sha256, path; sorted
 *   artifacts/.new-<random>/            on its way in
 *
 * Written under another name and renamed, so that a digest that exists is whole. The same files give the same digest,
 * wherever and whenever they were built.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { artifactBytesMax, artifactFilesMax } from "./limits.ts";

export interface Artifact {
  digest: string;
  /** Sum of the files' sizes. */
  bytes: number;
  files: number;
}

interface Entry {
  path: string;
  /** `f` file, `x` executable, `l` symlink inside the artifact. */
  mode: "f" | "x" | "l";
  bytes: number;
  /** Of the content, or of a link's target. */
  sha256: string;
}

const STAGED = ".new-";

export class ArtifactStore {
  readonly #dir: string;

  constructor({ dir }: { dir: string }) {
    this.#dir = dir;
  }

  /**
   * Keeps a copy of `folder`. Adding the same again changes nothing.
   *
   * @throws {PlatformError} `ARTIFACT_TOO_LARGE`
   */
  async add(
    folder: string,
    bounds = { bytesMax: artifactBytesMax, filesMax: artifactFilesMax },
  ): Promise<Artifact> {
    const staged = join(this.#dir, `${STAGED}${randomBytes(6).toString("hex")}`);
    await mkdir(join(staged, "files"), { recursive: true });
    try {
      const entries = await copyTree(folder, join(staged, "files"), bounds);
      const manifest = manifestOf(entries);
      const digest = createHash("sha256").update(manifest).digest("hex");
      await writeFile(join(staged, "manifest.txt"), manifest, { mode: 0o444, flush: true });
      await this.#place(staged, digest);
      return {
        digest,
        bytes: entries.reduce((sum, entry) => sum + entry.bytes, 0),
        files: entries.length,
      };
    } finally {
      await rm(staged, { recursive: true, force: true });
    }
  }

  /** Folder of an artifact's files. @throws {PlatformError} `ARTIFACT_MISSING` */
  path(digest: string): string {
    const path = join(this.#dir, digest, "files");
    if (!existsSync(path)) throw new PlatformError("ARTIFACT_MISSING", [digest]);
    return path;
  }

  has(digest: string): boolean {
    return existsSync(join(this.#dir, digest, "manifest.txt"));
  }

  /** Whether the files still are what the digest says. */
  async verify(digest: string): Promise<boolean> {
    const entries: Entry[] = [];
    for await (const path of walk(this.path(digest))) {
      entries.push(await entryOf(this.path(digest), path));
    }
    return createHash("sha256").update(manifestOf(entries)).digest("hex") === digest;
  }

  /** Removes an artifact that no version names any more. Twice is safe. */
  async remove(digest: string): Promise<void> {
    const leaving = join(this.#dir, `${STAGED}${randomBytes(6).toString("hex")}`);
    try {
      // A removal that is cut short must not leave half an artifact under its name.
      await rename(join(this.#dir, digest), leaving);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return;
    }
    await rm(leaving, { recursive: true, force: true });
  }

  /** Digests that are there. */
  async list(): Promise<string[]> {
    const names = await readdir(this.#dir).catch(() => []);
    return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).sort();
  }

  /** Removes what a killed node left half-written. Call it before anything is added. */
  async sweep(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o755 });
    for (const name of await readdir(this.#dir)) {
      if (name.startsWith(STAGED))
        await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  async #place(staged: string, digest: string): Promise<void> {
    if (this.has(digest)) return;
    try {
      await rename(staged, join(this.#dir, digest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // Somebody else added the same meanwhile.
      if ((code === "ENOTEMPTY" || code === "EEXIST") && this.has(digest)) return;
      throw error;
    }
    const dir = await open(this.#dir, "r");
    try {
      await dir.sync();
    } finally {
      await dir.close();
    }
  }
}

/** One line a file, in an order that no file system decides. */
function manifestOf(entries: readonly Entry[]): string {
  return [...entries]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ mode, bytes, sha256, path }) => `${mode} ${bytes} ${sha256} ${JSON.stringify(path)}\n`)
    .join("");
}

async function copyTree(
  from: string,
  to: string,
  bounds: { bytesMax: number; filesMax: number },
): Promise<Entry[]> {
  const entries: Entry[] = [];
  let bytes = 0;
  for await (const path of walk(from)) {
    const entry = await entryOf(from, path);
    bytes += entry.bytes;
    if (bytes > bounds.bytesMax || entries.length >= bounds.filesMax) {
      throw new PlatformError("ARTIFACT_TOO_LARGE", [bytes, bounds.bytesMax]);
    }
    entries.push(entry);
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true });
    if (entry.mode === "l") {
      await symlink(await readlink(join(from, path)), target);
      continue;
    }
    await copyFile(join(from, path), target);
    await chmod(target, entry.mode === "x" ? 0o555 : 0o444);
  }
  return entries;
}

/** Paths of the files and links below a folder; sockets, devices and links that leave the folder are passed over. */
async function* walk(root: string, below = ""): AsyncGenerator<string> {
  const names = await readdir(join(root, below), { withFileTypes: true });
  for (const entry of names) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, path);
    else if (entry.isFile()) yield path;
    else if (entry.isSymbolicLink()) {
      const target = await readlink(join(root, path));
      const inside = normalize(join(dirname(path), target));
      if (!target.startsWith("/") && inside !== ".." && !inside.startsWith("../")) yield path;
    }
  }
}

async function entryOf(root: string, path: string): Promise<Entry> {
  const stats = await lstat(join(root, path));
  if (stats.isSymbolicLink()) {
    const target = await readlink(join(root, path));
    return { path, mode: "l", bytes: 0, sha256: createHash("sha256").update(target).digest("hex") };
  }
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(join(root, path))) hash.update(chunk as Buffer);
  const mode = (stats.mode & 0o111) === 0 ? "f" : "x";
  return { path, mode, bytes: stats.size, sha256: hash.digest("hex") };
}
