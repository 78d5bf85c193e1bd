/**
 * Which files of a project are deployed. Walks a folder once and lists what is packed, in a fixed order, and what is
 * left out on purpose. Reads nothing but folders and ignore files.
 *
 * Left out always: version control, `node_modules` (installed again by the build), `.env*` (secrets), and what is
 * neither file nor folder. Left out when told so: `.gitignore` and `.levainignore` of every folder, also of the folders
 * above up to the root of the Git repository; a deeper file wins over a higher one, and `.levainignore` over
 * `.gitignore`, so `!dist` there brings back what Git ignores.
 */
import { lstat, readdir, readFile, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import ignore, { type Ignore } from "ignore";
import { PlatformError } from "../base/errors.ts";
import {
  manifestBytesMax,
  skippedNotesMax,
  sourceBytesMax,
  sourceDepthMax,
  sourceFilesMax,
  sourcePathBytesMax,
} from "./limits.ts";

export type SkipReason =
  /** `.env` and its like. */
  | "secret"
  /** A symlink whose target is not in the project, or is itself left out. */
  | "link leads outside"
  /** A symlink to nothing, or to a folder it is in. */
  | "link leads nowhere"
  /** A socket, pipe or device. */
  | "not a file"
  /** Its name is not UTF-8. */
  | "name unreadable"
  /** Its name has one of `REFUSED_CHARACTERS`. */
  | "name has a control character or backslash";

/** No path of an upload has one of these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
export const REFUSED_CHARACTERS = /[\x00-\x1f\x7f\\\ufffd]/;

export interface SourceFiles {
  /** Paths relative to the folder, with `/`, sorted by their bytes. */
  files: { path: string; bytes: number }[];
  bytes: number;
  /** Folders that were looked into, relative to the folder, in no order; the first is the folder itself, "". */
  folders: string[];
  /** What a person may wonder about; ignored files are not in it. At most `skippedNotesMax`. */
  skipped: { path: string; reason: SkipReason }[];
}

export interface SourceBounds {
  bytesMax: number;
  filesMax: number;
}

const SOURCE_BOUNDS: SourceBounds = { bytesMax: sourceBytesMax, filesMax: sourceFilesMax };

const IGNORE_FILES = [".gitignore", ".levainignore"];
const NEVER_PACKED = new Set([".git", ".hg", ".jj", ".svn", "node_modules", ".DS_Store"]);

/** Rules of one folder; paths are tested relative to it. */
interface Rules {
  folder: string;
  ignore: Ignore;
}

/**
 * @param folder the project, as an absolute path
 * @param isWanted whether a file is packed, by its path; default: all are
 * @throws {PlatformError} `SOURCE_TOO_LARGE`, `SOURCE_TOO_MANY_FILES`, `SOURCE_INVALID` for a path that is too long
 */
export async function listSourceFiles(
  folder: string,
  bounds: SourceBounds = SOURCE_BOUNDS,
  isWanted: (path: string) => boolean = () => true,
): Promise<SourceFiles> {
  const root = await realpath(folder);
  const walk = new Walk(root, bounds, isWanted);
  await walk.enter(root, "", await rulesAbove(root), [root]);
  walk.found.files.sort((left, right) =>
    Buffer.compare(Buffer.from(left.path), Buffer.from(right.path)),
  );
  return walk.found;
}

class Walk {
  readonly found: SourceFiles = { files: [], bytes: 0, folders: [], skipped: [] };
  readonly #root: string;
  readonly #bounds: SourceBounds;
  readonly #isWanted: (path: string) => boolean;

  constructor(root: string, bounds: SourceBounds, isWanted: (path: string) => boolean) {
    this.#isWanted = isWanted;
    this.#root = root;
    this.#bounds = bounds;
  }

  /** @param trail real paths of the folders on the way here, against loops of links */
  async enter(
    folder: string,
    path: string,
    above: readonly Rules[],
    trail: readonly string[],
  ): Promise<void> {
    if (trail.length > sourceDepthMax) {
      throw new PlatformError("SOURCE_INVALID", [
        `more than ${sourceDepthMax} folders below each other at ${path}`,
      ]);
    }
    this.found.folders.push(path);
    const own = await readRules(folder);
    const rules = own === null ? above : [...above, own];
    for (const name of await readdir(folder)) {
      if (NEVER_PACKED.has(name)) continue;
      await this.#visit(join(folder, name), path === "" ? name : `${path}/${name}`, rules, trail);
    }
  }

  async #visit(
    at: string,
    path: string,
    rules: readonly Rules[],
    trail: readonly string[],
  ): Promise<void> {
    const facts = await lstat(at).catch(() => null);
    // Not there although it was just listed: its name was not UTF-8, or somebody removed it.
    if (facts === null) return this.#skip(path, "name unreadable");
    const target = facts.isSymbolicLink() ? await this.#follow(at) : { facts, at };
    if (
      isIgnored(
        at,
        target !== "outside" && target !== "nowhere" && target.facts.isDirectory(),
        rules,
      )
    )
      return;
    if (isSecret(path)) return this.#skip(path, "secret");
    if (REFUSED_CHARACTERS.test(path)) {
      return this.#skip(path, "name has a control character or backslash");
    }
    if (target === "outside") return this.#skip(path, "link leads outside");
    if (target === "nowhere") return this.#skip(path, "link leads nowhere");

    if (target.facts.isDirectory()) {
      const real = facts.isSymbolicLink() ? target.at : at;
      if (trail.includes(real)) return this.#skip(path, "link leads nowhere");
      return this.enter(at, path, rules, [...trail, real]);
    }
    if (!target.facts.isFile()) return this.#skip(path, "not a file");
    this.#add(path, target.facts.size);
  }

  /** What a symlink stands for. Its target counts under its real name too, so that no link leads to a secret. */
  async #follow(at: string) {
    try {
      const real = await realpath(at);
      const inside = relative(this.#root, real);
      if (inside === ".." || inside.startsWith(`..${sep}`)) return "outside";
      const names = inside.split(sep);
      if (names.some((name) => NEVER_PACKED.has(name)) || isSecret(inside)) return "outside";
      return { facts: await stat(real), at: real };
    } catch {
      return "nowhere";
    }
  }

  #add(path: string, bytes: number): void {
    if (!this.#isWanted(path)) return;
    const { bytesMax, filesMax } = this.#bounds;
    if (Buffer.byteLength(path) > sourcePathBytesMax) {
      throw new PlatformError("SOURCE_INVALID", [
        `path "${path}" has more than ${sourcePathBytesMax} bytes`,
      ]);
    }
    this.found.files.push({ path, bytes });
    this.found.bytes += bytes;
    if (this.found.files.length > filesMax)
      throw new PlatformError("SOURCE_TOO_MANY_FILES", [filesMax]);
    if (this.found.bytes > bytesMax) {
      const largest = this.found.files
        .toSorted((left, right) => right.bytes - left.bytes)
        .slice(0, 5);
      throw new PlatformError("SOURCE_TOO_LARGE", [this.found.bytes, bytesMax], {
        detail: { largest },
      });
    }
  }

  #skip(path: string, reason: SkipReason): void {
    if (this.found.skipped.length < skippedNotesMax) this.found.skipped.push({ path, reason });
  }
}

/** `.env`, `.env.local`, `.envrc` … in any folder, and folders of that name. */
function isSecret(path: string): boolean {
  return path.split("/").some((name) => name.startsWith(".env"));
}

/** The deepest folder with a rule for it decides. */
function isIgnored(at: string, isFolder: boolean, rules: readonly Rules[]): boolean {
  for (const { folder, ignore: own } of rules.toReversed()) {
    const path = relative(folder, at).split(sep).join("/");
    const verdict = own.test(isFolder ? `${path}/` : path);
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}

/** Rules of the folders above, up to the one with `.git`; none when the project is in no repository. */
async function rulesAbove(root: string): Promise<Rules[]> {
  const folders: string[] = [];
  for (let folder = root; ; folder = dirname(folder)) {
    if (folder !== root) folders.unshift(folder);
    if ((await lstat(join(folder, ".git")).catch(() => null)) !== null) break;
    if (dirname(folder) === folder) return [];
  }
  const rules = await Promise.all(folders.map(readRules));
  return rules.filter((own) => own !== null);
}

async function readRules(folder: string): Promise<Rules | null> {
  let own: Ignore | null = null;
  for (const name of IGNORE_FILES) {
    const path = join(folder, name);
    const facts = await stat(path).catch(() => null);
    if (facts === null || !facts.isFile() || facts.size > manifestBytesMax) continue;
    // Names are compared as Linux does, case and all.
    own ??= ignore({ ignorecase: false });
    own.add(await readFile(path, "utf8"));
  }
  return own === null ? null : { folder, ignore: own };
}
