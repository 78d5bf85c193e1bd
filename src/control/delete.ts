/** Removes an app: its versions, branches, addresses, processes and logs. */
import { PlatformError } from "../base/errors.ts";
import type { DeletedApp } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

/**
 * Resolves when no address of the app answers any more.
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
  const { versions, digests } = await deps.store.deleteApp(app);
  // First out of traffic: a process that still answers would write to its log again.
  await deps.publish();
  const cleaned = await Promise.allSettled([deps.logs.remove(app), deps.removeArtifacts(digests)]);
  for (const result of cleaned) {
    // The app is gone; files that stay behind are the operator's to know about, not the caller's.
    if (result.status === "rejected") deps.report(result.reason);
  }
  return { app, versions };
}
