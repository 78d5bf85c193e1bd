/**
 * What was applied to a branch's database, noted in that database itself: a copy of it, a dump and a branch of it have it
 * too, and a database that was emptied has none.
 *
 *   SQL files           a row each, in the transaction of the file
 *   module, command     a row each: what it depended on when it last succeeded
 *
 * The table's name is one that a copy without rows keeps (`database/empty-tables.ts`). The schema's name is none that a role
 * can have: a schema that is named like its user comes first on the search path.
 */
import type { MigrationConnection } from "./connection.ts";
import type { AppliedMigration } from "./pending.ts";

/** Names the lock among the advisory locks of a branch's database: "levain" as a number. */
const LOCK = 0x6c657661696e;

/** Rows by name; none when nothing was ever applied. Changes nothing. */
export async function readLedger(connection: MigrationConnection): Promise<AppliedMigration[]> {
  const [found] = await connection.rows<{ there: string | null }>(
    "SELECT to_regclass('_levain.levain_migrations') AS there",
  );
  if (found?.there == null) return [];
  return connection.rows<AppliedMigration>(
    "SELECT name, checksum, state FROM _levain.levain_migrations ORDER BY applied_at, name",
  );
}

export async function prepareLedger(connection: MigrationConnection): Promise<void> {
  // Asked first: `IF NOT EXISTS` asks for rights before it looks.
  const [found] = await connection.rows<{ there: string | null }>(
    "SELECT to_regclass('_levain.levain_migrations') AS there",
  );
  if (found?.there != null) return;
  await connection.rows(`
    CREATE SCHEMA IF NOT EXISTS _levain;
    CREATE TABLE IF NOT EXISTS _levain.levain_migrations (
      name text PRIMARY KEY,
      checksum text NOT NULL,
      state text NOT NULL CHECK (state IN ('applied', 'started')),
      applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
    )`);
}

export async function note(
  connection: MigrationConnection,
  { name, checksum, state }: AppliedMigration,
): Promise<void> {
  await connection.rows(
    `INSERT INTO _levain.levain_migrations (name, checksum, state) VALUES ($1, $2, $3)
     ON CONFLICT (name) DO UPDATE SET
       checksum = excluded.checksum, state = excluded.state, applied_at = clock_timestamp()`,
    [name, checksum, state],
  );
}

/** Has the database alone, among those who migrate it, until the connection ends. @returns false when somebody else has */
export async function tryTurn(connection: MigrationConnection): Promise<boolean> {
  const [row] = await connection.rows<{ taken: boolean }>(
    "SELECT pg_try_advisory_lock($1) AS taken",
    [LOCK],
  );
  return row?.taken === true;
}
