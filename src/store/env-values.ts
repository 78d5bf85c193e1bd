/** Environment values that were set for apps. The store keeps them as it gets them: sealed. */
import { PlatformError } from "../base/errors.ts";
import type { Queries } from "./database.ts";

/** Which branches a value is for: all of them, all but `main`, or one. */
export type EnvScope = "all" | "previews" | "branch";

/** What a value is set for: the scope, and its branch, which is empty for the scopes of several. */
export interface EnvPlace {
  scope: EnvScope;
  branch: string;
}

export interface StoredEnvValue extends EnvPlace {
  name: string;
  /** Builds see it. */
  atBuild: boolean;
  /** The app sees it. */
  atRun: boolean;
  sealed: string;
  /** Wall-clock milliseconds. */
  setAtMs: number;
  /** Who set it, or null when that is not known. */
  setBy: string | null;
}

export interface ChangeEnvInput extends EnvPlace {
  app: string;
  set: readonly Pick<StoredEnvValue, "name" | "atBuild" | "atRun" | "sealed">[];
  unset: readonly string[];
  atMs: number;
  by: string | null;
  /** Values that the app may have in all. Count. */
  valuesMax: number;
}

/** All that is set for an app, whatever the branch; by name. */
export async function envValues(queries: Queries, app: string): Promise<StoredEnvValue[]> {
  return queries.rows<StoredEnvValue>(
    `SELECT scope, branch, name, at_build AS "atBuild", at_run AS "atRun", sealed,
       set_at_ms AS "setAtMs", set_by AS "setBy"
     FROM levain.env_values WHERE app = $1 ORDER BY name, scope, branch`,
    [app],
  );
}

/**
 * Sets and takes away, all or nothing. The app need not exist.
 *
 * @returns names that were there before
 * @throws {PlatformError} `ENV_TOO_MANY`
 */
export async function changeEnv(
  queries: Queries,
  { app, scope, branch, set, unset, atMs, by, valuesMax }: ChangeEnvInput,
): Promise<string[]> {
  // One change of an app at a time, so that none sees half of another and the count holds.
  await queries.rows("SELECT pg_advisory_xact_lock(hashtextextended('levain env ' || $1, 0))", [
    app,
  ]);
  const before = await queries.rows<{ name: string }>(
    `SELECT name FROM levain.env_values
     WHERE app = $1 AND scope = $2 AND branch = $3 AND name = ANY($4)`,
    [app, scope, branch, [...set.map(({ name }) => name), ...unset]],
  );
  await queries.run(
    `DELETE FROM levain.env_values
     WHERE app = $1 AND scope = $2 AND branch = $3 AND name = ANY($4)`,
    [app, scope, branch, unset],
  );
  await queries.run(
    `INSERT INTO levain.env_values
       (app, scope, branch, name, at_build, at_run, sealed, set_at_ms, set_by)
     SELECT $1, $2, $3, name, at_build, at_run, sealed, $8, $9
     FROM unnest($4::text[], $5::boolean[], $6::boolean[], $7::text[])
       AS given (name, at_build, at_run, sealed)
     ON CONFLICT (app, scope, branch, name) DO UPDATE SET at_build = excluded.at_build,
       at_run = excluded.at_run, sealed = excluded.sealed, set_at_ms = excluded.set_at_ms,
       set_by = excluded.set_by`,
    [
      app,
      scope,
      branch,
      set.map(({ name }) => name),
      set.map(({ atBuild }) => atBuild),
      set.map(({ atRun }) => atRun),
      set.map(({ sealed }) => sealed),
      atMs,
      by,
    ],
  );
  const [row] = await queries.rows<{ count: number }>(
    "SELECT count(*) AS count FROM levain.env_values WHERE app = $1",
    [app],
  );
  if ((row?.count ?? 0) > valuesMax) throw new PlatformError("ENV_TOO_MANY", [app, valuesMax]);
  return before.map(({ name }) => name);
}

/** For an app that is removed. @returns how many there were. Count. */
export async function removeEnv(queries: Queries, app: string): Promise<number> {
  return queries.run("DELETE FROM levain.env_values WHERE app = $1", [app]);
}
