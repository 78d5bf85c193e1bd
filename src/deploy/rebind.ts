/**
 * The same artifact with another environment: what is set for a branch now, instead of what a version was made with.
 *
 *   version ──plan──▶ same environment: the version itself
 *               └───▶ another one: checked, booted, and live as a version of its own, with the same digest
 *
 * Nothing is built. What a build has baked into the artifact stays, and is named.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { MigrationReport } from "../migrations/report.ts";
import { differenceOf, type EnvDifference, isSame } from "../secrets/resolve.ts";
import { type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import type { WholeVersion } from "../store/versions.ts";
import { databaseStep } from "./database-step.ts";
import type { DeployEvent } from "./deploy-api.ts";
import type { DeployerOptions } from "./deploy-job.ts";
import { schemaNames } from "./env-check.ts";
import { migrateStep } from "./migrate-step.ts";
import { refuseInvalid, withProvided } from "./open-environment.ts";
import { type RuntimeForce, readProvenance } from "./provenance.ts";
import { type TakenLive, takeLive } from "./take-live.ts";

export interface RebindTarget {
  app: string;
  /** Whose artifact and configuration are taken. */
  version: number;
  /** Whose environment is taken. */
  branch: string;
}

/** What a re-bind would change. */
export interface RebindPlan {
  /** Of what the app gets. Names only. */
  difference: EnvDifference;
  /** Names of build values that would be other ones if it were built for the branch. Sorted. */
  baked: string[];
  /** Names this plan: another one means that something was set meanwhile. */
  id: string;
}

export interface OpenPlan extends RebindPlan {
  source: WholeVersion;
  environment: OpenEnvironment;
}

export interface RebindRequest extends RebindTarget {
  reason: "deploy" | "promote";
  /** See `RuntimeStep`. */
  force?: string | undefined;
  /** `id` of the plan that a person has seen; undefined: whatever it is. */
  expected?: string | undefined;
  signal: AbortSignal;
}

type Options = Pick<DeployerOptions, "store" | "environments">;

/** @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`, `ENVIRONMENT_UNREADABLE`, `ENV_TOO_LARGE` */
export async function planRebind(
  { store, environments }: Options,
  { app, version, branch }: RebindTarget,
): Promise<OpenPlan> {
  const source = await store.version(app, version);
  const before = environments.openVersion(source);
  const resolved = await environments.resolve(app, branch, before.declaration);
  const environment = withProvided(resolved, source.spec.database);
  const after = runValues(environment);
  const baked = differenceOf(before.build, environment.build);
  return {
    source,
    environment,
    difference: differenceOf(runValues(before), after),
    baked: [...baked.added, ...baked.removed, ...baked.changed].sort(),
    id: environments.fingerprint(app, new Map([...after, ["", `${version} ${branch}`]])),
  };
}

/** A version with the artifact that was asked for, in the environment of the branch. */
export interface Rebound {
  version: number;
  /** Null when there was one already, which may not be live. */
  taken: TakenLive | null;
  /** What was done to the branch's database; null when the version has no migrations. */
  migrations: MigrationReport | null;
  warnings: string[];
}

/**
 * Resolves when there is such a version; a new one is live on the branch.
 *
 * @throws {PlatformError} `ENVIRONMENT_INVALID`, `ENVIRONMENT_CHANGED`, what `planRebind` throws, and why it does not boot
 */
export async function rebind(
  options: DeployerOptions,
  { reason, expected, force, signal, ...target }: RebindRequest,
): Promise<Rebound> {
  const { app, branch } = target;
  const plan = await planRebind(options, target);
  if (expected !== undefined && expected !== plan.id) {
    throw new PlatformError("ENVIRONMENT_CHANGED", [app, branch]);
  }
  const { runtime } = plan.source.spec;
  const forced = await options.runtimeGate({ app, branch, runtime, force: force ?? null });
  const environment = await checked(options, plan, target, signal);
  const warnings: string[] = [];
  const emit = (event: DeployEvent) =>
    void (event.type === "warning" && warnings.push(event.message));
  const opened = { ...plan, environment };
  const database = await databaseStep(options.databases, {
    ...{ app, branch, environment, emit, parent: null },
    spec: plan.source.spec.database,
    mask: { ofBranch: plan.source.spec.branch },
  });
  try {
    const rebound = await rebindOpened(
      options,
      { ...target, reason, signal },
      opened,
      forced,
      emit,
    );
    return { ...rebound, warnings };
  } catch (error) {
    await database.undo();
    throw error;
  }
}

/** With the branch's database there, and the environment checked. */
async function rebindOpened(
  options: DeployerOptions,
  { app, branch, reason, signal }: RebindRequest,
  plan: OpenPlan,
  runtimeForced: RuntimeForce | null,
  emit: (event: DeployEvent) => void,
): Promise<Omit<Rebound, "warnings">> {
  const { environment } = plan;
  const migrated = await migrateStep(options, {
    ...{ app, branch, spec: plan.source.spec, environment, reason, signal, emit },
  });
  const migrations = migrated.report;
  const same = await sameVersion(options, plan, branch);
  if (same !== null) {
    await options.migrations?.runs.belong(migrated.runs, same).catch(() => {});
    return { version: same, taken: null, migrations };
  }
  const { spec, message, commit, artifactBytes, packagesSha256 } = plan.source;
  const { number: _number, env: _env, createdAtMs: _createdAtMs, ...frozen } = spec;
  const taken = await takeLive(
    options,
    {
      frozen: { ...frozen, branch } satisfies Omit<VersionSpec, "number" | "env" | "createdAtMs">,
      environment,
      message,
      commit,
      artifactBytes,
      // The store has it already.
      kitBytes: 0,
      packages: packagesSha256 === null ? null : { sha256: packagesSha256 },
      provenance: {
        ...readProvenance(plan.source.provenance),
        runtimeForced,
        rebound: { version: spec.number, branch: spec.branch },
      },
      reason,
      migrated,
    },
    () => {},
    signal,
  );
  return { version: taken.spec.number, taken, migrations };
}

/** The version itself, or the one that is live on the branch since this was done before. */
async function sameVersion(
  { store, environments }: Options,
  { source, environment }: OpenPlan,
  branch: string,
): Promise<number | null> {
  const before = runValues(environments.openVersion(source));
  // A version has the database of its own branch, whatever its values are.
  const fits = (spec: VersionSpec) => spec.database === null || spec.branch === branch;
  if (fits(source.spec) && isSame(differenceOf(before, runValues(environment)))) {
    return source.spec.number;
  }
  const app = source.spec.app;
  const found = (await store.apps()).find(({ name }) => name === app);
  const live = found?.branches.find(({ name }) => name === branch)?.live ?? null;
  if (live === null || live === source.spec.number) return null;
  const other = await store.version(app, live);
  const own = differenceOf(runValues(environments.openVersion(other)), runValues(environment));
  const isAlike = fits(other.spec) && whatElse(other.spec) === whatElse(source.spec);
  return isAlike && isSame(own) ? live : null;
}

/** All of a version that a re-bind leaves as it is. */
function whatElse({ number, env, createdAtMs, branch, ...rest }: VersionSpec): string {
  return JSON.stringify(Object.entries(rest).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Also by the app's own schemas, when it has some. */
async function checked(
  { builder, artifacts }: Pick<DeployerOptions, "builder" | "artifacts">,
  { source, environment }: OpenPlan,
  { app, branch }: RebindTarget,
  signal: AbortSignal,
): Promise<OpenEnvironment> {
  if (schemaNames(environment).length === 0) {
    refuseInvalid(app, branch, environment);
    return environment;
  }
  const folder = artifacts.path(source.spec.digest);
  const asked = await builder.checkEnvironment(folder, environment, signal);
  refuseInvalid(app, branch, asked.environment, asked.problems);
  return asked.environment;
}
