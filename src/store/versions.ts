/** Versions: made once, never changed. */
import { PlatformError } from "../base/errors.ts";
import { completeSpec, type VersionSpec, versionName } from "../base/version-spec.ts";
import { type BranchLabel, ensureBranch } from "./branches.ts";
import type { Queries } from "./database.ts";
import { requireApp } from "./live.ts";
import { countUpRevision } from "./revision.ts";

export interface CreateVersionInput {
  spec: VersionSpec;
  branchLabel: BranchLabel;
  /** What the person who deployed said about it. */
  message: string | null;
  /** Git commit of the source. */
  commit: string | null;
  artifactBytes: number;
  /** Of the kit of its migrations. Default 0. */
  kitBytes?: number;
  /** How the artifact came to be: Bun version, lockfile, builder … Plain JSON. */
  provenance: object;
  /** What its environment was made of, with sealed values; see `VersionEnvironment`. Plain JSON. */
  environment?: object;
  /** The packages it was built with, named by the sha256 of the list, which need not be given again; null when they are not known. */
  packages: { sha256: string; list?: object } | null;
}

/** A version with all that the store has of it. */
export interface WholeVersion {
  spec: VersionSpec;
  message: string | null;
  commit: string | null;
  artifactBytes: number;
  provenance: Record<string, unknown>;
  /** As it was given to `createVersion`; null for one of an earlier release. */
  environment: unknown;
  /** Names the list of its packages; null when there is none. */
  packagesSha256: string | null;
}

/** A version as it is listed. */
export interface StoredVersion {
  number: number;
  /** Branch it was deployed to. */
  branch: string;
  digest: string;
  /** Branches it is live on, by name. */
  liveOn: string[];
  message: string | null;
  commit: string | null;
  /** Of the artifact. */
  bytes: number;
  /** The Bun that it names; null: the node's own. */
  runtime: string | null;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
}

/** Somebody else took the number between `nextVersionNumber` and `createVersion`. Ask again, and create again. */
export class VersionNumberTaken extends Error {
  override readonly name = "VersionNumberTaken";
  readonly app: string;
  readonly number: number;

  constructor(app: string, number: number) {
    super(`Cannot create version ${number} of app "${app}": there is one`);
    this.app = app;
    this.number = number;
  }
}

/** One more than the highest number that the app ever had; 1 for an app that does not exist yet. */
export async function nextVersionNumber(queries: Queries, app: string): Promise<number> {
  const [row] = await queries.rows<{ next: number }>(
    "SELECT version_highest + 1 AS next FROM levain.apps WHERE name = $1",
    [app],
  );
  return row?.next ?? 1;
}

/** @throws {VersionNumberTaken} */
export async function createVersion(
  queries: Queries,
  {
    spec,
    branchLabel,
    message,
    commit,
    artifactBytes,
    kitBytes = 0,
    provenance,
    environment,
    packages,
  }: CreateVersionInput,
): Promise<void> {
  const { app, number, branch, digest, createdAtMs } = spec;
  await countUpRevision(queries);
  await queries.run(
    "INSERT INTO levain.apps (name, created_at_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING",
    [app, createdAtMs],
  );
  await ensureBranch(queries, { app, branch, atMs: createdAtMs, branchLabel });
  const kept = [{ named: digest, bytes: artifactBytes }];
  if (spec.migrations !== null) kept.push({ named: spec.migrations.kit, bytes: kitBytes });
  for (const { named, bytes } of kept) {
    await queries.run(
      `INSERT INTO levain.artifacts (digest, bytes, created_at_ms) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING`,
      [named, bytes, createdAtMs],
    );
  }
  if (packages?.list !== undefined) {
    await queries.run(
      "INSERT INTO levain.package_lists (sha256, list) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      [packages.sha256, JSON.stringify(packages.list)],
    );
  }
  const created = await queries.run(
    `INSERT INTO levain.versions
       (app, number, branch, digest, spec, message, commit, provenance, created_at_ms, environment,
        packages_sha256)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT DO NOTHING`,
    [
      app,
      number,
      branch,
      digest,
      JSON.stringify(spec),
      message,
      commit,
      JSON.stringify(provenance),
      createdAtMs,
      environment === undefined ? null : JSON.stringify(environment),
      packages?.sha256 ?? null,
    ],
  );
  if (created === 0) throw new VersionNumberTaken(app, number);
  await queries.run(
    "UPDATE levain.apps SET version_highest = greatest(version_highest, $2) WHERE name = $1",
    [app, number],
  );
}

/** @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
export async function wholeVersion(
  queries: Queries,
  app: string,
  number: number,
): Promise<WholeVersion> {
  await requireApp(queries, app);
  const [row] = await queries.rows<WholeVersion>(
    `SELECT spec, message, commit, bytes AS "artifactBytes", provenance, environment,
       packages_sha256 AS "packagesSha256"
     FROM levain.versions JOIN levain.artifacts USING (digest)
     WHERE app = $1 AND number = $2::bigint`,
    [app, number],
  );
  if (row === undefined) throw new PlatformError("VERSION_UNKNOWN", [app, versionName(number)]);
  return { ...row, spec: completeSpec(row.spec) };
}

/** Newest first. @throws {PlatformError} `APP_UNKNOWN` */
export async function versions(queries: Queries, app: string): Promise<StoredVersion[]> {
  await requireApp(queries, app);
  return queries.rows<StoredVersion>(
    `SELECT number, branch, digest, message, commit, bytes,
       spec ->> 'runtime' AS runtime, versions.created_at_ms AS "createdAtMs",
       ARRAY(SELECT name::text FROM levain.branches
         WHERE branches.app = versions.app AND live = number ORDER BY name) AS "liveOn"
     FROM levain.versions JOIN levain.artifacts USING (digest)
     WHERE app = $1 ORDER BY number DESC`,
    [app],
  );
}
