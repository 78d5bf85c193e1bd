/**
 * Removing versions and branches of an app that stays. Everything is looked at again in the transaction that removes, in
 * which nothing else that is published can change: a version that has become live meanwhile stays.
 */
import { PlatformError } from "../base/errors.ts";
import type { Queries } from "./database.ts";
import { requireApp } from "./live.ts";
import { removeMigrationRuns } from "./migration-runs.ts";
import { countUpRevision } from "./revision.ts";
import { type LiveChange, rollbackTargetOf } from "./rollback-target.ts";

/** A version as retention sees it. */
export interface KeptVersion {
  number: number;
  /** Branch it was deployed to. */
  branch: string;
  digest: string;
  /** Digest of the kit of its migrations; null or left out: none. */
  kit?: string | null;
  /** Of its artifact, which it may share with other versions. */
  bytes: number;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
  /** Branches it is live on. */
  liveOn: string[];
  /** Branches that a rollback would take to it: their last known good. */
  rollbackOf: string[];
  /** What it says about retention, as it was frozen; null when it is of an earlier release. */
  retention: unknown;
}

export interface RemovedVersions {
  /** Numbers, ascending. */
  versions: number[];
  /** Artifacts that no version of any app names any more. */
  digests: string[];
}

/** Newest first. @throws {PlatformError} `APP_UNKNOWN` */
export async function keptVersions(queries: Queries, app: string): Promise<KeptVersion[]> {
  await requireApp(queries, app);
  const versions = await queries.rows<Omit<KeptVersion, "rollbackOf">>(
    `SELECT number, branch, digest, spec #>> '{migrations,kit}' AS kit, bytes, versions.created_at_ms AS "createdAtMs",
       spec -> 'retention' AS retention,
       ARRAY(SELECT name::text FROM levain.branches
         WHERE branches.app = versions.app AND live = number ORDER BY name) AS "liveOn"
     FROM levain.versions JOIN levain.artifacts USING (digest)
     WHERE app = $1 ORDER BY number DESC`,
    [app],
  );
  const targets = await rollbackTargets(queries, app, new Set(versions.map((item) => item.number)));
  return versions.map((version) => ({
    ...version,
    rollbackOf: targets.get(version.number) ?? [],
  }));
}

/** Branches by the version that a rollback takes them to. */
async function rollbackTargets(
  queries: Queries,
  app: string,
  numbers: ReadonlySet<number>,
): Promise<Map<number, string[]>> {
  const changes = await queries.rows<LiveChange & { branch: string }>(
    "SELECT branch, version, reason FROM levain.live_changes WHERE app = $1 ORDER BY branch, id",
    [app],
  );
  const targets = new Map<number, string[]>();
  for (const [branch, own] of Map.groupBy(changes, (change) => change.branch)) {
    const target = rollbackTargetOf(own, (version) => numbers.has(version));
    if (target !== null) targets.set(target, [...(targets.get(target) ?? []), branch]);
  }
  return targets;
}

/**
 * Removes versions that are live nowhere; others of the list stay, and so do those that a branch would be rolled back to
 * unless they are asked for by name.
 *
 * @param keepsTargets false: also a branch's last known good goes
 * @throws {PlatformError} `APP_UNKNOWN`
 */
export async function removeVersions(
  queries: Queries,
  app: string,
  numbers: readonly number[],
  keepsTargets: boolean,
): Promise<RemovedVersions> {
  await countUpRevision(queries);
  const wanted = new Set(numbers);
  const going = (await keptVersions(queries, app)).filter(
    ({ number, liveOn, rollbackOf }) =>
      wanted.has(number) && liveOn.length === 0 && (!keepsTargets || rollbackOf.length === 0),
  );
  return dropVersions(queries, app, going);
}

/**
 * Removes a branch with its history, its environment values and domains, and the versions that were deployed to it and that no other branch has live or would
 * be rolled back to.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`
 */
export async function removeBranch(
  queries: Queries,
  app: string,
  branch: string,
): Promise<RemovedVersions> {
  await countUpRevision(queries);
  await requireApp(queries, app);
  const removed = await queries.run("DELETE FROM levain.branches WHERE app = $1 AND name = $2", [
    app,
    branch,
  ]);
  if (removed === 0) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
  await queries.run(
    "DELETE FROM levain.env_values WHERE app = $1 AND scope = 'branch' AND branch = $2",
    [app, branch],
  );
  await removeMigrationRuns(queries, app, branch);
  const going = (await keptVersions(queries, app)).filter(
    (version) =>
      version.branch === branch && version.liveOn.length === 0 && version.rollbackOf.length === 0,
  );
  return dropVersions(queries, app, going);
}

async function dropVersions(
  queries: Queries,
  app: string,
  versions: readonly KeptVersion[],
): Promise<RemovedVersions> {
  const numbers = versions.map(({ number }) => number).sort((left, right) => left - right);
  const removed = await queries.rows<{ kit: string | null }>(
    `DELETE FROM levain.versions WHERE app = $1 AND number = ANY($2)
     RETURNING spec #>> '{migrations,kit}' AS kit`,
    [app, numbers],
  );
  const kits = removed.flatMap(({ kit }) => (kit === null ? [] : [kit]));
  const own = versions.map(({ digest }) => digest);
  const digests = await dropOrphans(queries, [...own, ...kits]);
  return { versions: numbers, digests };
}

/** Forgets artifacts and lists of packages that no version names. @returns digests of the artifacts */
export async function dropOrphans(queries: Queries, digests: readonly string[]): Promise<string[]> {
  await queries.run(
    `DELETE FROM levain.package_lists WHERE NOT EXISTS
       (SELECT FROM levain.versions WHERE packages_sha256 = package_lists.sha256)`,
  );
  const orphans = await queries.rows<{ digest: string }>(
    `DELETE FROM levain.artifacts WHERE digest = ANY($1)
       AND NOT EXISTS (SELECT FROM levain.versions WHERE versions.digest = artifacts.digest
         OR spec #>> '{migrations,kit}' = artifacts.digest)
     RETURNING digest`,
    [digests],
  );
  return orphans.map(({ digest }) => digest);
}

/** Runtimes that versions name. */
export async function runtimesNamed(queries: Queries): Promise<string[]> {
  const rows = await queries.rows<{ runtime: string }>(
    "SELECT DISTINCT spec ->> 'runtime' AS runtime FROM levain.versions WHERE spec ->> 'runtime' IS NOT NULL",
  );
  return rows.map(({ runtime }) => runtime);
}

/** Every artifact that some version names. */
export async function artifactDigests(queries: Queries): Promise<string[]> {
  const rows = await queries.rows<{ digest: string }>("SELECT digest FROM levain.artifacts");
  return rows.map(({ digest }) => digest);
}
