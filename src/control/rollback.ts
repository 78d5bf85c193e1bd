/** Makes the version live again that was live before, or one that is named. */
import { PlatformError } from "../base/errors.ts";
import type { InputOf, RolledBack } from "./api.ts";
import { rollbackWarnings } from "./migrations.ts";
import { type LiveDeps, takeLive } from "./promote.ts";

/**
 * Resolves when the URL answers with the version.
 *
 * @throws {PlatformError} `ROLLBACK_NO_TARGET`, `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `VERSION_UNKNOWN`, `VERSION_OTHER_DATABASE`.
 */
export async function rollback(
  deps: LiveDeps,
  app: string,
  { branch, to }: InputOf<"rollback">,
): Promise<RolledBack> {
  // Asked in either case: rolling back a branch that does not exist is a mistake, not a way to make one.
  const before = await deps.store.rollbackTarget(app, branch);
  const version = to ?? before;
  if (version === null) throw new PlatformError("ROLLBACK_NO_TARGET", [app, branch]);
  const warnings = await rollbackWarnings(deps, app, branch, version);
  return { ...(await takeLive(deps, { app, branch, version, reason: "rollback" })), warnings };
}
