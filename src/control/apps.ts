/** The apps with their branches and addresses, and the versions of one app: read from the store. */
import { PRODUCTION_BRANCH } from "../deploy/names.ts";
import type { AppInfo, VersionInfo } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

export type ListDeps = Pick<AdminDeps, "store" | "urlOf">;

/** Apps as the store lists them, each with its branches: `main` first, then by name. */
export async function listApps({ store, urlOf }: ListDeps): Promise<AppInfo[]> {
  const apps = await store.apps();
  return apps.map((app) => ({
    name: app.name,
    branches: app.branches
      .toSorted((left, right) => compareBranches(left.name, right.name))
      .map(({ name, live }) => ({ name, live, url: urlOf(app.name, { branch: name }) })),
    versions: app.versions,
    createdAtMs: app.createdAtMs,
  }));
}

/** @throws {PlatformError} `APP_UNKNOWN`. */
export async function listVersions(
  { store, urlOf }: ListDeps,
  app: string,
): Promise<VersionInfo[]> {
  const versions = await store.versions(app);
  return versions.map((version) => ({
    ...version,
    url: urlOf(app, { version: version.number }),
    liveOn: version.liveOn.toSorted(compareBranches),
  }));
}

/** Order of branches: `main` first; the store's order is the database's, which depends on its locale. */
export function compareBranches(left: string, right: string): number {
  if (left === right) return 0;
  if (left === PRODUCTION_BRANCH) return -1;
  if (right === PRODUCTION_BRANCH) return 1;
  return left < right ? -1 : 1;
}
