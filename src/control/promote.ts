/** Moves what a branch's URL answers with to a version, in the environment of that branch. */
import { branchLabel, checkBranchName } from "../deploy/names.ts";
import type { InputOf, LiveChange, OutputOf, Promotion } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

export type PromoteDeps = LiveDeps & Pick<AdminDeps, "rebinder">;
export type LiveDeps = Pick<AdminDeps, "store" | "publish" | "urlOf" | "clock">;

/**
 * What a promote would change, by name.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`, `NAME_INVALID` for the branch.
 */
export async function planPromote(
  deps: PromoteDeps,
  app: string,
  { version, branch }: InputOf<"promotePlan">,
): Promise<OutputOf<"promotePlan">> {
  checkBranchName(branch);
  const { difference, baked, id } = await deps.rebinder.planRebind({ app, version, branch });
  return { app, version, branch, id, ...difference, baked };
}

/**
 * Resolves when the URL answers with the version's artifact in the environment of the branch: with the version itself, or
 * with a new one that differs from it in that. Doing it again changes nothing, so it is safe to repeat after an error.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`, `NAME_INVALID` for the branch, `ENVIRONMENT_INVALID`, `ENVIRONMENT_CHANGED`,
 *   why its database cannot be migrated, and why the new version does not boot.
 */
export async function promote(
  deps: PromoteDeps,
  app: string,
  { version, branch, expected, force }: InputOf<"promote">,
  signal: AbortSignal,
): Promise<Promotion> {
  const rebound = await deps.rebinder.rebind({
    app,
    version,
    branch,
    reason: "promote",
    expected,
    force,
    signal,
  });
  const change =
    rebound.taken === null
      ? await takeLive(deps, { app, branch, version: rebound.version, reason: "promote" })
      : {
          app,
          branch,
          version: rebound.version,
          previous: rebound.taken.previous,
          url: deps.urlOf(app, { branch }),
        };
  const { migrations, warnings } = rebound;
  return { ...change, source: version, migrations, warnings };
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
