/**
 * What the build looks at in a project: its manifest, its lockfile, its config file and the list of its files; and what
 * of a built project goes into the artifact.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { Manifest } from "../project/framework.ts";
import { refuseUnreadable } from "./artifact-manifest.ts";
import { lockfileBytesMax, manifestBytesMax } from "./limits.ts";

const LOCKFILES = [
  "bun.lock",
  "bun.lockb",
  "npm-shrinkwrap.json",
  "package-lock.json",
  "yarn.lock",
  "pnpm-lock.yaml",
];

/**
 * package.json, or an empty one when there is none.
 *
 * @throws {PlatformError} `BUILD_FAILED` when it is not a JSON object
 */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readSmall(join(folder, "package.json"));
  if (text === null) return {};
  try {
    const manifest: unknown = JSON.parse(text);
    if (typeof manifest === "object" && manifest !== null && !Array.isArray(manifest))
      return manifest;
    throw new Error("it is not an object");
  } catch (error) {
    throw new PlatformError("BUILD_FAILED", ["package.json cannot be read as JSON"], {
      cause: error,
    });
  }
}

/** A config file's text, or null. @throws {PlatformError} `BUILD_FAILED` when it is far too large */
export async function readSmall(path: string): Promise<string | null> {
  return (await readPlain(path, manifestBytesMax))?.toString("utf8") ?? null;
}

/**
 * Bytes of a plain file; null for what is none. The project's own code may have put it there: a link could lead to what
 * the node may read and the project may not, and a pipe would keep us waiting.
 *
 * @throws {PlatformError} `BUILD_FAILED` when it has more bytes than that
 */
export async function readPlain(path: string, bytesMax: number): Promise<Buffer | null> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  await using _file = file;
  const facts = await file.stat();
  if (!facts.isFile()) return null;
  if (facts.size > bytesMax) {
    throw new PlatformError("BUILD_FAILED", [
      `${path} has ${facts.size} bytes, at most ${bytesMax} are read`,
    ]);
  }
  return file.readFile();
}

export function needsInstall(manifest: Manifest): boolean {
  return [
    manifest.dependencies,
    manifest.devDependencies,
    manifest.optionalDependencies,
    manifest.peerDependencies,
    manifest.workspaces,
  ].some(hasEntries);
}

/** Whether an object or a list has anything in it. */
export function hasEntries(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** The lockfile that the install goes by, with its sha256; null without one. */
export async function findLockfile(
  folder: string,
): Promise<{ name: string; sha256: string } | null> {
  for (const name of LOCKFILES) {
    const bytes = await readPlain(join(folder, name), lockfileBytesMax);
    if (bytes !== null)
      return { name, sha256: new Bun.CryptoHasher("sha256").update(bytes).digest("hex") };
  }
  return null;
}

/**
 * Every file of the project, relative, without installed packages and version control.
 *
 * @throws {PlatformError} `BUILD_FAILED` for a folder whose name is not UTF-8
 */
export async function listProjectFiles(folder: string): Promise<Set<string>> {
  const files = new Set<string>();
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
      const entryPath = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory() && entry.name !== "node_modules" && entry.name !== ".git") {
        refuseUnreadable(entryPath);
        pending.push(entryPath);
      } else if (entry.isFile()) files.add(entryPath);
    }
  }
  return files;
}

/**
 * Removes what an app does not need at run time: version control, environment files, caches of build tools, tests, and
 * with a bundle the installed packages. So a change of a test alone gives the same artifact.
 *
 * @throws {PlatformError} `BUILD_FAILED` for a folder whose name is not UTF-8
 */
export async function removeBuildLeftovers(folder: string, keepsPackages: boolean): Promise<void> {
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
      const entryPath = path === "" ? entry.name : `${path}/${entry.name}`;
      const isFolder = entry.isDirectory();
      if (isLeftover(entry.name, isFolder, keepsPackages)) {
        await rm(join(folder, entryPath), { recursive: true, force: true });
      } else if (isFolder && entry.name !== "node_modules") {
        refuseUnreadable(entryPath);
        pending.push(entryPath);
      }
    }
  }
}

const CACHE_FOLDERS = new Set([
  ".git",
  ".turbo",
  ".nyc_output",
  ".levain",
  "coverage",
  "__tests__",
  "__snapshots__",
]);

function isLeftover(name: string, isFolder: boolean, keepsPackages: boolean): boolean {
  // Also as a link or a file: it is not what an installer made.
  if (name === "node_modules") return !(keepsPackages && isFolder);
  if (name.startsWith(".env")) return true;
  if (isFolder) return CACHE_FOLDERS.has(name);
  return /\.(test|spec)\.[cm]?[jt]sx?$|\.tsbuildinfo$/.test(name) || name === ".DS_Store";
}

/**
 * Moves every file of a folder to the same place of another, over what is there.
 *
 * @throws {PlatformError} `BUILD_FAILED` when a link of the project's would lead a file elsewhere
 */
export async function moveInto(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const inside = path.slice(from.length + 1);
    await makeFolder(to, dirname(inside));
    await rename(path, join(to, inside));
  }
}

/** Makes what is missing of a path below a folder, through folders only. */
async function makeFolder(folder: string, inside: string): Promise<void> {
  let path = folder;
  for (const name of inside.split("/")) {
    path = join(path, name);
    const facts = await lstat(path).catch(() => null);
    if (facts === null) await mkdir(path);
    else if (!facts.isDirectory()) {
      throw new PlatformError("BUILD_FAILED", [`${inside} is no folder, and files belong in it`]);
    }
  }
}
