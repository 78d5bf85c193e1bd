/** Moves what a branch's URL answers with: to a version by its number, or one step back. */
import { checkBranchName } from "../deploy/names.ts";
import type { InputOf, LiveChange } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

export type LiveDeps = Pick<AdminDeps, "store" | "publish" | "urlOf">;

/**
 * Resolves when the URL answers with the version. Doing it again changes nothing, so it is safe to repeat after an
 * error.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`, `NAME_INVALID` for the branch.
 */
export async function promote(
  { store, publish, urlOf }: LiveDeps,
  app: string,
  { version, branch }: InputOf<"promote">,
): Promise<LiveChange> {
  checkBranchName(branch);
  const { previous } = await store.setLive(app, branch, version);
  await publish();
  return { app, branch, version, previous, url: urlOf(app, { branch }) };
}
