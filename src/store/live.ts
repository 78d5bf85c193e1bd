/** The live version of a branch: moving it, and where it was before. */
import { PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import { type BranchLabel, ensureBranch } from "./branches.ts";
import type { Queries } from "./database.ts";
import { liveChangesKeptMax } from "./limits.ts";
import { countUpRevision } from "./revision.ts";
import { type LiveChange, type LiveReason, rollbackTargetOf } from "./rollback-target.ts";

export interface SetLiveInput {
  app: string;
  branch: string;
  version: number;
  reason: LiveReason;
  /** Wall-clock milliseconds. */
  atMs: number;
  /** Names the branch's label when the branch does not exist yet. */
  branchLabel: BranchLabel;
}

/** @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
export async function setLive(
  queries: Queries,
  { app, branch, version, reason, atMs, branchLabel }: SetLiveInput,
): Promise<{ previous: number | null }> {
  await countUpRevision(queries);
  await requireApp(queries, app);
  const known = await queries.rows(
    "SELECT FROM levain.versions WHERE app = $1 AND number = $2::bigint",
    [app, version],
  );
  if (known.length === 0) {
    throw new PlatformError("VERSION_UNKNOWN", [app, versionName(version)]);
  }
  const previous = await ensureBranch(queries, { app, branch, atMs, branchLabel });
  // Already there: nothing changes, and the history says nothing twice.
  if (previous === version) return { previous };

  await queries.run("UPDATE levain.branches SET live = $3 WHERE app = $1 AND name = $2", [
    app,
    branch,
    version,
  ]);
  await queries.run(
    `INSERT INTO levain.live_changes (app, branch, version, previous, reason, at_ms)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [app, branch, version, previous, reason, atMs],
  );
  await queries.run(
    `DELETE FROM levain.live_changes WHERE app = $1 AND branch = $2 AND id <= (
       SELECT id FROM levain.live_changes WHERE app = $1 AND branch = $2
       ORDER BY id DESC OFFSET $3 LIMIT 1)`,
    [app, branch, liveChangesKeptMax],
  );
  return { previous };
}

/** @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN` */
export async function rollbackTarget(
  queries: Queries,
  app: string,
  branch: string,
): Promise<number | null> {
  await requireApp(queries, app);
  const branches = await queries.rows("SELECT FROM levain.branches WHERE app = $1 AND name = $2", [
    app,
    branch,
  ]);
  if (branches.length === 0) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
  const changes = await queries.rows<LiveChange>(
    "SELECT version, reason FROM levain.live_changes WHERE app = $1 AND branch = $2 ORDER BY id",
    [app, branch],
  );
  const kept = await queries.rows<{ number: number }>(
    "SELECT number FROM levain.versions WHERE app = $1",
    [app],
  );
  const numbers = new Set(kept.map(({ number }) => number));
  return rollbackTargetOf(changes, (version) => numbers.has(version));
}

/** @throws {PlatformError} `APP_UNKNOWN` */
export async function requireApp(queries: Queries, app: string): Promise<void> {
  const found = await queries.rows("SELECT FROM levain.apps WHERE name = $1", [app]);
  if (found.length === 0) throw new PlatformError("APP_UNKNOWN", [app]);
}
