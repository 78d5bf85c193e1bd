/**
 * Applies SQL files to a database, one after the other:
 *
 *   file ──begin, its text, a row in the ledger, commit──▶ next …      any failure: rolled back, and none after it
 *   file with `no-transaction` ──row "started"──▶ each statement ──row "applied"──▶ next …
 *
 * What the second kind leaves behind when it fails is said, and the row stays.
 */

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { MigrationConnection } from "./connection.ts";
import { note } from "./ledger.ts";
import { lockRetryPauseMs, lockTriesMax } from "./limits.ts";
import type { SqlMigration } from "./sql-file.ts";
import { splitStatements } from "./statements.ts";

export interface SqlRunOptions {
  connection: MigrationConnection;
  migrations: readonly SqlMigration[];
  /** For a lock to be had. Milliseconds. */
  lockMs: number;
  /** For all files together. Milliseconds. */
  timeoutMs: number;
  /** Tries of a file whose lock is not to be had. Count. */
  lockTriesMax?: number;
  clock: Clock;
  /** Called before each file. */
  onFile?(name: string): void;
  signal: AbortSignal;
}

export interface AppliedFile {
  name: string;
  /** Milliseconds. */
  ms: number;
}

/** Why a file was not applied; those before it are. */
export class SqlFailure extends Error {
  override readonly name = "SqlFailure";
  readonly file: string;
  /** SQLSTATE, or null when it did not come from the server. */
  readonly code: string | null;
  /** Whether a part of the file may be applied. */
  readonly isPartial: boolean;

  constructor(
    file: string,
    message: string,
    code: string | null,
    isPartial: boolean,
    cause: unknown,
  ) {
    super(message, { cause });
    this.file = file;
    this.code = code;
    this.isPartial = isPartial;
  }
}

/** A lock was not to be had in time. */
export const lockNotAvailable = "55P03";
/** Cancelled: too late, or by whoever watches its locks. */
export const queryCanceled = "57014";

/**
 * @param applied gets each file when it is applied, also when a later one fails
 * @throws {SqlFailure}; the signal's reason
 */
export async function applySql(options: SqlRunOptions, applied: AppliedFile[]): Promise<void> {
  const { connection, migrations, clock, signal, timeoutMs, onFile } = options;
  const deadlineMs = clock.nowMs() + timeoutMs;
  const abort = () => connection.drop();
  signal.addEventListener("abort", abort);
  try {
    for (const migration of migrations) {
      signal.throwIfAborted();
      onFile?.(migration.name);
      const startedAtMs = clock.nowMs();
      await applyFile(options, migration, deadlineMs);
      applied.push({ name: migration.name, ms: Math.round(clock.nowMs() - startedAtMs) });
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function applyFile(
  { connection, lockMs, clock, ...options }: SqlRunOptions,
  migration: SqlMigration,
  deadlineMs: number,
): Promise<void> {
  const triesMax = migration.isTransactional ? (options.lockTriesMax ?? lockTriesMax) : 1;
  for (let tries = 1; ; tries++) {
    const leftMs = Math.max(Math.ceil(deadlineMs - clock.nowMs()), 1);
    try {
      // A file's own settings are not for the next one.
      await connection.rows("DISCARD ALL");
      await connection.rows(settingsOf(migration, lockMs, leftMs));
      if (migration.isTransactional) await inTransaction(connection, migration);
      else await oneByOne(connection, migration);
      return;
    } catch (error) {
      const failure = failureOf(error, migration);
      const isAgain = failure.code === lockNotAvailable && tries < triesMax;
      if (!isAgain) throw failure;
      // Whoever waited behind us gets through meanwhile.
      await Bun.sleep(lockRetryPauseMs * 2 ** (tries - 1));
    }
  }
}

/** Only what the server knows is set: some are newer than others. */
function settingsOf({ isTransactional }: SqlMigration, lockMs: number, leftMs: number): string {
  const settings: Record<string, string> = {
    statement_timeout: String(leftMs),
    transaction_timeout: isTransactional ? String(leftMs) : "0",
    idle_in_transaction_session_timeout: "0",
    // CREATE INDEX CONCURRENTLY waits for the transactions of others without holding them up; what does is watched.
    lock_timeout: isTransactional ? String(lockMs) : "0",
    // A node that was killed must not leave a statement running.
    client_connection_check_interval: "1000",
  };
  const rows = Object.entries(settings).map(([name, value]) => `('${name}', '${value}')`);
  return `SELECT set_config(name, wanted, false)
    FROM (VALUES ${rows.join(", ")}) AS given (name, wanted) JOIN pg_settings USING (name)`;
}

async function inTransaction(connection: MigrationConnection, file: SqlMigration): Promise<void> {
  await connection.rows("BEGIN");
  try {
    await connection.rows(file.sql);
    // Roles and schemas that the file has set are not for the note.
    await connection.rows("RESET ROLE");
    await note(connection, { ...file, state: "applied" });
    await connection.rows("COMMIT");
  } catch (error) {
    await connection.rows("ROLLBACK").catch(() => {});
    throw error;
  }
}

async function oneByOne(connection: MigrationConnection, file: SqlMigration): Promise<void> {
  const before = await invalidIndexes(connection);
  await note(connection, { ...file, state: "started" });
  for (const [index, statement] of splitStatements(file.sql).entries()) {
    try {
      await connection.rows(statement);
    } catch (error) {
      throw new StatementFailure(index + 1, statement, error);
    }
  }
  const broken = (await invalidIndexes(connection)).filter((name) => !before.includes(name));
  if (broken.length > 0) {
    throw new Error(`it left ${broken.join(", ")} invalid; drop that index and run it again`);
  }
  await connection.rows("RESET ROLE");
  await note(connection, { ...file, state: "applied" });
}

/** What CREATE INDEX CONCURRENTLY leaves when it fails; `IF NOT EXISTS` then takes it for a good one. */
async function invalidIndexes(connection: MigrationConnection): Promise<string[]> {
  const rows = await connection.rows<{ name: string }>(
    "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid",
  );
  return rows.map(({ name }) => name);
}

class StatementFailure extends Error {
  readonly code: unknown;

  constructor(index: number, statement: string, cause: unknown) {
    const [line = ""] = statement.split("\n", 1);
    super(`statement ${index} (${line.slice(0, 80)}): ${messageOf(cause)}`, { cause });
    this.code = (cause as { code?: unknown }).code;
  }
}

function failureOf(error: unknown, { name, sql, isTransactional }: SqlMigration): SqlFailure {
  const { code, position, hint } = error as { code?: unknown; position?: string; hint?: string };
  const at = Number(position);
  const line = at > 0 ? ` (line ${sql.slice(0, at).split("\n").length})` : "";
  const advice = hint === undefined || hint === "" ? "" : `; ${hint}`;
  return new SqlFailure(
    name,
    `${messageOf(error)}${line}${advice}`,
    typeof code === "string" ? code : null,
    !isTransactional,
    error,
  );
}
