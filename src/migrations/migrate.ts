/**
 * Brings a branch's database up to date for a version:
 *
 *   ledger ─▶ nothing pending: done
 *      └───▶ a copy ─▶ trial ─▶ copy dropped ─▶ the database itself
 *                       └─ fails, or holds a lock for too long: the database is as it was
 */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { type DatabaseLogin, MigrationConnection } from "./connection.ts";
import { readLedger } from "./ledger.ts";
import { type AppliedMigration, pendingMigrations } from "./pending.ts";
import type { MigrationReport, StageReport } from "./report.ts";
import type { SqlMigration } from "./sql-file.ts";
import { type MigrationTarget, runStage, type StageEnd, type Work } from "./stage.ts";

/** The database of one branch, and copies of it. */
export interface MigratedDatabase {
  /** The database itself. */
  open(): Promise<MigrationTarget>;
  /** A copy with its data. Nobody is connected to the database by us meanwhile. */
  copyForTrial(): Promise<MigrationTarget>;
}

export type MigrationWork =
  | { way: "sql"; source: string; migrations: readonly SqlMigration[] }
  | { way: "module" | "command"; source: string; inputs: string; run: RunOf };
type RunOf = Extract<Work, { way: "command" | "module" }>["run"];

export interface MigrateOptions {
  database: MigratedDatabase;
  work: MigrationWork;
  branch: string;
  lockMs: number;
  timeoutMs: number;
  isTrialled: boolean;
  clock: Clock;
  signal: AbortSignal;
  /** Before a stage, with what is to be done; once more with each file. */
  onStage(stage: StageReport["stage"], pending: readonly string[]): void | Promise<void>;
  onFile?(stage: StageReport["stage"], name: string): void;
  /** After a stage, before anything else is done. */
  onStageEnd(report: StageReport): void | Promise<void>;
}

/**
 * @returns what was done; `pending` is empty when there was nothing to do
 * @throws {PlatformError} `MIGRATION_…`; `detail.migrations` is the report. What happened to the database is in it
 */
export async function migrate(options: MigrateOptions): Promise<MigrationReport> {
  const target = await options.database.open();
  try {
    return await migrateTarget(options, target);
  } finally {
    await target.close();
  }
}

async function migrateTarget(
  options: MigrateOptions,
  target: MigrationTarget,
): Promise<MigrationReport> {
  const { database, work, isTrialled, branch } = options;
  const noted = await ledgerOf(target.login, branch);
  const { pending, warnings } = pendingOf(work, noted, branch);
  const report: MigrationReport = {
    way: work.way,
    source: work.source,
    pending: pending.map(({ name }) => name),
    trial: null,
    target: null,
    warnings,
  };
  if (pending.length === 0) return report;
  if (target.isReadOnly === true) {
    throw new PlatformError("MIGRATION_READ_ONLY", [branch, report.pending.join(", ")]);
  }
  if (isTrialled) {
    await options.onStage("trial", report.pending);
    const copy = await database.copyForTrial();
    let ended: StageEnd;
    try {
      ended = await runStage(stageOptions(options, "trial", copy, pending));
    } finally {
      await copy.close();
    }
    report.trial = ended.report;
    await options.onStageEnd(ended.report);
    if (ended.failure !== null) throw withReport(ended.failure, report);
  }
  options.signal.throwIfAborted();
  await options.onStage("target", report.pending);
  const ended = await runStage(stageOptions(options, "target", target, pending));
  report.target = ended.report;
  await options.onStageEnd(ended.report);
  if (ended.failure !== null) throw withReport(ended.failure, report);
  return report;
}

type Pending = { name: string } & Partial<SqlMigration>;

function stageOptions(
  { work, onFile, ...options }: MigrateOptions,
  stage: StageReport["stage"],
  target: MigrationTarget,
  pending: readonly Pending[],
) {
  const { lockMs, timeoutMs, branch, clock, signal } = options;
  const doing: Work =
    work.way === "sql"
      ? { way: "sql", migrations: pending as readonly SqlMigration[] }
      : {
          way: work.way,
          name: work.source,
          noted: notedAs(work),
          checksum: work.inputs,
          run: work.run,
        };
  return {
    stage,
    target,
    work: doing,
    lockMs,
    timeoutMs,
    branch,
    clock,
    signal,
    onFile: (name: string) => onFile?.(stage, name),
  };
}

/** What is to be done, and what is odd about it. @throws {PlatformError} `MIGRATION_CHANGED` */
function pendingOf(
  work: MigrationWork,
  noted: readonly AppliedMigration[],
  branch: string,
): { pending: readonly Pending[]; warnings: string[] } {
  if (work.way !== "sql") {
    const found = noted.find((row) => row.name === notedAs(work));
    const isDone = found?.checksum === work.inputs;
    return { pending: isDone ? [] : [{ name: work.source }], warnings: [] };
  }
  const own = noted.filter(({ name }) => !/^(?:module|command):/.test(name));
  const { pending, changed, unknown, late, half } = pendingMigrations(work.migrations, own);
  const [first] = changed;
  if (first !== undefined) {
    throw new PlatformError("MIGRATION_CHANGED", [`${first}.sql`, branch], { detail: { changed } });
  }
  const list = (names: readonly string[]) => names.map((name) => `${name}.sql`).join(", ");
  const warnings = [
    unknown.length > 0
      ? `the database of branch ${branch} has migrations that this version does not have: ${list(unknown)}`
      : null,
    late.length > 0 ? `applied after files that come later by name: ${list(late)}` : null,
    half.length > 0
      ? `${list(half)} was run before and did not end; what it has done by then is there`
      : null,
  ].filter((text) => text !== null);
  return { pending, warnings };
}

/** Apart from the names of files. */
function notedAs({ way, source }: MigrationWork): string {
  return `${way}:${source}`;
}

async function ledgerOf(login: DatabaseLogin, branch: string): Promise<AppliedMigration[]> {
  try {
    await using connection = await MigrationConnection.open(login, "levain migrate");
    return await readLedger(connection);
  } catch (cause) {
    throw new PlatformError("MIGRATION_DATABASE_AWAY", [`the database of branch "${branch}"`], {
      cause,
    });
  }
}

function withReport(failure: PlatformError, migrations: MigrationReport): PlatformError {
  return PlatformError.of({
    ...failure.toBody(),
    detail: { ...failure.detail, migrations },
  });
}
