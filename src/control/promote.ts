/** Moves what a branch's URL answers with to a version. */
import { branchLabel, checkBranchName } from "../deploy/names.ts";
import type { InputOf, LiveChange } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

export type LiveDeps = Pick<AdminDeps, "store" | "publish" | "urlOf" | "clock">;

/**
 * Resolves when the URL answers with the version. Doing it again changes nothing, so it is safe to repeat after an
 * error.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`, `NAME_INVALID` for the branch.
 */
export function promote(
  deps: LiveDeps,
  app: string,
  { version, branch }: InputOf<"promote">,
): Promise<LiveChange> {
  return takeLive(deps, { app, branch, version, reason: "promote" });
}

export interface LiveMove {
  app: string;
  branch: string;
  version: number;
  /** What the store notes; a later rollback depends on it. */
  reason: "promote" | "rollback";
}

/** As `promote`, for either reason. */
export async function takeLive(deps: LiveDeps, move: LiveMove): Promise<LiveChange> {
  const { app, branch, version, reason } = move;
  checkBranchName(branch);
  const { previous } = await deps.store.setLive({
    app,
    branch,
    version,
    reason,
    atMs: deps.clock.wallMs(),
    branchLabel: (name, taken) => branchLabel(name, new Set(taken), app),
  });
  await deps.publish();
  return { app, branch, version, previous, url: deps.urlOf(app, { branch }) };
}
