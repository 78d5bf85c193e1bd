/** Removes an app: its versions, branches, addresses, processes and logs. */
import { asPlatformError, PlatformError } from "../base/errors.ts";
import type { DeletedApp } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { hasLog } from "./logs.ts";

/**
 * Resolves when no address of the app answers any more. An app that was never live has no more than a log to remove.
 *
 * @param confirm the app's name, as consent.
 * @throws {PlatformError} `CONSENT_MISSING`, `APP_UNKNOWN`.
 */
export async function deleteApp(
  deps: Pick<AdminDeps, "store" | "publish" | "logs" | "removeArtifacts" | "report">,
  app: string,
  confirm: string | undefined,
): Promise<DeletedApp> {
  if (confirm !== app) throw new PlatformError("CONSENT_MISSING", [app]);
  const { versions, digests } = await deleteStored(deps, app);
  // First out of traffic: a process that still answers would write to its log again.
  await deps.publish();
  const cleaned = await Promise.allSettled([deps.logs.remove(app), deps.removeArtifacts(digests)]);
  for (const result of cleaned) {
    // The app is gone; files that stay behind are the operator's to know about, not the caller's.
    if (result.status === "rejected") deps.report(result.reason);
  }
  return { app, versions };
}

async function deleteStored({ store, logs }: Pick<AdminDeps, "store" | "logs">, app: string) {
  try {
    return await store.deleteApp(app);
  } catch (thrown) {
    const isUnknown = asPlatformError(thrown).code === "APP_UNKNOWN";
    if (isUnknown && (await hasLog({ logs }, app))) return { versions: 0, digests: [] };
    throw thrown;
  }
}
