/**
 * One deploy, from the upload to a version that is live:
 *
 *   queued ─▶ unpack ─▶ (install, build, bundle) ─▶ artifact ─▶ boot ─▶ live
 *                                                         │       └─ fails: the branch keeps its version
 *                                                         └─ the version is created only after it has answered
 *
 * Everything before `live` can be cancelled and leaves nothing but an artifact that the next deploy of the same input
 * finds. From then on the deploy is carried through, whether its client is there or not.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { VersionMigrations } from "../base/version-migrations.ts";
import { versionName } from "../base/version-spec.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import { ArtifactUse } from "./artifact-use.ts";
import { buildFactsOf, gitOf } from "./build-provenance.ts";
import type { BuiltApp, SourceFacts } from "./builder.ts";
import { databaseStep, type StepDatabase } from "./database-step.ts";
import type {
  DeployEvent,
  DeployPlanned,
  DeployQuery,
  DeployResult,
  DeployVerified,
} from "./deploy-api.ts";
import {
  asDeployError,
  type DeployerOptions,
  type Deploying,
  deployingNode,
  type Job,
} from "./deploy-job.ts";
import { DeployQueue } from "./deploy-queue.ts";
import { maskOf } from "./mask-file.ts";
import { migrateStep } from "./migrate-step.ts";
import { addKit } from "./migration-kit.ts";
import { appNameFrom, checkAppName, checkBranchName, PRODUCTION_BRANCH } from "./names.ts";
import { openEnvironment } from "./open-environment.ts";
import { comparePackages, isUnchanged, type PackageChanges } from "./package-changes.ts";
import { packageList, packageListDigest } from "./package-list.ts";
import {
  planRebind,
  type RebindPlan,
  type RebindRequest,
  type RebindTarget,
  type Rebound,
  rebind,
} from "./rebind.ts";
import { sourceQueryOf } from "./source-query.ts";
import { type Candidate, takeLive } from "./take-live.ts";
import { verifyBuild } from "./verify.ts";

/** In the folder of builds: packages that apps have fetched, and what children run. */
const KEPT = [".cache", ".programs"];

export class Deployer {
  readonly #options: DeployerOptions;
  readonly #queue = new DeployQueue();
  readonly #use: ArtifactUse;
  #uploads = 0;

  constructor(options: DeployerOptions) {
    this.#options = options;
    this.#use = new ArtifactUse(options.artifacts);
  }

  /** Removes what builds of a killed node left. Call it before the first deploy. */
  async sweep(): Promise<void> {
    const builds = join(this.#options.dataDir, "builds");
    await this.#options.builder.killLeftovers();
    await mkdir(builds, { recursive: true, mode: 0o700 });
    for (const name of await readdir(builds)) {
      if (!KEPT.includes(name)) await removeFolder(join(builds, name));
    }
  }

  /**
   * @param emit gets what happens, without a last `done` or `failed`
   * @returns with `plan` in the query, what it would do; with `verify`, that the artifact is the same
   * @throws {PlatformError} why there is no new version; the branch is as it was
   */
  async deploy(
    upload: ReadableStream<Uint8Array>,
    query: DeployQuery,
    emit: (event: DeployEvent) => void,
    signal: AbortSignal,
    deploying: Deploying = deployingNode,
  ): Promise<DeployResult | DeployPlanned | DeployVerified> {
    const { clock, dataDir, builder, unpack } = this.#options;
    const startedAtMs = clock.nowMs();
    const branch = checkBranchName(query.branch);
    if (query.app !== undefined) checkAppName(query.app);
    using _place = this.#queue.admit(deploying.token);
    this.#uploads += 1;
    const source = join(dataDir, "builds", `.upload-${process.pid}-${this.#uploads}`);
    try {
      emit({ type: "step", step: "unpack" });
      await unpack(upload, source, signal);
      const facts = await builder.readSource(source, signal, emit, sourceQueryOf(query));
      const app = this.#nameOf(query, facts);
      deploying.assertMayDeploy(app);
      if (query.plan === true) return { app, branch, plan: await builder.plan(source, facts) };
      using _turn = await this.#queue.enter(app, signal, () =>
        emit({ type: "step", step: "queued" }),
      );
      const job: Job = {
        app,
        branch,
        query,
        source,
        facts,
        mask: await maskOf(source, facts),
        emit,
        signal,
        deployedBy: deploying.name,
        startedAtMs,
      };
      if (query.verify !== undefined) return await verifyBuild(this.#options, job, query.verify);
      return await this.#run(job);
    } catch (thrown) {
      throw asDeployError(thrown, signal);
    } finally {
      await removeFolder(source);
    }
  }

  /** What the artifact of a version would get on a branch. Throws like `planRebind`. */
  async planRebind(target: RebindTarget): Promise<RebindPlan> {
    const { difference, baked, id } = await planRebind(this.#options, target);
    return { difference, baked, id };
  }

  /** See `rebind`; in turn with the deploys of the app. */
  async rebind(request: RebindRequest): Promise<Rebound> {
    const { app, branch, version, signal } = request;
    checkBranchName(branch);
    try {
      using _place = this.#queue.admit(null);
      using _turn = await this.#queue.enter(app, signal, () => {});
      using _use = await this.#use.take();
      const rebound = await rebind(this.#options, request);
      if (rebound.taken !== null) {
        const { spec, previous } = rebound.taken;
        const message = `${versionName(spec.number)} is live on ${branch}: ${versionName(version)} with the environment of ${branch}`;
        this.#record({ app }, spec.number, message, { digest: spec.digest, previous });
      }
      return rebound;
    } catch (thrown) {
      throw asDeployError(thrown, signal);
    }
  }

  /** From now on no artifact is removed, until it is disposed. */
  holdArtifacts(): Promise<Disposable> {
    return this.#use.take();
  }

  /** See `ArtifactUse.remove`. */
  removeArtifacts(digests: readonly string[]): Promise<void> {
    return this.#use.remove(digests);
  }

  /** See `ArtifactUse.removeUnreferenced`. */
  removeUnreferenced(referenced: () => Promise<ReadonlySet<string>>): Promise<string[]> {
    return this.#use.removeUnreferenced(referenced);
  }

  #nameOf(query: DeployQuery, { config, packageName }: SourceFacts): string {
    const given = query.app ?? config.name;
    if (given !== null && given !== undefined) return checkAppName(given);
    for (const candidate of [packageName, query.folder]) {
      const name = candidate === null || candidate === undefined ? null : appNameFrom(candidate);
      if (name !== null) return name;
    }
    throw new PlatformError("NAME_INVALID", [
      "the app's name",
      query.folder ?? "",
      "neither the config, package.json nor the folder has a name that can be used; give one with --app",
    ]);
  }

  async #run(job: Job): Promise<DeployResult> {
    const { store } = this.#options;
    const { app, branch, query } = job;
    const id = await store.startDeploy({
      app,
      branch,
      message: query.message ?? null,
      commit: query.commit ?? null,
    });
    try {
      const result = await this.#buildAndCheck(job, await openEnvironment(this.#options, job));
      // The version is live: a store that goes away now must not turn that into a failure.
      await store.finishDeploy(id, { state: "succeeded", version: result.version }).catch(() => {});
      this.#record(job, result.version, `${versionName(result.version)} is live on ${branch}`, {
        digest: result.digest,
        previous: result.previous,
      });
      return result;
    } catch (thrown) {
      const error = asDeployError(thrown, job.signal);
      await store.finishDeploy(id, { state: "failed", error: error.toBody() }).catch(() => {});
      this.#record(job, null, `The deploy to ${branch} failed: ${error.message}`, {
        code: error.code,
      });
      throw error;
    } finally {
      this.#options.ended(app);
    }
  }

  async #buildAndCheck(job: Job, environment: OpenEnvironment): Promise<DeployResult> {
    const { builder, clock, dataDir, urlOf, platformVersion } = this.#options;
    const { app, branch, query, emit, signal } = job;
    const workFolder = join(dataDir, "builds", app);
    const buildStartedAtMs = clock.nowMs();
    await removeFolder(workFolder);
    const { runtime } = job.facts.config;
    const runtimeForced = await this.#options.runtimeGate({
      ...{ app, branch, runtime, force: query.force ?? null },
    });
    using _runtime = await takeRuntime(this.#options, job);
    let database: StepDatabase | null = null;
    try {
      const built = await builder.build({
        app,
        branch,
        source: job.source,
        workFolder,
        facts: job.facts,
        environment,
        emit,
        signal,
      });
      for (const message of built.warnings) emit({ type: "warning", message });
      emit({ type: "step", step: "artifact" });
      using _use = await this.#use.take();
      const artifact = await this.#options.artifacts.add(built.folder, { signal });
      const buildMs = clock.nowMs() - buildStartedAtMs;
      signal.throwIfAborted();
      const changes = await this.#packageChanges(job, built);
      const { packages } = built;
      const kit =
        built.kit === null ? null : await addKit(this.#options.artifacts, built.kit, signal);
      const frozen = frozenOf(job, built, artifact.digest, kit?.migrations ?? null);
      database = await databaseStep(this.#options.databases, {
        ...{ app, branch, spec: frozen.database, mask: job.mask, emit },
        ...{ parent: query.fromBranch ?? null, environment: built.environment },
      });
      const migrated = await migrateStep(this.#options, {
        ...{ app, branch, spec: frozen, environment: built.environment },
        ...{ reason: "deploy", emit, signal },
      });
      const candidate: Candidate = {
        frozen,
        environment: built.environment,
        message: query.message ?? null,
        commit: query.commit ?? null,
        artifactBytes: artifact.bytes,
        kitBytes: kit?.bytes ?? 0,
        packages:
          packages === null ? null : { sha256: packageListDigest(packages), list: packages },
        provenance: {
          ...built.provenance,
          levain: platformVersion,
          git: gitOf(query),
          deployedBy: job.deployedBy,
          runtimeForced,
          ms: { build: Math.round(buildMs), boot: 0 },
          files: artifact.files,
          largest: artifact.largest,
        },
        reason: "deploy",
        migrated,
      };
      const live = await takeLive(this.#options, candidate, emit, signal).catch((error) => {
        if (migrated.report?.target != null && database?.made === null)
          emit({ type: "warning", message: migratedBefore(branch) });
        throw error;
      });
      return {
        app,
        branch,
        version: live.spec.number,
        digest: artifact.digest,
        url: urlOf(app, branch),
        versionUrl: urlOf(app, live.spec.number),
        previous: live.previous,
        warnings: [...built.warnings, ...live.warnings],
        packages: changes,
        database: database.made,
        migrations: migrated.report,
        ms: {
          build: Math.round(buildMs),
          boot: Math.round(live.bootMs),
          total: Math.round(clock.nowMs() - job.startedAtMs),
        },
      };
    } catch (thrown) {
      await database?.undo();
      throw thrown;
    } finally {
      await removeFolder(workFolder);
    }
  }

  /** Since the version that is live on the branch, or on production for a branch that is new. */
  async #packageChanges(job: Job, { packages }: BuiltApp): Promise<PackageChanges | null> {
    const { app, branch, emit } = job;
    if (packages === null) return null;
    const store = this.#options.store;
    const before =
      (await store.livePackages(app, branch)) ?? (await store.livePackages(app, PRODUCTION_BRANCH));
    const list = packageList.safeParse(before?.list);
    if (before === null || !list.success) return null;
    const changes = comparePackages(list.data, packages, before.version);
    if (!isUnchanged(changes)) emit({ type: "packages", changes });
    return changes;
  }

  #record(
    { app }: Pick<Job, "app">,
    version: number | null,
    message: string,
    fields: Record<string, unknown>,
  ): void {
    this.#options.log.write({
      time: new Date(this.#options.clock.wallMs()).toISOString(),
      app,
      version,
      instance: null,
      stream: "platform",
      requestId: null,
      event: "deploy",
      message,
      fields,
    });
  }
}

/** What a migration has done stays done. */
function migratedBefore(branch: string): string {
  return `the database of branch ${branch} is migrated all the same; the version that is live goes on with it`;
}

/** Fetches the runtime that the version is going to name; nothing is built for one that cannot be had. */
async function takeRuntime(
  { runtimes }: Pick<DeployerOptions, "runtimes">,
  { facts, emit, signal }: Job,
): Promise<Disposable> {
  const { runtime } = facts.config;
  if (runtime === null) return { [Symbol.dispose]() {} };
  const held = runtimes.hold(runtime);
  try {
    emit({ type: "step", step: "runtime" });
    await runtimes.ensure(runtime, signal);
    return held;
  } catch (error) {
    held[Symbol.dispose]();
    throw error;
  }
}

/** What a build says of the version that it becomes. */
function frozenOf(
  { app, branch, query }: Job,
  { config, entry, args, assets, provenance }: BuiltApp,
  digest: string,
  migrations: VersionMigrations | null,
): Candidate["frozen"] {
  // The others have done their work in the build.
  const { name, env, framework, build, start, bundle, migrate, ...frozen } = config;
  const buildFacts = buildFactsOf(query, provenance);
  return { ...frozen, migrations, app, branch, digest, entry, args, assets, buildFacts };
}
