/**
 * What is in an artifact, as one text. Its sha256 is the artifact's name: the same paths, bytes, links and executable
 * bits give the same name, and dates, owners and the order on disk do not count. Pure, except for `listTree`.
 */
import { readdir, readlink, stat } from "node:fs/promises";
import { join, posix, relative } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { artifactBytesMax, artifactFilesMax } from "./limits.ts";

export type ManifestEntry =
  | { path: string; bytes: number; executable: boolean; sha256: string }
  /** A symlink; its target is relative and inside the artifact. */
  | { path: string; link: string };

export interface Manifest {
  /** Of this format. */
  format: 1;
  /** Sorted by the bytes of their paths. */
  entries: ManifestEntry[];
}

/** Something of a folder that goes into an artifact, before it was read. */
export type TreeEntry =
  | { path: string; bytes: number; executable: boolean }
  | { path: string; link: string };

export interface ArtifactBounds {
  bytesMax: number;
  filesMax: number;
}

export const ARTIFACT_BOUNDS: ArtifactBounds = {
  bytesMax: artifactBytesMax,
  filesMax: artifactFilesMax,
};

/** The canonical text: what is written to manifest.json and hashed. */
export function manifestText(entries: readonly ManifestEntry[]): string {
  const sorted = entries.toSorted((left, right) =>
    Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)),
  );
  const lines = sorted.map((entry) =>
    "link" in entry
      ? JSON.stringify({ path: entry.path, link: entry.link })
      : JSON.stringify({
          path: entry.path,
          bytes: entry.bytes,
          executable: entry.executable,
          sha256: entry.sha256,
        }),
  );
  return `{"format":1,"entries":[\n${lines.join(",\n")}\n]}\n`;
}

/** sha256 of a manifest's text, 64 hex digits. */
export function digestOf(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}

/**
 * Everything below a folder. Empty folders do not count.
 *
 * @param leaveOut called with a path and whether it is a folder; what it says yes to is not in the artifact
 * @throws {PlatformError} `ARTIFACT_TOO_LARGE`; `BUILD_FAILED` for too many files, a link that leads outside, a name
 *   that is not UTF-8, or what is neither file, folder nor link
 */
export async function listTree(
  folder: string,
  leaveOut: (path: string, isFolder: boolean) => boolean,
  bounds: ArtifactBounds = ARTIFACT_BOUNDS,
): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  let bytes = 0;
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const item of await readdir(join(folder, path), { withFileTypes: true })) {
      const itemPath = path === "" ? item.name : `${path}/${item.name}`;
      if (leaveOut(itemPath, item.isDirectory())) continue;
      refuseUnreadable(itemPath);
      if (item.isDirectory()) {
        pending.push(itemPath);
      } else if (item.isSymbolicLink()) {
        entries.push({ path: itemPath, link: await insideLink(folder, itemPath) });
      } else if (item.isFile()) {
        const facts = await stat(join(folder, itemPath));
        entries.push({ path: itemPath, bytes: facts.size, executable: (facts.mode & 0o100) !== 0 });
        bytes += facts.size;
      } else {
        throw new PlatformError("BUILD_FAILED", [`${itemPath} is neither a file nor a folder`]);
      }
      if (bytes > bounds.bytesMax) throw tooLarge(entries, bytes, bounds.bytesMax);
      if (entries.length > bounds.filesMax) {
        throw new PlatformError("BUILD_FAILED", [
          `the artifact would have more than ${bounds.filesMax} files`,
        ]);
      }
    }
  }
  return entries;
}

/**
 * A name that is not UTF-8 is shown with another character in its place, and nothing can be done with what is shown.
 *
 * @param path as it was read from a folder
 * @throws {PlatformError} `BUILD_FAILED`
 */
export function refuseUnreadable(path: string): void {
  if (!path.includes("\uFFFD")) return;
  throw new PlatformError("BUILD_FAILED", [`${path} has a name that is not UTF-8`]);
}

function tooLarge(entries: readonly TreeEntry[], bytes: number, bytesMax: number): PlatformError {
  const files = entries.filter((entry) => "bytes" in entry);
  const largest = files.toSorted((left, right) => right.bytes - left.bytes).slice(0, 5);
  return new PlatformError("ARTIFACT_TOO_LARGE", [bytes, bytesMax], { detail: { largest } });
}

/** A link's target, relative to where the link is. */
async function insideLink(folder: string, path: string): Promise<string> {
  const given = await readlink(join(folder, path));
  const here = posix.dirname(path);
  // Installers also write absolute targets; inside the folder they mean the same place of the artifact.
  const target = given.startsWith("/")
    ? relative(join(folder, here), given)
    : posix.normalize(given);
  const reached = posix.join(here, target);
  if (reached === ".." || reached.startsWith("../")) {
    throw new PlatformError("BUILD_FAILED", [
      `${path} is a link to ${given}, which is outside of the project`,
    ]);
  }
  return target;
}
