/** Removes an app with everything of it, or one branch, or one version. Consent is the name of what goes, once more. */
import { asPlatformError, PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import type { QueryOf, Removed } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { hasLog } from "./logs.ts";

type RemoveDeps = Pick<
  AdminDeps,
  "store" | "publish" | "logs" | "removeArtifacts" | "report" | "databases"
>;

/**
 * Resolves when no address of what is removed answers any more.
 *
 * @throws {PlatformError} `CONSENT_MISSING`, `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `VERSION_UNKNOWN`, `VERSION_LIVE`,
 *   `INPUT_INVALID`
 */
export async function remove(
  deps: RemoveDeps,
  app: string,
  { branch, version, confirm }: QueryOf<"remove">,
): Promise<Removed> {
  if (branch !== undefined && version !== undefined) {
    throw new PlatformError("INPUT_INVALID", ["name a branch or a version, not both"]);
  }
  const what = version !== undefined ? `${app}@${versionName(version)}` : (branch ?? app);
  if (confirm !== what) throw new PlatformError("CONSENT_MISSING", [what]);
  if (version !== undefined) return removeVersion(deps, app, version);
  if (branch !== undefined) return removeBranch(deps, app, branch);
  return removeApp(deps, app);
}

/** An app that was never live has no more than a log to remove. */
async function removeApp(deps: RemoveDeps, app: string): Promise<Removed> {
  const { versions, digests } = await removeStored(deps, app);
  // First out of traffic: a process that still answers would write to its log again.
  await deps.publish();
  await clean(deps, [
    deps.logs.remove(app),
    deps.removeArtifacts(digests),
    deps.databases.branches.remove(app, null),
  ]);
  return { app, branch: null, version: null, versions };
}

async function removeStored({ store, logs }: Pick<AdminDeps, "store" | "logs">, app: string) {
  try {
    return await store.removeApp(app);
  } catch (thrown) {
    const isUnknown = asPlatformError(thrown).code === "APP_UNKNOWN";
    if (isUnknown && (await hasLog({ logs }, app))) return { versions: 0, digests: [] };
    throw thrown;
  }
}

async function removeBranch(deps: RemoveDeps, app: string, branch: string): Promise<Removed> {
  const { versions, digests } = await deps.store.removeBranch(app, branch);
  await deps.publish();
  const databases = deps.databases.branches.remove(app, branch);
  await clean(deps, [deps.removeArtifacts(digests), databases]);
  return { app, branch, version: null, versions: versions.length };
}

async function removeVersion(deps: RemoveDeps, app: string, version: number): Promise<Removed> {
  const found = (await deps.store.keptVersions(app)).find(({ number }) => number === version);
  if (found === undefined) throw new PlatformError("VERSION_UNKNOWN", [app, versionName(version)]);
  const { versions, digests } = await deps.store.removeVersions(app, [version], false);
  // It may have become live since.
  if (versions.length === 0) {
    const branches = found.liveOn.join(", ") || "a branch";
    throw new PlatformError("VERSION_LIVE", [app, versionName(version), branches]);
  }
  await deps.publish();
  await clean(deps, [deps.removeArtifacts(digests)]);
  return { app, branch: null, version, versions: 1 };
}

/** What is removed is gone; files that stay behind are the operator's to know about, not the caller's. */
async function clean(deps: RemoveDeps, work: Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === "rejected") deps.report(result.reason);
  }
}
