/**
 * From a source folder to what becomes an artifact. Every step that runs anything of the project's runs in a child
 * process, bounded in time and memory, held to what the step may reach (`build-grants.ts`), as a user of its own where
 * the node is root (`build-users.ts`), without the node's environment (`build-environment.ts`).
 *
 *   read config ─▶ bun install ─▶ build command ─▶ find the entry ─▶ bundle ─▶ remove what is not needed
 *
 * The work folder of an app is always the same, so the same source gives the same artifact.
 */
import { chmodSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { isAtLeast, type SandboxLevel } from "../base/permissions.ts";
import type { Identity } from "../base/reach.ts";
import { planBuild } from "../project/build-plan.ts";
import { defaultLevel, kernelSupport } from "../sandbox/kernel-support.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import { type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import { parseAppConfig, wishesOf } from "./app-config.ts";
import { assetsOf, keepAssets, prepareAssets } from "./asset-step.ts";
import { bakedValueWarnings } from "./baked-values.ts";
import { certificateFiles, type NodeEnvironment, pathOf } from "./build-environment.ts";
import { unknownPermissions } from "./build-grants.ts";
import type { BuildMemory } from "./build-memory.ts";
import type { BuildBounds } from "./build-process.ts";
import { type BuildPrograms, prepareBuildPrograms, toolFolders } from "./build-programs.ts";
import { buildProvenance } from "./build-provenance.ts";
import { BuildRoom, type BuildRoomOptions } from "./build-room.ts";
import { buildDependencies, install, runBuildCommand, runChild, runConfig } from "./build-steps.ts";
import { BuildUsers } from "./build-users.ts";
import { warnOfEngines, warnOfLockfile, warnOfPreload } from "./build-warnings.ts";
import type { Builder, BuildRequest, BuiltApp, SourceFacts, SourceQuery } from "./builder.ts";
import { schemasFile } from "./checked-values.ts";
import type { ChildRequest } from "./child-result.ts";
import { findConfigFile, readJsonConfig, withOverrides } from "./config-file.ts";
import type { DeployEvent, DeployPlan } from "./deploy-api.ts";
import { hiddenValues, installValues, neverRead } from "./env-build.ts";
import {
  askSchemas,
  copySchemas,
  keepSchemas,
  type SchemaCheck,
  schemaNames,
} from "./env-check.ts";
import { finishBuild } from "./finish-build.ts";
import { buildMemoryBytesMax, buildTimeoutMs } from "./limits.ts";
import { listPackages } from "./list-packages.ts";
import { makeKit } from "./migration-kit.ts";
import {
  type MigrationRunner,
  type MigrationRunnerRequest,
  openRunner,
} from "./migration-runner.ts";
import { environmentWarnings, refuseInvalid } from "./open-environment.ts";
import { killBuild, killUsers } from "./process-tree.ts";
import { readProjectFacts } from "./project-facts.ts";
import { findLockfile, hasEntries, needsInstall, readManifest } from "./project-files.ts";
import { closedPortWarnings } from "./service-ports.ts";

export interface AppBuilderOptions extends Partial<BuildBounds> {
  /** Builds happen in its `builds/`. */
  dataDir: string;
  /** See `BuildProcesses`. */
  memory?: BuildMemory;
  clock?: Clock;
  /** The least level of the sandbox that an app may ask for. Default `relaxed`. */
  sandboxMin?: SandboxLevel;
  /** The node's environment; a few settings of the operator are passed on. Default: this process's. */
  nodeEnv?: NodeEnvironment;
}

export class AppBuilder implements Builder {
  readonly #dataDir: string;
  readonly #buildsDir: string;
  readonly #users: BuildUsers;
  readonly #sandboxMin: SandboxLevel;
  readonly #bounds: BuildBounds;
  readonly #memory: BuildMemory | undefined;
  readonly #clock: Clock;
  readonly #nodeEnv: NodeEnvironment;
  #programs: Promise<BuildPrograms> | null = null;
  #checks = 0;

  constructor(options: AppBuilderOptions) {
    // Free of links, as the kernel sees it.
    this.#dataDir = realpathSync(options.dataDir);
    this.#buildsDir = join(this.#dataDir, "builds");
    this.#users = new BuildUsers(this.#dataDir);
    this.#sandboxMin = options.sandboxMin ?? "relaxed";
    this.#bounds = {
      timeoutMs: options.timeoutMs ?? buildTimeoutMs,
      memoryBytesMax: options.memoryBytesMax ?? buildMemoryBytesMax,
    };
    this.#memory = options.memory;
    this.#clock = options.clock ?? systemClock;
    this.#nodeEnv = options.nodeEnv ?? process.env;
  }

  /** Kills what builds of a node that was killed have left running. Call it before the first build. */
  async killLeftovers(): Promise<number> {
    const marked = await killBuild(this.#buildsDir);
    return marked + (await killUsers((uid) => this.#users.has(uid)));
  }

  async readSource(
    source: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
    asked: SourceQuery = {},
  ): Promise<SourceFacts> {
    const folder = asked.workspace ?? "";
    const appFolder = join(source, folder);
    const manifest = await readManifest(appFolder);
    const packageName = typeof manifest.name === "string" ? manifest.name : null;
    const file = findConfigFile(appFolder);
    let raw: unknown = {};
    if (file?.endsWith(".json")) raw = await readJsonConfig(appFolder, file);
    else if (file !== null) {
      raw = await this.#readTypedConfig(source, join(folder, file), signal, emit);
    }
    const given = parseAppConfig(withOverrides(raw, asked), file ?? "the default config");
    const { framework } = planBuild(await readProjectFacts(appFolder), wishesOf(given));
    const values = { ...framework?.runEnv, ...given.env.values };
    const config = { ...given, env: { ...given.env, values } };
    const { dependsOn = [], isUnattended = false } = asked;
    return { config, packageName, folder, dependsOn, isUnattended };
  }

  async plan(source: string, facts: SourceFacts): Promise<DeployPlan> {
    const { plan } = planBuild(
      await readProjectFacts(join(source, facts.folder)),
      wishesOf(facts.config),
    );
    return { ...plan, lockfile: (await findLockfile(source))?.name ?? null };
  }

  async build(request: BuildRequest): Promise<BuiltApp> {
    const { app, workFolder, facts, emit, signal } = request;
    const project = join(workFolder, "app");
    const warnings = environmentWarnings(request.environment);
    const { permissions } = facts.config;
    const level = this.#levelOf(facts.config.sandbox);
    const given = runValues(request.environment);
    warnings.push(...closedPortWarnings(given, permissions.connect, level));
    await removeFolder(workFolder);
    await mkdir(workFolder, { recursive: true, mode: 0o700 });
    await rename(request.source, project);
    using user = this.#users.ofApp(app);
    const room = await this.#open({
      workFolder,
      project,
      isProjectChanged: true,
      user,
      level,
      permissions,
      signal,
      emit,
    });

    const { config } = facts;
    let { environment } = request;
    room.output.hide(hiddenValues(environment));
    const appFolder = join(project, facts.folder);
    const source = await readProjectFacts(appFolder);
    const planned = planBuild(source, wishesOf(config));
    warnOfEngines(source.manifest, warnings);
    const lockfile = await findLockfile(project);
    emit({ type: "plan", plan: { ...planned.plan, lockfile: lockfile?.name ?? null } });
    const manifest = await readManifest(project);
    const isMonorepo = facts.folder !== "";
    // Builds need the development tools; without a build they would only be removed again.
    const onlyProduction =
      !planned.plan.bundle &&
      planned.plan.build === null &&
      facts.dependsOn.length === 0 &&
      (config.migrate === null || config.migrate.way === "sql");
    if (needsInstall(manifest) || isMonorepo) {
      warnOfLockfile(lockfile?.name ?? null, facts.isUnattended, warnings);
      emit({ type: "step", step: "install" });
      const workspaces = isMonorepo ? ["", facts.folder, ...facts.dependsOn] : [];
      const options = {
        manifest,
        lockfile: lockfile?.name ?? null,
        onlyProduction,
        workspaces,
        env: await installValues(project, environment),
      };
      await install(room, options, warnings);
    }
    const { build } = planned.plan;
    const values = Object.fromEntries(environment.build);
    await buildDependencies(room, facts.dependsOn, values, emit);
    if (build !== null) {
      emit({ type: "step", step: "build" });
      const env = { ...planned.framework?.buildEnv, ...values };
      await runBuildCommand(room, build, { cwd: appFolder, env });
    }
    if (build !== null || planned.plan.bundle) {
      const { framework } = planned;
      warnings.push(...(await bakedValueWarnings(appFolder, source, framework, environment)));
    }
    const configFile = findConfigFile(appFolder);
    const hasSchemas = schemaNames(environment).length > 0 && configFile !== null;
    if (hasSchemas) {
      const asked = await askSchemas(room, join(appFolder, configFile), environment);
      refuseInvalid(app, request.branch, asked.environment, asked.problems);
      environment = asked.environment;
      // As long as the packages that it imports are there.
      await keepSchemas(room, join(appFolder, configFile));
    }
    // An install without a lockfile has written one.
    const installed = await findLockfile(project);
    const packages = await listPackages(room, facts.folder, installed?.name ?? null, warnings);
    await warnOfPreload(appFolder, warnings);
    const kit =
      config.migrate === null
        ? null
        : await makeKit(room, facts.folder, config.migrate, values, warnings);
    // A build may have changed package.json; what it says now is what is meant.
    const hasTools = !onlyProduction && (isMonorepo || hasEntries(manifest.devDependencies));
    const outcome = await finishBuild(
      room,
      facts.folder,
      planned,
      hasTools,
      values,
      warnings,
      emit,
    );
    const assets = assetsOf(outcome, config);
    if (outcome.entry === null && assets === null) {
      throw new PlatformError("ENTRY_NOT_FOUND", ["nothing but pages (`assets` is false)"]);
    }
    if (assets !== null) emit({ type: "step", step: "assets" });
    const { out } = room.places;
    const run = (task: ChildRequest) => runChild(room, task);
    const assetRoom = { project, out, run, encodes: true };
    const prepared = assets === null ? null : await prepareAssets(assetRoom, assets, warnings);
    if (outcome.entry === null && prepared !== null) await keepAssets(project, prepared.paths);
    if (outcome.entry !== null) warnings.push(...(await neverRead(project, environment)));
    return {
      folder: project,
      entry: outcome.entry,
      args: outcome.args,
      assets: prepared?.manifest ?? null,
      config: facts.config,
      environment,
      warnings,
      packages,
      kit,
      provenance: buildProvenance({
        manifest,
        config,
        lockfile,
        entry: outcome.source,
        bundled: outcome.bundled,
        framework: planned.framework?.name ?? null,
        command: build,
        packages,
        sandbox: this.#levelOf(config.sandbox),
      }),
    };
  }

  async checkEnvironment(
    artifact: string,
    environment: OpenEnvironment,
    signal: AbortSignal,
  ): Promise<SchemaCheck> {
    this.#checks += 1;
    const project = join(this.#buildsDir, `.check-${process.pid}-${this.#checks}`);
    try {
      mkdirSync(this.#buildsDir, { recursive: true, mode: 0o700 });
      const file = await copySchemas(artifact, project);
      return await this.#inPassing(
        project,
        signal,
        () => {},
        async (room) => {
          room.output.hide(hiddenValues(environment));
          return await askSchemas(room, file ?? join(project, schemasFile), environment);
        },
      );
    } finally {
      await removeFolder(project);
    }
  }

  openMigrations(request: MigrationRunnerRequest): Promise<MigrationRunner> {
    this.#checks += 1;
    const workFolder = join(this.#buildsDir, `.migrate-${process.pid}-${this.#checks}`);
    const level = this.#levelOf(request.sandbox);
    // Each run has a time of its own.
    const bounds = { ...this.#bounds, timeoutMs: Number.POSITIVE_INFINITY };
    return openRunner(request, workFolder, this.#users.ofApp(request.app), (options) =>
      this.#open({ ...options, level, bounds }),
    );
  }

  #readTypedConfig(
    source: string,
    file: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
  ): Promise<unknown> {
    return this.#inPassing(source, signal, emit, (room) => runConfig(room, file));
  }

  /** Runs something in a folder that it may only read, as nobody in particular. */
  async #inPassing<Result>(
    source: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
    run: (room: BuildRoom) => Promise<Result>,
  ): Promise<Result> {
    const workFolder = `${source}.work`;
    using user = this.#users.passing();
    try {
      const room = await this.#open({
        workFolder,
        project: source,
        isProjectChanged: false,
        user,
        level: this.#levelOf(null),
        permissions: unknownPermissions,
        signal,
        emit,
      });
      return await run(room);
    } finally {
      await removeFolder(workFolder);
    }
  }

  async #open(
    options: Omit<
      BuildRoomOptions,
      "programs" | "tools" | "bounds" | "memory" | "nodeEnv" | "clock"
    > & { bounds?: BuildBounds },
  ): Promise<BuildRoom> {
    const { uid } = options.user;
    this.#programs ??= this.#prepare(uid === null ? null : { uid, gid: uid });
    const nodeEnv = this.#nodeEnv;
    return BuildRoom.open({
      bounds: this.#bounds,
      ...options,
      programs: await this.#programs,
      tools: [...toolFolders(pathOf(nodeEnv), this.#dataDir), ...certificateFiles(nodeEnv)],
      nodeEnv,
      clock: this.#clock,
      memory: this.#memory,
    });
  }

  /** @param who one of the users that builds run as; null: they run as the node's own */
  #prepare(who: Identity | null): Promise<BuildPrograms> {
    mkdirSync(this.#buildsDir, { recursive: true, mode: 0o700 });
    if (who !== null) for (const folder of [this.#dataDir, this.#buildsDir]) letPass(folder);
    return prepareBuildPrograms(this.#buildsDir, who);
  }

  /** What a version asks for counts only as far as the operator lets it. */
  #levelOf(wanted: SandboxLevel | null): SandboxLevel {
    if (wanted !== null && isAtLeast(wanted, this.#sandboxMin)) return wanted;
    return defaultLevel(kernelSupport(), process.getuid?.() !== 0);
  }
}

/** Pass, not list. */
function letPass(folder: string): void {
  const mode = statSync(folder).mode & 0o777;
  if ((mode & 0o011) !== 0o011) chmodSync(folder, mode | 0o011);
}
