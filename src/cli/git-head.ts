/**
 * The branch and the commit that a folder's Git repository is on, read from its files: no `git` has to be installed,
 * and none of its settings can run anything.
 */
import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";

export interface GitHead {
  /** Null on a detached head. */
  branch: string | null;
  /** 40 or 64 hex digits; null before the first commit. */
  commit: string | null;
}

/** Null outside of a repository, or when it cannot be read. */
export async function readGitHead(folder: string): Promise<GitHead | null> {
  const found = await findGitDir(folder);
  if (found === null) return null;
  const { gitDir } = found;
  const head = await read(join(gitDir, "HEAD"));
  if (head === null) return null;
  const ref = /^ref: (refs\/heads\/(.+))$/.exec(head);
  if (ref === null) return { branch: null, commit: commitIn(head) };
  const [, path = "", branch = ""] = ref;
  // A linked working tree has its own HEAD; the branches are in the repository's main folder.
  const common = await read(join(gitDir, "commondir"));
  const commonDir = common === null ? gitDir : resolve(gitDir, common);
  const commit = (await read(join(commonDir, path))) ?? (await packedRef(commonDir, path));
  return { branch, commit: commit === null ? null : commitIn(commit) };
}

/** The repository that a folder is in; null outside of one. */
export async function findGitDir(
  folder: string,
): Promise<{ gitDir: string; workTree: string } | null> {
  for (let current = resolve(folder); ; current = dirname(current)) {
    const dotGit = join(current, ".git");
    if ((await read(join(dotGit, "HEAD"))) !== null) return { gitDir: dotGit, workTree: current };
    // Linked working trees and submodules have a file that says where the folder is.
    const target = /^gitdir: (.+)$/.exec((await read(dotGit)) ?? "")?.[1];
    if (target !== undefined) {
      return { gitDir: isAbsolute(target) ? target : resolve(current, target), workTree: current };
    }
    if (dirname(current) === current) return null;
  }
}

async function packedRef(gitDir: string, path: string): Promise<string | null> {
  const lines = (await read(join(gitDir, "packed-refs")))?.split("\n") ?? [];
  return lines.find((line) => line.endsWith(` ${path}`))?.split(" ")[0] ?? null;
}

function commitIn(text: string): string | null {
  return /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text) ? text : null;
}

async function read(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch {
    return null;
  }
}
