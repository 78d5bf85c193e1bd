/**
 * Whether a Git working tree has changes that are in no commit, asked of `git`, where it is installed. The repository's own
 * settings and hooks are not read: it is asked about through a repository of ours that has nothing but the objects, the
 * index and the commit of the real one, so that a folder that somebody has sent cannot have anything run by being deployed.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { findGitDir } from "./git-head.ts";
import { gitStatusTimeoutMs } from "./limits.ts";

/**
 * Whether files of the folder differ from the commit, or are new and not ignored.
 *
 * @param commit what the working tree is based on, 40 or 64 hex digits
 * @returns null when it cannot be found out: no `git`, too slow, or something unusual
 */
export async function hasGitChanges(folder: string, commit: string): Promise<boolean | null> {
  const found = await findGitDir(folder);
  if (found === null) return null;
  const { gitDir, workTree } = found;
  const mirror = await mkdtemp(join(tmpdir(), "levain-git-"));
  try {
    const commonText = await readFile(join(gitDir, "commondir"), "utf8").catch(() => null);
    const commonDir = commonText === null ? gitDir : resolve(gitDir, commonText.trim());
    const format = commit.length === 64 ? "\tobjectformat = sha256\n" : "";
    const version = format === "" ? 0 : 1;
    const excludes = join(commonDir, "info", "exclude");
    await mkdir(join(mirror, "refs"));
    await writeFile(join(mirror, "HEAD"), `${commit}\n`);
    await writeFile(
      join(mirror, "config"),
      `[core]\n\trepositoryformatversion = ${version}\n\tbare = false\n\texcludesFile = ${JSON.stringify(excludes)}\n` +
        (format === "" ? "" : `[extensions]\n${format}`),
    );
    const changed = await gitStatus(folder, {
      GIT_DIR: mirror,
      GIT_WORK_TREE: workTree,
      GIT_INDEX_FILE: join(gitDir, "index"),
      GIT_OBJECT_DIRECTORY: join(commonDir, "objects"),
      GIT_OPTIONAL_LOCKS: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CEILING_DIRECTORIES: dirname(workTree),
    });
    return changed;
  } catch {
    return null;
  } finally {
    await rm(mirror, { recursive: true, force: true });
  }
}

const ARGUMENTS = ["status", "--porcelain", "-z", "--ignore-submodules=all", "--", "."];

function gitStatus(folder: string, variables: Record<string, string>): Promise<boolean | null> {
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C", ...variables };
  const done = Promise.withResolvers<boolean | null>();
  execFile(
    "git",
    ARGUMENTS,
    { cwd: folder, env, timeout: gitStatusTimeoutMs, maxBuffer: 1024 * 1024 },
    (error, stdout) => {
      // So many changes that they do not fit are changes.
      const isTooMuch =
        (error as { code?: unknown } | null)?.code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER";
      if (error !== null && !isTooMuch) done.resolve(null);
      else done.resolve(stdout.length > 0);
    },
  );
  return done.promise;
}
