/** All that is known of one version: what it is, and what each process of it was really given. Wakes nobody. */
import { PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import { packageList } from "../deploy/package-list.ts";
import { readProvenance } from "../deploy/provenance.ts";
import type { RouteTableApp } from "../router/route-table.ts";
import type { DatabaseInfo, Inspection, QueryOf, VersionPackages } from "./api.ts";
import { compareBranches } from "./apps.ts";
import { databaseOf } from "./databases.ts";
import type { AdminDeps } from "./deps.ts";
import { migratedSince, runsOfVersion } from "./migrations.ts";

type InspectDeps = Pick<AdminDeps, "routesOf" | "runsOf" | "store" | "urlOf" | "databases">;

/**
 * Works without the store, which only adds what was said at the deploy.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `BRANCH_NOT_LIVE`, `VERSION_UNKNOWN`.
 */
export async function inspect(
  deps: InspectDeps,
  app: string,
  { version, branch }: QueryOf<"inspect">,
): Promise<Inspection> {
  const { routes, spec } = versionOf(deps, app, { version, branch });
  const { number } = spec;
  const { env, buildFacts: _, ...shown } = spec;
  const database = spec.database === null ? null : await databaseOf(deps, app, spec.branch);
  const branches = Object.entries(routes.branches).filter(([, { live }]) => live === number);
  return {
    ...shown,
    url: deps.urlOf(app, { version: number }),
    liveOn: branches.map(([name]) => name).sort(compareBranches),
    stored: await storedOf(deps, spec, database),
    branchDatabase: database,
    environment: Object.keys(env).sort(),
    ...deps.runsOf(spec),
  };
}

/**
 * The packages that a version was built with, as they were written down at its deploy.
 *
 * @throws {PlatformError} as `inspect`, and `STORE_UNAVAILABLE`
 */
export async function packagesOf(
  deps: Pick<InspectDeps, "routesOf" | "store">,
  app: string,
  query: QueryOf<"packages">,
): Promise<VersionPackages> {
  const { number, digest, createdAtMs } = versionOf(deps, app, query).spec;
  const { list } = await deps.store.versionPackages(app, number);
  const read = packageList.safeParse(list);
  return { app, version: number, digest, createdAtMs, packages: read.data ?? null };
}

function versionOf(
  deps: Pick<InspectDeps, "routesOf">,
  app: string,
  { version, branch }: QueryOf<"inspect">,
): { routes: RouteTableApp; spec: VersionSpec } {
  const routes = deps.routesOf(app);
  if (routes === null) throw new PlatformError("APP_UNKNOWN", [app]);
  const number = version ?? liveOn(routes, app, branch);
  const spec = routes.versions[number];
  if (spec === undefined) throw new PlatformError("VERSION_UNKNOWN", [app, versionName(number)]);
  return { routes, spec };
}

function liveOn({ branches }: RouteTableApp, app: string, branch: string): number {
  const found = Object.hasOwn(branches, branch) ? branches[branch] : undefined;
  if (found === undefined) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
  if (found.live === null) throw new PlatformError("BRANCH_NOT_LIVE", [app, branch]);
  return found.live;
}

/** Null while the store cannot be reached. */
async function storedOf(
  deps: InspectDeps,
  { app, number }: VersionSpec,
  database: DatabaseInfo | null,
): Promise<Inspection["stored"]> {
  const { store } = deps;
  try {
    const found = (await store.versions(app)).find((version) => version.number === number);
    // Removed since the table was published.
    if (found === undefined) throw new PlatformError("VERSION_UNKNOWN", [app, versionName(number)]);
    const { message, commit, bytes } = found;
    const provenance = readProvenance(await store.versionProvenance(app, number));
    const migrationRuns = await runsOfVersion(deps, app, number);
    const migrated = database === null ? null : await migratedSince(deps, database);
    return { message, commit, bytes, provenance, migrationRuns, migrated };
  } catch (error) {
    if (error instanceof PlatformError && error.code === "STORE_UNAVAILABLE") return null;
    throw error;
  }
}
