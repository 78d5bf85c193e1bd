/**
 * Which branch a command is about when it does not say: the Git branch of the folder, as `deploy` takes it, as long as
 * the app is the folder's own. Of any other app it is production, whatever the user works on here.
 */
import { PRODUCTION_BRANCH } from "../deploy/names.ts";
import { appOfFolder } from "./app-argument.ts";
import { readGitHead } from "./git-head.ts";
import type { Call } from "./verb.ts";

/** `--branch`, or what it is without. */
export async function branchArgument(call: Call, app: string): Promise<string> {
  const { branch } = call.flags;
  return typeof branch === "string" ? branch : defaultBranch(call, app);
}

/** ` --branch <name>` for a command about this branch, empty where it may be left out. */
export async function branchWords(call: Call, app: string, branch: string): Promise<string> {
  const isDefault =
    branch === PRODUCTION_BRANCH && (await defaultBranch(call, app)) === PRODUCTION_BRANCH;
  return isDefault ? "" : ` --branch ${branch}`;
}

/** `master` is what older Gits call `main`. */
export function branchOfGit(gitBranch: string | null): string {
  return gitBranch === null || gitBranch === "master" ? PRODUCTION_BRANCH : gitBranch;
}

async function defaultBranch({ args, io }: Call, app: string): Promise<string> {
  // A name that only running the config could tell may well be this one.
  const own = await appOfFolder(io.cwd).catch(() => app);
  if (args[0] !== undefined && own !== app) return PRODUCTION_BRANCH;
  return branchOfGit((await readGitHead(io.cwd))?.branch ?? null);
}
