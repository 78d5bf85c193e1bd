/** The apps with their branches and addresses, and the versions of one app: read from the store. */
import type { AppInfo, VersionInfo } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

export type ListDeps = Pick<AdminDeps, "store" | "urlOf">;

/** Apps by name, each with its branches: `main` first, then by name. */
export async function listApps({ store, urlOf }: ListDeps): Promise<AppInfo[]> {
  const apps = await store.apps();
  return apps
    .map((app) => ({
      name: app.name,
      branches: app.branches
        .toSorted((left, right) => compareBranches(left.name, right.name))
        .map(({ name, live }) => ({ name, live, url: urlOf(app.name, { branch: name }) })),
      versions: app.versions,
      createdAtMs: app.createdAtMs,
    }))
    .sort((left, right) => compareText(left.name, right.name));
}

/** @throws {PlatformError} `APP_UNKNOWN`. */
export async function listVersions(
  { store, urlOf }: ListDeps,
  app: string,
): Promise<VersionInfo[]> {
  const [versions, apps] = await Promise.all([store.versions(app), store.apps()]);
  const branches = apps.find(({ name }) => name === app)?.branches ?? [];
  return versions.map((version) => ({
    ...version,
    url: urlOf(app, { version: version.number }),
    liveOn: branches
      .filter(({ live }) => live === version.number)
      .map(({ name }) => name)
      .sort(compareBranches),
  }));
}

function compareBranches(left: string, right: string): number {
  if (left === right) return 0;
  if (left === "main") return -1;
  if (right === "main") return 1;
  return compareText(left, right);
}

function compareText(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
