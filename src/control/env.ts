/** Environment values by way of the admin API: set, listed, compared, put into effect. */
import { PlatformError } from "../base/errors.ts";
import { checkBranchName, PRODUCTION_BRANCH } from "../deploy/names.ts";
import { differenceOf, setValuesFor } from "../secrets/resolve.ts";
import type { EnvDeclaration } from "../secrets/rules.ts";
import { type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import type { InputOf, OutputOf, QueryOf } from "./api.ts";
import type { AdminDeps } from "./deps.ts";

type EnvDeps = Pick<AdminDeps, "environments" | "store" | "routesOf">;

/** All that is set for an app, or what counts for one of its branches. The app need not exist. */
export async function listEnv(
  { environments }: EnvDeps,
  app: string,
  { branch }: QueryOf<"env">,
): Promise<OutputOf<"env">> {
  const all = await environments.list(app);
  if (branch === undefined) return { app, values: all };
  checkBranchName(branch);
  const chosen = new Set([
    ...setValuesFor(all, branch, "run").values(),
    ...setValuesFor(all, branch, "build").values(),
  ]);
  return { app, values: all.filter((value) => chosen.has(value)) };
}

/**
 * Sets and takes away, all or nothing.
 *
 * @param by who asks for it
 * @throws {PlatformError} `ENV_NAME_INVALID`, `ENV_VALUE_INVALID`, `ENV_TOO_MANY`, `NAME_INVALID` for the branch
 */
export async function changeEnv(
  deps: EnvDeps,
  app: string,
  input: InputOf<"envChange">,
  by: string,
): Promise<OutputOf<"envChange">> {
  const { scope, set, unset } = input;
  const branch = scope === "branch" ? checkBranchName(input.branch) : "";
  const before = new Set(await deps.environments.change({ ...input, app, branch, by }));
  const names = Object.keys(set).sort();
  const gone = unset.filter((name) => !(name in set)).sort();
  return {
    app,
    scope,
    branch,
    added: names.filter((name) => !before.has(name)),
    replaced: names.filter((name) => before.has(name)),
    removed: gone.filter((name) => before.has(name)),
    missing: gone.filter((name) => !before.has(name)),
    branches: liveBranches(deps, app).filter(
      (name) =>
        scope === "all" || (scope === "branch" ? name === branch : name !== PRODUCTION_BRANCH),
    ),
  };
}

/** @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`, `ENVIRONMENT_UNREADABLE`, `NAME_INVALID` */
export async function diffEnv(
  deps: EnvDeps,
  app: string,
  { from, to }: InputOf<"envDiff">,
): Promise<OutputOf<"envDiff">> {
  const versions = await Promise.all([from, to].map((side) => versionOf(deps, app, side)));
  // A branch beside a version is what that version would get there; else what is set for it, and nothing of the config.
  const declaration = versions.find((version) => version !== null)?.declaration ?? nothing;
  const [before, after] = await Promise.all(
    [from, to].map(async (side, index) => {
      const version = versions[index];
      if (version !== null && version !== undefined) return runValues(version);
      if ("values" in side) return new Map(Object.entries(side.values));
      const { branch } = side as { branch: string };
      checkBranchName(branch);
      return runValues(await deps.environments.resolve(app, branch, declaration));
    }),
  );
  const difference = differenceOf(before!, after!);
  const same = after!.size - difference.added.length - difference.changed.length;
  return { app, ...difference, same };
}

const nothing: EnvDeclaration = { rules: {}, values: {} };

async function versionOf(
  { environments, store }: EnvDeps,
  app: string,
  side: InputOf<"envDiff">["from"],
): Promise<OpenEnvironment | null> {
  return "version" in side
    ? environments.openVersion(await store.version(app, side.version))
    : null;
}

/**
 * Gives a branch what is set for it now: the live version's artifact as a new version, when that makes a difference.
 *
 * @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `BRANCH_NOT_LIVE`, `ENVIRONMENT_INVALID`, and why it does not boot
 */
export async function applyEnv(
  deps: Pick<AdminDeps, "rebinder" | "store" | "urlOf">,
  app: string,
  { branch }: InputOf<"envApply">,
  signal: AbortSignal,
): Promise<OutputOf<"envApply">> {
  const found = (await deps.store.apps()).find(({ name }) => name === app);
  if (found === undefined) throw new PlatformError("APP_UNKNOWN", [app]);
  const live = found.branches.find(({ name }) => name === branch)?.live;
  if (live === undefined) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
  if (live === null) throw new PlatformError("BRANCH_NOT_LIVE", [app, branch]);
  const target = { app, version: live, branch };
  const { difference } = await deps.rebinder.planRebind(target);
  const { version, taken } = await deps.rebinder.rebind({ ...target, reason: "deploy", signal });
  return {
    app,
    branch,
    version,
    source: live,
    previous: taken === null ? live : taken.previous,
    url: deps.urlOf(app, { branch }),
    ...difference,
  };
}

function liveBranches({ routesOf }: EnvDeps, app: string): string[] {
  const branches = Object.entries(routesOf(app)?.branches ?? {});
  return branches.filter(([, { live }]) => live !== null).map(([name]) => name);
}
