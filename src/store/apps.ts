/** Apps: listed with their branches, and removed with everything of theirs. */
import { PlatformError } from "../base/errors.ts";
import type { Queries } from "./database.ts";
import { removeEnv } from "./env-values.ts";
import { removeMigrationRuns } from "./migration-runs.ts";
import { dropOrphans } from "./removal.ts";
import { countUpRevision } from "./revision.ts";

/** An app as it is listed. */
export interface StoredApp {
  name: string;
  branches: StoredBranch[];
  /** Count. */
  versions: number;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
}

export interface StoredBranch {
  name: string;
  /** Its part of the host name. */
  label: string;
  /** Number of the live version, or null. */
  live: number | null;
}

export interface RemovedApp {
  /** Versions that are gone with it. Count. */
  versions: number;
  /** Artifacts that no version of any app names any more. */
  digests: string[];
}

/** By name; branches by name too. */
export async function apps(queries: Queries): Promise<StoredApp[]> {
  return queries.rows<StoredApp>(
    `SELECT name, created_at_ms AS "createdAtMs",
       (SELECT count(*) FROM levain.versions WHERE app = apps.name) AS versions,
       (SELECT coalesce(json_agg(
           json_build_object('name', name, 'label', label, 'live', live) ORDER BY name), '[]')
         FROM levain.branches WHERE app = apps.name) AS branches
     FROM levain.apps ORDER BY name`,
  );
}

/** Removes the app, its branches, versions, history and deploys. @throws {PlatformError} `APP_UNKNOWN` */
export async function removeApp(queries: Queries, app: string): Promise<RemovedApp> {
  await countUpRevision(queries);
  const own = await queries.rows<{ digest: string; kit: string | null }>(
    "SELECT digest, spec #>> '{migrations,kit}' AS kit FROM levain.versions WHERE app = $1",
    [app],
  );
  const removed = await queries.run("DELETE FROM levain.apps WHERE name = $1", [app]);
  if (removed === 0) throw new PlatformError("APP_UNKNOWN", [app]);
  await queries.run("DELETE FROM levain.deploys WHERE app = $1", [app]);
  await removeEnv(queries, app);
  await removeMigrationRuns(queries, app, null);
  const digests = await dropOrphans(
    queries,
    own.flatMap(({ digest, kit }) => (kit === null ? [digest] : [digest, kit])),
  );
  return { versions: own.length, digests };
}
