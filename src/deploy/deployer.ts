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
import type { Clock } from "../base/clock.ts";
import { asPlatformError, messageOf, PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import type { Store } from "../store/store.ts";
import { VersionNumberTaken } from "../store/versions.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { AppConfig } from "./app-config.ts";
import type { ArtifactStore } from "./artifact-store.ts";

import type { DeployEvent, DeployQuery, DeployResult } from "./deploy-api.ts";
import { DeployQueue } from "./deploy-queue.ts";
import { appNameFrom, branchLabel, checkAppName, checkBranchName } from "./names.ts";

/** What a build made of a source folder. */
export interface BuiltApp {
  /** What becomes the artifact; removed by the deployer. */
  folder: string;
  /** Module to import, relative to `folder`. */
  entry: string;
  config: AppConfig;
  warnings: string[];
  /** How it came to be: Bun version, lockfile hash, config hash … Plain JSON. */
  provenance: Record<string, unknown>;
}

/** What is known of the source before anything of it runs. */
export interface SourceFacts {
  config: AppConfig;
  /** `name` in package.json, or null. */
  packageName: string | null;
}

export interface BuildRequest {
  app: string;
  /** Unpacked source. */
  source: string;
  /** Where to build and leave the result; empty or missing. Always the same for an app. */
  workFolder: string;
  facts: SourceFacts;
  emit(event: DeployEvent): void;
  signal: AbortSignal;
}

/** The build as the deployer needs it; see `build.ts`. */
export interface Builder {
  /** Reads the configuration, in a process of its own. @throws {PlatformError} `CONFIG_INVALID` … */
  readSource(
    source: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
  ): Promise<SourceFacts>;
  build(request: BuildRequest): Promise<BuiltApp>;
  /** Ends what builds of a killed node have left running. */
  killLeftovers(): Promise<unknown>;
}

export interface DeployerOptions {
  dataDir: string;
  builder: Builder;
  store: Pick<
    Store,
    "nextVersionNumber" | "createVersion" | "setLive" | "startDeploy" | "finishDeploy"
  >;
  artifacts: ArtifactStore;
  /** Unpacks an upload into a folder; `unpackSource`. */
  unpack(upload: ReadableStream<Uint8Array>, folder: string, signal: AbortSignal): Promise<unknown>;
  /** Starts the version and asks it one request; it stays warm. @throws {PlatformError} why it cannot go live */
  bootCheck(spec: VersionSpec, signal: AbortSignal): Promise<void>;
  /** The version is in the store now. */
  kept(spec: VersionSpec): void;
  /** Ends the processes of a version that did not make it. */
  discard(spec: VersionSpec): Promise<void>;
  /** Puts what the store holds into effect. */
  publish(): Promise<void>;
  urlOf(app: string, target: string | number): string;
  /** Version of this program, for the provenance. */
  platformVersion: string;
  log: LogSink;
  clock: Clock;
}

type StoredArtifact = Awaited<ReturnType<ArtifactStore["add"]>>;

/** Times another number is tried when somebody else took it; another node deployed the same app. Count. */
const numberTriesMax = 5;

/** In the folder of builds: packages that apps have fetched, and what children run. */
const KEPT = [".cache", ".programs"];

export class Deployer {
  readonly #options: DeployerOptions;
  readonly #queue = new DeployQueue();
  /** Deploys between their artifact and their version. Count. */
  #artifactsInUse = 0;
  /** A removal of artifacts that is under way. */
  #removing: Promise<void> | null = null;
  #uploads = 0;

  constructor(options: DeployerOptions) {
    this.#options = options;
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
   * @throws {PlatformError} why there is no new version; the branch is as it was
   */
  async deploy(
    upload: ReadableStream<Uint8Array>,
    query: DeployQuery,
    emit: (event: DeployEvent) => void,
    signal: AbortSignal,
  ): Promise<DeployResult> {
    const { clock, dataDir, builder, unpack } = this.#options;
    const startedAtMs = clock.nowMs();
    const branch = checkBranchName(query.branch);
    if (query.app !== undefined) checkAppName(query.app);
    using _place = this.#queue.admit();
    this.#uploads += 1;
    const source = join(dataDir, "builds", `.upload-${process.pid}-${this.#uploads}`);
    try {
      emit({ type: "step", step: "unpack" });
      await unpack(upload, source, signal);
      const facts = await builder.readSource(source, signal, emit);
      const app = this.#nameOf(query, facts);
      using _turn = await this.#queue.enter(app, signal, () =>
        emit({ type: "step", step: "queued" }),
      );
      return await this.#run({ app, branch, query, source, facts, emit, signal, startedAtMs });
    } catch (thrown) {
      throw asDeployError(thrown, signal);
    } finally {
      await removeFolder(source);
    }
  }

  /**
   * Removes artifacts that no version names any more. While a deploy is between its artifact and its version nothing is
   * removed: what stays costs disk, and is found by the next start.
   */
  async removeArtifacts(digests: readonly string[]): Promise<void> {
    if (this.#artifactsInUse > 0) return;
    await this.#alone(async () => {
      for (const digest of digests) await this.#options.artifacts.remove(digest);
    });
  }

  /** Removes every artifact that is in none of the versions that `referenced` finds. Waits for nothing, as above. */
  async removeUnreferenced(referenced: () => Promise<ReadonlySet<string>>): Promise<void> {
    if (this.#artifactsInUse > 0) return;
    await this.#alone(async () => {
      const digests = await referenced();
      for (const digest of await this.#options.artifacts.list()) {
        if (!digests.has(digest)) await this.#options.artifacts.remove(digest);
      }
    });
  }

  /** Runs a removal; deploys wait for it before they add an artifact. */
  async #alone(remove: () => Promise<void>): Promise<void> {
    const removing = (this.#removing ?? Promise.resolve()).then(remove);
    this.#removing = removing.catch(() => {});
    await removing;
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
      const result = await this.#buildAndCheck(job);
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
    }
  }

  async #buildAndCheck(job: Job): Promise<DeployResult> {
    const { builder, clock, dataDir } = this.#options;
    const { app, emit, signal } = job;
    const workFolder = join(dataDir, "builds", app);
    const buildStartedAtMs = clock.nowMs();
    await removeFolder(workFolder);
    try {
      const built = await builder.build({
        app,
        source: job.source,
        workFolder,
        facts: job.facts,
        emit,
        signal,
      });
      for (const message of built.warnings) emit({ type: "warning", message });
      emit({ type: "step", step: "artifact" });
      using _use = await this.#useArtifacts();
      const artifact = await this.#options.artifacts.add(built.folder, { signal });
      const buildMs = clock.nowMs() - buildStartedAtMs;
      signal.throwIfAborted();
      return await this.#takeLive(job, built, artifact, buildMs);
    } finally {
      await removeFolder(workFolder);
    }
  }

  async #takeLive(
    job: Job,
    built: BuiltApp,
    artifact: StoredArtifact,
    buildMs: number,
  ): Promise<DeployResult> {
    const { store, clock, publish, urlOf, bootCheck, kept, discard, platformVersion } =
      this.#options;
    const { app, branch, query, emit, signal } = job;
    const labelFor = (name: string, taken: readonly string[]) =>
      branchLabel(name, new Set(taken), app);
    for (let tries = 1; ; tries++) {
      const spec = this.#specOf(job, built, artifact, await store.nextVersionNumber(app));
      emit({ type: "step", step: "boot" });
      const bootStartedAtMs = clock.nowMs();
      let isKept = false;
      try {
        await bootCheck(spec, signal);
        const bootMs = clock.nowMs() - bootStartedAtMs;
        signal.throwIfAborted();
        emit({ type: "step", step: "live" });
        await store.createVersion({
          spec,
          branchLabel: labelFor,
          message: query.message ?? null,
          commit: query.commit ?? null,
          artifactBytes: artifact.bytes,
          provenance: { ...built.provenance, levain: platformVersion },
        });
        isKept = true;
        kept(spec);
        const { previous } = await store.setLive({
          app,
          branch,
          version: spec.number,
          reason: "deploy",
          atMs: clock.wallMs(),
          branchLabel: labelFor,
        });
        // From here on the version is live: what cannot be published now is tried until it is.
        const warnings = [...built.warnings];
        await publish().catch((error: unknown) => {
          warnings.push(
            `it is live as soon as the route table can be published: ${messageOf(error)}`,
          );
        });
        return {
          app,
          branch,
          version: spec.number,
          digest: artifact.digest,
          url: urlOf(app, branch),
          versionUrl: urlOf(app, spec.number),
          previous,
          warnings,
          ms: {
            build: Math.round(buildMs),
            boot: Math.round(bootMs),
            total: Math.round(clock.nowMs() - job.startedAtMs),
          },
        };
      } catch (error) {
        const isGone =
          error instanceof PlatformError &&
          (error.code === "APP_UNKNOWN" || error.code === "VERSION_UNKNOWN");
        if (isKept && !isGone) throw error;
        await discard(spec);
        // Another node deployed the same app meanwhile: its version has the number, ours takes the next one.
        if (!(error instanceof VersionNumberTaken) || tries >= numberTriesMax) throw error;
      }
    }
  }

  #specOf(job: Job, built: BuiltApp, artifact: StoredArtifact, number: number): VersionSpec {
    // The others have done their work in the build.
    const { name, entry, build, bundle, ...frozen } = built.config;
    return {
      app: job.app,
      number,
      branch: job.branch,
      digest: artifact.digest,
      entry: built.entry,
      ...frozen,
      createdAtMs: this.#options.clock.wallMs(),
    };
  }

  /** From before an artifact is added until its version is kept. */
  async #useArtifacts(): Promise<Disposable> {
    this.#artifactsInUse += 1;
    await this.#removing;
    return {
      [Symbol.dispose]: () => {
        this.#artifactsInUse -= 1;
      },
    };
  }

  #record(
    { app }: Job,
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

interface Job {
  app: string;
  branch: string;
  query: DeployQuery;
  source: string;
  facts: SourceFacts;
  emit(event: DeployEvent): void;
  signal: AbortSignal;
  startedAtMs: number;
}

/**
 * What a step throws when it is aborted is the signal's reason, or comes of it. A reason that means something to a person
 * is what they are told; without one, that the deploy was cancelled.
 */
function asDeployError(thrown: unknown, signal: AbortSignal): PlatformError {
  if (signal.aborted && signal.reason instanceof PlatformError) return signal.reason;
  if (signal.aborted && !(thrown instanceof PlatformError)) {
    return new PlatformError("DEPLOY_CANCELLED", [], { cause: thrown });
  }
  return asPlatformError(thrown);
}
