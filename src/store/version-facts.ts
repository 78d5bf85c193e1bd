/** What is kept of how versions came to be: their provenance, and the packages they were built with. */
import { PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import type { Queries } from "./database.ts";
import { requireApp } from "./live.ts";

/** The packages of one version, as the deploy has written them down. */
export interface StoredPackages {
  version: number;
  /** Of the packages; null when the version has no list. */
  sha256: string | null;
  list: unknown;
}

/** Of the version that is live on a branch; null when there is none, or it has no list. */
export async function livePackages(
  queries: Queries,
  app: string,
  branch: string,
): Promise<StoredPackages | null> {
  const [row] = await queries.rows<StoredPackages>(
    `SELECT number AS version, sha256, list FROM levain.branches
       JOIN levain.versions ON versions.app = branches.app AND number = live
       JOIN levain.package_lists ON sha256 = packages_sha256
     WHERE branches.app = $1 AND branches.name = $2`,
    [app, branch],
  );
  return row ?? null;
}

/** @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
export async function versionPackages(
  queries: Queries,
  app: string,
  version: number,
): Promise<StoredPackages> {
  await requireApp(queries, app);
  const [row] = await queries.rows<StoredPackages>(
    `SELECT number AS version, packages_sha256 AS sha256, list
     FROM levain.versions LEFT JOIN levain.package_lists ON sha256 = packages_sha256
     WHERE app = $1 AND number = $2::bigint`,
    [app, version],
  );
  if (row === undefined) throw new PlatformError("VERSION_UNKNOWN", [app, versionName(version)]);
  return row;
}

/** Plain JSON as it was written at the deploy. @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
export async function versionProvenance(
  queries: Queries,
  app: string,
  version: number,
): Promise<unknown> {
  await requireApp(queries, app);
  const [row] = await queries.rows<{ provenance: unknown }>(
    "SELECT provenance FROM levain.versions WHERE app = $1 AND number = $2::bigint",
    [app, version],
  );
  if (row === undefined) throw new PlatformError("VERSION_UNKNOWN", [app, versionName(version)]);
  return row.provenance;
}
