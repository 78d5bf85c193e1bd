/**
 * Artifacts on disk, by digest. An artifact is there whole or not at all, and never changes.
 *
 *   (nothing) ──add──▶ .staging-x ──rename──▶ <digest>/ ──remove──▶ .trash-x ──▶ (nothing)
 *
 *   <digest>/files/           what the app sees: files 0444 or 0555
 *   <digest>/manifest.json    its sha256 is the digest
 *
 * A crash leaves `.staging-x` or `.trash-x` behind; `sweep` removes them.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import {
  type ArtifactBounds,
  digestOf,
  listTree,
  type Manifest,
  type ManifestEntry,
  manifestText,
  type TreeEntry,
} from "./artifact-manifest.ts";
import { artifactChunkBytes, artifactCopiesMax, largestFilesMax } from "./limits.ts";

export interface AddedArtifact {
  /** 64 hex digits. */
  digest: string;
  bytes: number;
  files: number;
  /** Its largest files, largest first. */
  largest: { path: string; bytes: number }[];
}

export interface AddOptions {
  /** What is not copied, by path relative to the folder. Default: everything is. */
  leaveOut?: (path: string, isFolder: boolean) => boolean;
  bounds?: ArtifactBounds;
  signal?: AbortSignal;
}

const DIGEST = /^[0-9a-f]{64}$/;

export class ArtifactStore {
  readonly #dir: string;
  /** What is being put in place, by digest. */
  readonly #committing = new Map<string, Promise<void>>();

  /** @param options.dir is made when something is added; its parent exists */
  constructor(options: { dir: string }) {
    this.#dir = options.dir;
  }

  /**
   * Copies a folder into the store. The folder must not change meanwhile. Adding what is there already does nothing,
   * unless what is there has lost files: then it is replaced.
   *
   * @throws {PlatformError} what `listTree` throws; the signal's reason
   */
  async add(folder: string, options: AddOptions = {}): Promise<AddedArtifact> {
    const { leaveOut = () => false, bounds, signal } = options;
    const tree = await listTree(folder, leaveOut, bounds);
    const staging = join(this.#dir, `.staging-${crypto.randomUUID()}`);
    try {
      await mkdir(join(staging, "files"), { recursive: true, mode: 0o755 });
      const entries = await copyTree(tree, folder, join(staging, "files"), signal);
      const text = manifestText(entries);
      const digest = digestOf(text);
      await writeDurably(join(staging, "manifest.json"), text);
      await this.#commit(staging, digest);
      const files = entries.filter((entry) => "bytes" in entry);
      return {
        digest,
        files: files.length,
        bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
        largest: files
          .toSorted((left, right) => right.bytes - left.bytes || (left.path < right.path ? -1 : 1))
          .slice(0, largestFilesMax)
          .map(({ path, bytes }) => ({ path, bytes })),
      };
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  /** What adding a folder would give; nothing is copied. Throws like `add`. */
  async describe(
    folder: string,
    { leaveOut = () => false, bounds, signal }: AddOptions = {},
  ): Promise<{ digest: string; entries: ManifestEntry[] }> {
    const entries: ManifestEntry[] = [];
    for (const entry of await listTree(folder, leaveOut, bounds)) {
      signal?.throwIfAborted();
      entries.push(
        "link" in entry ? entry : { ...entry, sha256: await hashFile(join(folder, entry.path)) },
      );
    }
    return { digest: digestOf(manifestText(entries)), entries };
  }

  /** Files and links of an artifact. @throws {PlatformError} `ARTIFACT_MISSING` */
  async entries(digest: string): Promise<readonly ManifestEntry[]> {
    this.path(digest);
    return (await this.#manifest(digest)).entries;
  }

  has(digest: string): boolean {
    return DIGEST.test(digest) && existsSync(join(this.#dir, digest, "manifest.json"));
  }

  /**
   * The folder that an instance runs in.
   *
   * @throws {PlatformError} `ARTIFACT_MISSING`
   */
  path(digest: string): string {
    if (!this.has(digest)) throw new PlatformError("ARTIFACT_MISSING", [digest]);
    return join(this.#dir, digest, "files");
  }

  /**
   * Reads every byte of an artifact and compares.
   *
   * @returns what is wrong: nothing, when the list is empty
   * @throws {PlatformError} `ARTIFACT_MISSING`
   */
  async verify(digest: string): Promise<string[]> {
    const files = this.path(digest);
    const wrong = await this.#missing(digest);
    if (wrong.length > 0) return wrong;
    for (const entry of (await this.#manifest(digest)).entries) {
      if ("link" in entry) continue;
      const read = await hashFile(join(files, entry.path));
      if (read !== entry.sha256) wrong.push(`${entry.path}: its bytes have changed`);
    }
    return wrong;
  }

  /** Removes an artifact at once for everybody who asks, then its files. Absent is fine. */
  async remove(digest: string): Promise<void> {
    if (!DIGEST.test(digest)) return;
    const trash = join(this.#dir, `.trash-${crypto.randomUUID()}`);
    try {
      await rename(join(this.#dir, digest), trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    await rm(trash, { recursive: true, force: true });
  }

  /** Of an artifact's files, as its manifest says; 0 when it cannot be read. */
  async bytesOf(digest: string): Promise<number> {
    const manifest = await this.#manifest(digest).catch(() => null);
    return (manifest?.entries ?? []).reduce(
      (sum, entry) => sum + ("bytes" in entry ? entry.bytes : 0),
      0,
    );
  }

  /** Every digest there is, sorted. */
  async list(): Promise<string[]> {
    return (await this.#names()).filter((name) => DIGEST.test(name)).sort();
  }

  /**
   * Removes what a crash left half-written. Call it before anything is added.
   *
   * @param referenced when given, whole artifacts that are not in it are removed too
   */
  async sweep(referenced?: ReadonlySet<string>): Promise<void> {
    for (const name of await this.#names()) {
      const isHalf = name.startsWith(".staging-") || name.startsWith(".trash-");
      const isUnused = referenced !== undefined && DIGEST.test(name) && !referenced.has(name);
      if (isUnused) await this.remove(name);
      else if (isHalf) await rm(join(this.#dir, name), { recursive: true, force: true });
    }
  }

  /** One digest is put in place by one at a time: an incomplete artifact is taken away before a whole one comes. */
  #commit(staging: string, digest: string): Promise<void> {
    const before = this.#committing.get(digest) ?? Promise.resolve();
    const put = () => this.#put(staging, digest);
    const committed = before.then(put, put).finally(() => {
      if (this.#committing.get(digest) === committed) this.#committing.delete(digest);
    });
    this.#committing.set(digest, committed);
    return committed;
  }

  async #put(staging: string, digest: string): Promise<void> {
    if (this.has(digest) && (await this.#missing(digest)).length === 0) return;
    await this.remove(digest);
    await rename(staging, join(this.#dir, digest));
    await syncFolder(this.#dir);
  }

  /** What the manifest lists and the disk does not have in that size. */
  async #missing(digest: string): Promise<string[]> {
    const text = await readFile(join(this.#dir, digest, "manifest.json"), "utf8").catch(() => "");
    if (digestOf(text) !== digest) return ["manifest.json: it is not the one that gave the digest"];
    const wrong: string[] = [];
    for (const entry of (JSON.parse(text) as Manifest).entries) {
      if ("link" in entry) continue;
      const facts = await stat(join(this.#dir, digest, "files", entry.path)).catch(() => null);
      if (facts === null) wrong.push(`${entry.path}: it is missing`);
      else if (facts.size !== entry.bytes) {
        wrong.push(`${entry.path}: it has ${facts.size} bytes, not ${entry.bytes}`);
      }
    }
    return wrong;
  }

  async #manifest(digest: string): Promise<Manifest> {
    return JSON.parse(await readFile(join(this.#dir, digest, "manifest.json"), "utf8"));
  }

  async #names(): Promise<string[]> {
    return readdir(this.#dir).catch((error) => {
      if (error.code === "ENOENT") return [];
      throw error;
    });
  }
}

async function copyTree(
  tree: readonly TreeEntry[],
  from: string,
  to: string,
  signal: AbortSignal | undefined,
): Promise<ManifestEntry[]> {
  const folders = new Set(tree.map(({ path }) => dirname(path)));
  for (const folder of folders) await mkdir(join(to, folder), { recursive: true, mode: 0o755 });
  const entries: ManifestEntry[] = [];
  const pending = tree.values();
  // Every worker takes the next file from the one iterator.
  const work = async () => {
    for (const entry of pending) {
      signal?.throwIfAborted();
      entries.push(await copyEntry(entry, from, to));
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: artifactCopiesMax }, work));
  for (const worker of workers) if (worker.status === "rejected") throw worker.reason;
  for (const folder of folders) await syncFolder(join(to, folder));
  return entries;
}

async function copyEntry(entry: TreeEntry, from: string, to: string): Promise<ManifestEntry> {
  const target = join(to, entry.path);
  if ("link" in entry) {
    await symlink(entry.link, target);
    return entry;
  }
  // Bytes are copied, never linked: an installer's cache may share the original with other builds.
  await using source = await open(join(from, entry.path), "r");
  await using copy = await open(target, "wx", 0o644);
  const hasher = new Bun.CryptoHasher("sha256");
  const buffer = Buffer.allocUnsafe(Math.min(artifactChunkBytes, entry.bytes + 1));
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await source.read(buffer, 0, buffer.length);
    if (bytesRead === 0) break;
    const piece = buffer.subarray(0, bytesRead);
    hasher.update(piece);
    // A disk that fills up takes a part of a piece; the next write then says why.
    for (let at = 0; at < piece.length; ) at += (await copy.write(piece, at)).bytesWritten;
    bytes += bytesRead;
  }
  if (bytes !== entry.bytes) {
    throw new PlatformError("BUILD_FAILED", [
      `${entry.path} changed while it was copied into the artifact`,
    ]);
  }
  await copy.chmod(entry.executable ? 0o555 : 0o444);
  await copy.sync();
  return { ...entry, sha256: hasher.digest("hex") };
}

async function hashFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of Bun.file(path).stream()) hasher.update(chunk);
  return hasher.digest("hex");
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, "wx", 0o644);
  await file.writeFile(text);
  await file.sync();
  await chmod(path, 0o444);
}

/** Makes the names in a folder survive a loss of power. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
