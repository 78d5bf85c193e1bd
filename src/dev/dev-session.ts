/**
 * A project while somebody works on it: with every save, what a deploy would make of it takes the place of what was there.
 *
 *   save ──▶ copy what changed ──▶ read what configures it ──▶ bundle ──▶ start ──▶ serve
 *                                      └───────── fails ─────────┴────────┴──▶ serve the failure, until the next save
 *
 * One save is worked on at a time; those that come meanwhile are the next one together. Until newer code has started, the
 * code before answers.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asPlatformError, type ErrorBody } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { type AppConfig, parseAppConfig } from "../deploy/app-config.ts";
import { PRODUCTION_BRANCH } from "../deploy/names.ts";
import { closedPortWarnings } from "../deploy/service-ports.ts";
import { devEnvironment } from "./dev-environment.ts";
import { type DevFailure, describeFailure } from "./dev-failure.ts";
import { type DevArtifact, DevProject } from "./dev-project.ts";
import { type EnvFiles, readEnvFiles } from "./env-files.ts";
import { failureModule } from "./failure-page.ts";
import { FolderWatch } from "./folder-watch.ts";
import { SourceMirror } from "./source-mirror.ts";

/** What is told while it goes on. */
export interface DevWatcher {
  /** Newer code answers. @param files that were saved; empty for the first */
  reloaded(facts: { version: number; files: readonly string[]; ms: number }): void;
  failed(failure: DevFailure): void;
  /** Something the developer should know, once. */
  note(line: string): void;
  /** What a build command, the configuration or the bundler printed. */
  output(line: string): void;
}

export interface DevSessionOptions {
  /** The project; absolute, free of links. */
  folder: string;
  /** A folder of its own; whoever made it removes it. */
  dataDir: string;
  app: string;
  watcher: DevWatcher;
  /**
   * Starts a version and has it answer from then on, in the place of the one before. The digest is a folder.
   *
   * @throws {PlatformError} why it does not start; the one before still answers
   */
  show(spec: VersionSpec): Promise<void>;
}

export class DevSession {
  readonly #options: DevSessionOptions;
  readonly #mirror: SourceMirror;
  readonly #project: DevProject;
  readonly #watch: FolderWatch;
  readonly #notes = new Set<string>();
  #number = 0;
  #env = "";
  #isDirty = false;
  #changedMs = 0;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: DevSessionOptions) {
    const { folder, dataDir, watcher } = options;
    this.#options = options;
    this.#mirror = new SourceMirror(folder, this.#folder("source"));
    mkdirSync(join(dataDir, "failures"), { mode: 0o711 });
    this.#project = new DevProject({
      folder,
      mirror: this.#folder("source"),
      temporary: this.#folder("tasks"),
      mark: dataDir,
      note: (line) => this.#note(line),
      output: (line) => watcher.output(line),
    });
    this.#watch = new FolderWatch(() => void this.changed());
  }

  /** Looks at the project, and serves what it finds. Resolves when there is nothing to do; never rejects. */
  changed(): Promise<void> {
    if (!this.#isDirty) this.#changedMs = performance.now();
    this.#isDirty = true;
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Resolves when nothing of it runs any more. Twice is safe. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch.stop();
    await this.#project.stop();
    await this.#running;
  }

  async #work(): Promise<void> {
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      const startMs = this.#changedMs;
      try {
        await this.#reload(startMs);
      } catch (thrown) {
        if (!this.#isStopped) await this.#fail(asPlatformError(thrown).toBody());
      }
      this.#project.rest();
    }
  }

  async #reload(startMs: number): Promise<void> {
    const { folder, watcher, show } = this.#options;
    const { changed, folders, skipped } = await this.#mirror.sync();
    // What was written there before it was watched has told nobody.
    if (this.#watch.follow(folders) && this.#number > 0) this.#isDirty = true;
    for (const { path, reason } of skipped) {
      if (reason !== "secret") this.#note(`${path} is left out: ${reason}`);
    }
    const env = await readEnvFiles(folder);
    const envText = JSON.stringify(env.values);
    if (changed.length === 0 && envText === this.#env && this.#number > 0) return;
    const files =
      envText === this.#env || this.#number === 0 ? changed : [...changed, ...env.files];
    this.#env = envText;
    this.#number += 1;
    const number = this.#number;
    const config = await this.#project.config(changed);
    const { app } = this.#options;
    const { values, warnings } = devEnvironment(app, config.env, env.values);
    const { sandbox, permissions } = config;
    const given = new Map(Object.entries(values));
    warnings.push(...closedPortWarnings(given, permissions.connect, sandbox ?? "strict"));
    for (const warning of warnings) this.#note(warning);
    const artifact = await this.#project.make(config);
    // What a build wrote is part of this save, not another one.
    if (artifact.isBuilt) await this.#mirror.sync();
    await show(specOf(app, number, artifact, config, values));
    if (this.#isStopped) return;
    const isFirst = number === 1;
    watcher.reloaded({
      version: number,
      files: isFirst ? [] : files,
      ms: performance.now() - startMs,
    });
    this.#noteEnv(env);
  }

  async #fail(error: ErrorBody): Promise<void> {
    const { app, folder, watcher, show } = this.#options;
    const failure = await describeFailure(error, folder);
    watcher.failed(failure);
    this.#number += 1;
    const digest = this.#folder(`failures/${this.#number}`);
    mkdirSync(digest, { mode: 0o755 });
    writeFileSync(join(digest, "index.js"), failureModule(failure), { mode: 0o644 });
    const config = parseAppConfig({}, "the default config");
    const limits = { ...config.limits, streamIdleMs: config.limits.requestTimeoutMs * 100 };
    const artifact = { folder: digest, entry: "index.js", args: [], assets: null, isBuilt: false };
    const spec = specOf(app, this.#number, artifact, { ...config, limits }, {});
    try {
      await show(spec);
    } catch (thrown) {
      watcher.note(`The failure cannot be shown as a page: ${asPlatformError(thrown).message}`);
    }
  }

  #noteEnv({ refused }: EnvFiles): void {
    for (const name of refused) this.#note(`${name} in an .env file is not given: Levain sets it`);
  }

  #note(line: string): void {
    if (this.#notes.has(line)) return;
    this.#notes.add(line);
    this.#options.watcher.note(line);
  }

  #folder(name: string): string {
    return join(this.#options.dataDir, name);
  }
}

function specOf(
  app: string,
  number: number,
  { folder, entry, args, assets }: DevArtifact,
  config: AppConfig,
  values: Record<string, string>,
): VersionSpec {
  const { name, entry: _given, framework, build, start, bundle, assets: _assets, ...rest } = config;
  return {
    ...rest,
    app,
    number,
    branch: PRODUCTION_BRANCH,
    digest: folder,
    entry,
    args,
    assets,
    env: { NODE_ENV: "development", ...values },
    buildFacts: null,
    createdAtMs: Date.now(),
  };
}
