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
  { store, publish, logs }: Pick<AdminDeps, "store" | "publish" | "logs">,
  app: string,
  confirm: string | undefined,
): Promise<DeletedApp> {
  if (confirm !== app) throw new PlatformError("CONSENT_MISSING", [app]);
  const { versions } = await store.deleteApp(app);
  // First out of traffic: a process that still answers would write to its log again.
  await publish();
  await logs.remove(app);
  return { app, versions };
}
