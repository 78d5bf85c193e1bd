/**
 * Brings the schema up to date: forward only, each step in a transaction of its own, one node at a time.
 *
 *   lock ──▶ look ──▶ apply the next step ──▶ commit ──▶ lock …      until there is none left
 *
 * Every transaction looks again after it has the lock, so two nodes that start at once share the work instead of doing
 * it twice, and a node that ends in the middle leaves whole steps only. The lock belongs to the transaction: it cannot
 * be left behind, also not on a connection that a pooler hands to somebody else.
 */
import { createHash } from "node:crypto";
import { invariant, PlatformError } from "../base/errors.ts";
import type { Database, Queries } from "./database.ts";
import { storeMigrateTimeoutMs } from "./limits.ts";
import { migrations as known } from "./migrations/all.ts";
import type { Migration } from "./migrations/migration.ts";

/** Names the lock among all advisory locks of the database: "levain" as a number. */
const LOCK = 0x6c657661696e;

/**
 * @param migrations what this release knows
 * @returns names of the steps that this call applied
 * @throws {PlatformError} `STORE_TOO_NEW`, `STORE_MIGRATION_CHANGED`, `STORE_UNAVAILABLE`
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = known,
): Promise<string[]> {
  const applied: string[] = [];
  for (;;) {
    const step = await database.write(
      (queries) => applyNext(queries, migrations),
      storeMigrateTimeoutMs,
    );
    if (step === null) return applied;
    applied.push(step.name);
  }
}

/** What the table of applied steps says of one. */
export interface AppliedMigration {
  number: number;
  name: string;
  checksum: string;
}

/**
 * The step to apply next, or null when the schema is up to date. Pure.
 *
 * @throws {PlatformError} `STORE_TOO_NEW`, `STORE_MIGRATION_CHANGED`
 */
export function nextMigration(
  applied: readonly AppliedMigration[],
  migrations: readonly Migration[],
): Migration | null {
  const newest = Math.max(0, ...applied.map(({ number }) => number));
  if (newest > migrations.length) {
    throw new PlatformError("STORE_TOO_NEW", [newest, migrations.length]);
  }
  for (const [index, migration] of migrations.entries()) {
    invariant(migration.number === index + 1, "migrations are numbered 1, 2, 3 …");
    const found = applied.find(({ number }) => number === migration.number);
    if (found === undefined) return migration;
    if (found.checksum !== checksum(migration)) {
      throw new PlatformError("STORE_MIGRATION_CHANGED", [found.number, found.name]);
    }
  }
  return null;
}

/** sha256 of the step's statements. */
export function checksum({ sql }: Migration): string {
  return createHash("sha256").update(sql).digest("hex");
}

async function applyNext(
  queries: Queries,
  migrations: readonly Migration[],
): Promise<Migration | null> {
  await queries.rows("SELECT pg_advisory_xact_lock($1)", [LOCK]);
  await queries.script(`
    CREATE SCHEMA IF NOT EXISTS levain;
    CREATE TABLE IF NOT EXISTS levain.migrations (
      number integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    )`);
  const applied = await queries.rows<AppliedMigration>(
    "SELECT number, name, checksum FROM levain.migrations ORDER BY number",
  );
  const next = nextMigration(applied, migrations);
  if (next === null) return null;
  await queries.script(next.sql);
  await queries.run("INSERT INTO levain.migrations (number, name, checksum) VALUES ($1, $2, $3)", [
    next.number,
    next.name,
    checksum(next),
  ]);
  return next;
}
