/** Runs of migrations as the admin API has them, and what a rollback has to say about them. */
import { PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import { stageReport } from "../migrations/report.ts";
import type { StoredRun } from "../store/migration-runs.ts";
import type { DatabaseInfo, Inspection, MigrationRun, OutputOf, QueryOf } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { migrationRunsShownMax } from "./limits.ts";

type RunDeps = Pick<AdminDeps, "store">;

/** Empty for an app that has none, or that does not exist. */
export async function listMigrations(
  { store }: RunDeps,
  app: string,
  { branch }: QueryOf<"migrations">,
): Promise<OutputOf<"migrations">> {
  const runs = await store.migrationRuns.list(app, branch ?? null, migrationRunsShownMax);
  return { app, runs: runs.map(runOf) };
}

/** Those that were for one version, newest first. */
export async function runsOfVersion(
  { store }: RunDeps,
  app: string,
  version: number,
): Promise<MigrationRun[]> {
  const runs = await store.migrationRuns.list(app, null, migrationRunsShownMax);
  return runs.filter((run) => run.version === version).map(runOf);
}

/** What was run on a branch's database since it was made, and when the last of it was. */
export async function migratedSince(
  { store }: RunDeps,
  { app, branch, createdAtMs }: Pick<DatabaseInfo, "app" | "branch" | "createdAtMs">,
): Promise<NonNullable<Inspection["stored"]>["migrated"]> {
  const runs = await store.migrationRuns.since(app, branch, createdAtMs);
  const done = runs.filter(({ state }) => state === "succeeded");
  const last = done.at(-1);
  if (last === undefined) return null;
  const names = [...new Set(done.flatMap(({ pending }) => pending))];
  return { names, version: last.version, atMs: last.startedAtMs };
}

/**
 * A rollback moves what is live, and never data. What a version does not know of is said.
 *
 * @throws {PlatformError} `VERSION_UNKNOWN`, `VERSION_OTHER_DATABASE`
 */
export async function rollbackWarnings(
  { store }: RunDeps,
  app: string,
  branch: string,
  version: number,
): Promise<string[]> {
  const { spec } = await store.version(app, version);
  if (spec.database === null) return [];
  if (spec.branch !== branch) {
    const words = [app, versionName(version), branch, spec.branch] as const;
    throw new PlatformError("VERSION_OTHER_DATABASE", [...words]);
  }
  const runs = await store.migrationRuns.since(app, branch, spec.createdAtMs);
  const later = migrationsSince(runs, version);
  if (later.length === 0) return [];
  const names = later.join(", ");
  return [
    `${versionName(version)} was deployed before the database of ${branch} was migrated (${names}); data and tables stay as they are`,
  ];
}

/**
 * Names of what was done to a database after a version had it as it knows it. Pure.
 *
 * @param runs on the database itself, oldest first, all of them after the version was made
 */
export function migrationsSince(
  runs: readonly Pick<StoredRun, "version" | "state" | "pending">[],
  version: number,
): string[] {
  const own = runs.findLastIndex((run) => run.version === version);
  return [...new Set(runs.slice(own + 1).flatMap(({ pending }) => pending))];
}

function runOf({ id: _id, app: _app, report, way, ...run }: StoredRun): MigrationRun {
  return {
    ...run,
    way,
    pending: [...run.pending],
    report: stageReport.safeParse(report).data ?? null,
  };
}
