/** What is still to be applied to a database, by what is noted there. Pure. */
import { compareNames, type SqlMigration } from "./sql-file.ts";

/** A row of the table of applied migrations in a branch's database. */
export interface AppliedMigration {
  name: string;
  checksum: string;
  /** `started`: it is run outside a transaction, and its end was never noted. */
  state: "applied" | "started";
}

export interface PendingMigrations {
  /** In order. */
  pending: SqlMigration[];
  /** Applied, and another text now. */
  changed: string[];
  /** Applied, and not in the folder: of a version that is not this one. In order. */
  unknown: string[];
  /** Pending, and sorted before something that is applied. In order. */
  late: string[];
  /** Run before and perhaps in part; they are pending. */
  half: string[];
}

export function pendingMigrations(
  migrations: readonly SqlMigration[],
  noted: readonly AppliedMigration[],
): PendingMigrations {
  const byName = new Map(noted.map((row) => [row.name, row]));
  const isApplied = (name: string) => byName.get(name)?.state === "applied";
  const pending = migrations.filter(({ name }) => !isApplied(name));
  const applied = migrations.filter(({ name }) => isApplied(name));
  const last = applied.at(-1)?.name;
  const known = new Set(migrations.map(({ name }) => name));
  return {
    pending,
    changed: applied
      .filter(({ name, checksum }) => byName.get(name)?.checksum !== checksum)
      .map(({ name }) => name),
    unknown: noted
      .filter(({ name, state }) => state === "applied" && !known.has(name))
      .map(({ name }) => name)
      .sort(compareNames),
    late: pending
      .filter(({ name }) => last !== undefined && compareNames(name, last) < 0)
      .map(({ name }) => name),
    half: pending
      .filter(({ name }) => byName.get(name)?.state === "started")
      .map(({ name }) => name),
  };
}
