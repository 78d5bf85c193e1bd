/**
 * The step of a deploy or a promote that brings the branch's database up to date, before anything of the version is
 * started: what is to be done, on a copy, on the database, with each run in the store.
 */
import type { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { type MigratedDatabase, type MigrationWork, migrate } from "../migrations/migrate.ts";
import type { MigrationReport, StageReport } from "../migrations/report.ts";
import { readSqlFolder } from "../migrations/sql-folder.ts";
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import type { Store } from "../store/store.ts";
import type { DeployEvent } from "./deploy-api.ts";
import type { DeployerOptions } from "./deploy-job.ts";
import type { MigrationRunner } from "./migration-runner.ts";

/** What a deployer needs to migrate databases. */
export interface MigrateOptions {
  databaseOf(app: string, branch: string): MigratedDatabase;
  runs: Pick<Store["migrationRuns"], "start" | "finish" | "belong" | "list">;
}

export interface MigrateStep {
  app: string;
  branch: string;
  spec: Pick<VersionSpec, "database" | "migrations" | "permissions" | "sandbox">;
  environment: OpenEnvironment;
  reason: "deploy" | "promote";
  emit(event: DeployEvent): void;
  signal: AbortSignal;
}

export interface Migrated {
  /** Null when the version has no migrations. */
  report: MigrationReport | null;
  /** Of the store. */
  runs: number[];
}

const nothing: Migrated = { report: null, runs: [] };

/** @throws {PlatformError} why the database is not up to date: the version must not take traffic */
export async function migrateStep(
  options: Pick<DeployerOptions, "artifacts" | "builder" | "clock" | "migrations">,
  { app, branch, spec, environment, reason, emit, signal }: MigrateStep,
): Promise<Migrated> {
  const { migrations } = spec;
  if (migrations === null || spec.database === null || options.migrations === undefined) {
    return nothing;
  }
  if (environment.run.has("DATABASE_URL")) {
    emit({
      type: "warning",
      message: `migrations are not run: DATABASE_URL of branch ${branch} is set, and its database is not the node's`,
    });
    return nothing;
  }
  const { databaseOf, runs } = options.migrations;
  const { way, source } = migrations;
  const kit = options.artifacts.path(migrations.kit);
  await using runners = new AsyncDisposableStack();
  let opened: Promise<MigrationRunner> | null = null;
  const work: MigrationWork =
    way === "sql"
      ? { way, source, migrations: await readSqlFolder(kit, source) }
      : {
          way,
          source,
          inputs: migrations.inputs,
          async run(url, timeoutMs) {
            opened ??= options.builder.openMigrations({
              app,
              kit,
              migrations,
              environment,
              permissions: spec.permissions,
              sandbox: spec.sandbox,
              databasePort: Number(new URL(url).port),
              emit,
              signal,
            });
            const runner = await opened;
            if (!runners.disposed) runners.use(runner);
            return runner.run(url, timeoutMs);
          },
        };
  const ids: number[] = [];
  let running: number | null = null;
  const finish = async (report: StageReport | null) => {
    const id = running;
    running = null;
    if (id === null) return;
    const state = report?.state ?? "failed";
    await runs.finish(id, state, report, options.clock.wallMs());
  };
  try {
    const report = await migrate({
      database: databaseOf(app, branch),
      work,
      branch,
      lockMs: migrations.lockMs,
      timeoutMs: migrations.timeoutMs,
      isTrialled: migrations.trial || (await wasLeft(runs, app, branch)),
      clock: options.clock,
      signal,
      async onStage(stage, pending) {
        emit({ type: "step", step: stage === "trial" ? "trial" : "migrate" });
        const run = { app, branch, reason, stage, way, source, pending };
        // Before anything is done: a node that ends now leaves a run that says so.
        running = await runs.start(run, options.clock.wallMs());
        ids.push(running);
      },
      async onStageEnd(report) {
        emit({ type: "migration", report });
        await finish(report);
      },
    });
    for (const message of report.warnings) emit({ type: "warning", message });
    return { report, runs: ids };
  } catch (error) {
    await finish(null).catch(() => {});
    throw error;
  }
}

/** Whether the newest run on the database did not end well: a part of it may be there, which a copy tells about. */
async function wasLeft(
  runs: MigrateOptions["runs"],
  app: string,
  branch: string,
): Promise<boolean> {
  const found = await runs.list(app, branch, recentRunsMax);
  const last = found.find(({ stage }) => stage === "target");
  return last !== undefined && last.way !== "sql" && last.state !== "succeeded";
}

/** Enough to have one on the database among those on copies. Count. */
const recentRunsMax = 20;

/** The report that a failed migration carries. */
export function reportOf(error: PlatformError): MigrationReport | null {
  const { migrations } = (error.detail ?? {}) as { migrations?: MigrationReport };
  return migrations ?? null;
}
