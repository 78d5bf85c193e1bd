/**
 * What became of each run of migrations, for as long as it is kept.
 *
 *   running ──finish──▶ succeeded | failed
 *      └───its node ended──▶ interrupted
 */
import type { Database, Queries } from "./database.ts";
import { migrationRunsKeptMax } from "./limits.ts";

export interface StartRunInput {
  app: string;
  branch: string;
  reason: "deploy" | "promote";
  stage: "trial" | "target";
  /** `sql`, `module` or `command`. */
  way: string;
  /** Folder, module or command. */
  source: string;
  /** Names of what is to be done. */
  pending: readonly string[];
}

export interface StoredRun extends StartRunInput {
  id: number;
  state: "running" | "succeeded" | "failed" | "interrupted";
  /** The version it was for; null for one that did not come to be. */
  version: number | null;
  /** A `StageReport`, as plain JSON; null while it runs, and for one that was interrupted. */
  report: unknown;
  /** Wall-clock milliseconds. */
  startedAtMs: number;
  endedAtMs: number | null;
}

const COLUMNS = `id, app, branch, reason, stage, state, version, way, source, pending, report,
  started_at_ms AS "startedAtMs", ended_at_ms AS "endedAtMs"`;

/** Of a `Store`. */
export class MigrationRuns {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Notes that a run begins, and lets the oldest of its branch go. @returns its id */
  async start(run: StartRunInput, atMs: number): Promise<number> {
    const { app, branch, reason, stage, way, source, pending } = run;
    return this.#database.write(async (queries) => {
      const [row] = await queries.rows<{ id: number }>(
        `INSERT INTO levain.migration_runs
           (app, branch, reason, stage, state, way, source, pending, started_at_ms)
         VALUES ($1, $2, $3, $4, 'running', $5, $6, $7, $8) RETURNING id`,
        [app, branch, reason, stage, way, source, JSON.stringify(pending), atMs],
      );
      await queries.run(
        `DELETE FROM levain.migration_runs WHERE app = $1 AND branch = $2 AND state <> 'running'
           AND id <= (SELECT id FROM levain.migration_runs WHERE app = $1 AND branch = $2
             ORDER BY id DESC OFFSET $3 LIMIT 1)`,
        [app, branch, migrationRunsKeptMax],
      );
      return row?.id ?? 0;
    });
  }

  /** Does nothing when the run is not kept any more. */
  async finish(
    id: number,
    state: "succeeded" | "failed",
    report: object | null,
    atMs: number,
  ): Promise<void> {
    await this.#database.write((queries) =>
      queries.run(
        "UPDATE levain.migration_runs SET state = $2, report = $3, ended_at_ms = $4 WHERE id = $1",
        [id, state, report === null ? null : JSON.stringify(report), atMs],
      ),
    );
  }

  /** Notes which version runs were for. */
  async belong(ids: readonly number[], version: number): Promise<void> {
    await this.#database.write((queries) =>
      queries.run("UPDATE levain.migration_runs SET version = $2 WHERE id = ANY($1)", [
        ids,
        version,
      ]),
    );
  }

  /** Calls every run interrupted that is said to be running: for a node that starts. @returns how many. Count. */
  interrupt(atMs: number): Promise<number> {
    return this.#database.write((queries) =>
      queries.run(
        "UPDATE levain.migration_runs SET state = 'interrupted', ended_at_ms = $1 WHERE state = 'running'",
        [atMs],
      ),
    );
  }

  /** Newest first; of all branches without one. */
  list(app: string, branch: string | null, limit: number): Promise<StoredRun[]> {
    return this.#database.read((queries) =>
      queries.rows<StoredRun>(
        `SELECT ${COLUMNS} FROM levain.migration_runs
         WHERE app = $1 AND ($2::text IS NULL OR branch = $2) ORDER BY id DESC LIMIT $3`,
        [app, branch, Math.min(limit, migrationRunsKeptMax)],
      ),
    );
  }

  /** Runs that have changed the database of a branch since a time, or may have; oldest first. */
  since(app: string, branch: string, atMs: number): Promise<StoredRun[]> {
    return this.#database.read((queries) =>
      queries.rows<StoredRun>(
        `SELECT ${COLUMNS} FROM levain.migration_runs
         WHERE app = $1 AND branch = $2 AND stage = 'target' AND state <> 'running' AND started_at_ms > $3
         ORDER BY id`,
        [app, branch, atMs],
      ),
    );
  }
}

/** Forgets those of an app, or of one of its branches. */
export async function removeMigrationRuns(
  queries: Queries,
  app: string,
  branch: string | null,
): Promise<void> {
  await queries.run(
    "DELETE FROM levain.migration_runs WHERE app = $1 AND ($2::text IS NULL OR branch = $2)",
    [app, branch],
  );
}
