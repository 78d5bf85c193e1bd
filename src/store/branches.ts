/** Branches come to be with the first version or the first promote that names them. */
import type { Queries } from "./database.ts";

/**
 * Names a branch's part of the host name. Pure, and passed in: the rules of host names are not the store's.
 *
 * @param taken labels of the app's other branches
 */
export type BranchLabel = (branch: string, taken: readonly string[]) => string;

export interface EnsureBranchInput {
  app: string;
  branch: string;
  /** Wall-clock milliseconds. */
  atMs: number;
  branchLabel: BranchLabel;
}

/**
 * Makes the branch when there is none. The app exists, and the revision is locked: nobody makes one at the same time.
 *
 * @returns its live version, or null
 */
export async function ensureBranch(
  queries: Queries,
  { app, branch, atMs, branchLabel }: EnsureBranchInput,
): Promise<number | null> {
  const branches = await queries.rows<{ name: string; label: string; live: number | null }>(
    "SELECT name, label, live FROM levain.branches WHERE app = $1",
    [app],
  );
  const found = branches.find(({ name }) => name === branch);
  if (found !== undefined) return found.live;

  const label = branchLabel(
    branch,
    branches.map(({ label }) => label),
  );
  await queries.run(
    "INSERT INTO levain.branches (app, name, label, created_at_ms) VALUES ($1, $2, $3, $4)",
    [app, branch, label, atMs],
  );
  return null;
}
