/**
 * A project while somebody works on it: with every save, what a deploy would make of it takes the place of what was there.
 *
 *   save ──▶ copy what changed ──▶ read what configures it ──▶ bundle ──▶ start ──▶ serve
 *                                      └───────── fails ─────────┴────────┴──▶ serve the failure, until the next save
 *
 * One save is worked on at a time. One that comes while the configuration is read, or while something is built, ends that, and
 * both are worked on together from the beginning; what comes later waits. Until newer code has started, the code before answers.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSpec } from "../base/database-spec.ts";
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
import { NewerSaves } from "./newer-saves.ts";
import { QuietFiles } from "./quiet-files.ts";
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
  /** What an app with a database finds in its environment. @throws {PlatformError} why there is none */
  databaseOf(spec: DatabaseSpec): Promise<Record<string, string>>;
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
  readonly #saves = new NewerSaves();
  /** Ends the save that is worked on. */
  #ending = new AbortController();
  /** It can be ended for a newer one. */
  #isMaking = false;
  /** Files of a save that was ended; it has to be worked on again, whatever has changed since. */
  #unfinished: string[] | null = null;
  #isStopped = false;

  constructor(options: DevSessionOptions) {
    const { folder, dataDir, watcher } = options;
    this.#options = options;
    const files = new QuietFiles([1, 2]);
    const isQuiet = (path: string) => files.has(path);
    this.#mirror = new SourceMirror(folder, this.#folder("source"), isQuiet);
    mkdirSync(join(dataDir, "failures"), { mode: 0o711 });
    this.#project = new DevProject({
      folder,
      mirror: this.#folder("source"),
      temporary: this.#folder("tasks"),
      mark: dataDir,
      note: (line) => this.#note(line),
      output: (line) => watcher.output(line),
    });
    this.#watch = new FolderWatch(() => void this.changed(), isQuiet);
  }

  /** Looks at the project, and serves what it finds. Resolves when there is nothing to do; never rejects. */
  changed(): Promise<void> {
    if (!this.#isDirty) this.#changedMs = performance.now();
    this.#isDirty = true;
    if (this.#isMaking) void this.#endForNewer(this.#ending);
    this.#running ??= this.#work().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Resolves when nothing of it runs any more. Twice is safe. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#watch.stop();
    this.#ending.abort();
    await this.#project.stop();
    await this.#running;
  }

  async #work(): Promise<void> {
    while (this.#isDirty && !this.#isStopped) {
      this.#isDirty = false;
      const startMs = this.#changedMs;
      this.#ending = new AbortController();
      const { signal } = this.#ending;
      try {
        await this.#reload(startMs, signal);
      } catch (thrown) {
        if (signal.aborted) this.#isDirty = true;
        else if (!this.#isStopped) await this.#fail(asPlatformError(thrown).toBody());
      }
      this.#project.rest();
    }
  }

  async #reload(startMs: number, signal: AbortSignal): Promise<void> {
    const { folder, watcher, show } = this.#options;
    const { changed, folders, skipped } = await this.#mirror.sync();
    // What was written there before it was watched has told nobody.
    if (this.#watch.follow(folders) && this.#number > 0) this.#isDirty = true;
    for (const { path, reason } of skipped) {
      if (reason !== "secret") this.#note(`${path} is left out: ${reason}`);
    }
    const env = await readEnvFiles(folder);
    const envText = JSON.stringify(env.values);
    const before = this.#unfinished;
    const isSame = changed.length === 0 && envText === this.#env;
    if (isSame && before === null && this.#number > 0) return;
    const ofEnv = envText === this.#env || this.#number === 0 ? [] : env.files;
    const files = [...new Set([...(before ?? []), ...changed, ...ofEnv])];
    this.#env = envText;
    const number = this.#number + 1;
    this.#unfinished = files;
    this.#isMaking = true;
    // A save since the look above has told already.
    if (this.#isDirty) void this.#endForNewer(this.#ending);
    const made = await this.#make(number, files, env, signal).then(
      (spec) => ({ spec }),
      (error: unknown) => ({ error }),
    );
    this.#isMaking = false;
    if (!signal.aborted) await this.#settle(files, "spec" in made);
    signal.throwIfAborted();
    this.#unfinished = null;
    this.#number = number;
    if ("error" in made) throw made.error;
    await show(made.spec);
    if (this.#isStopped) return;
    const isFirst = number === 1;
    watcher.reloaded({
      version: number,
      files: isFirst ? [] : files,
      ms: performance.now() - startMs,
    });
    this.#noteEnv(env);
  }

  async #make(
    number: number,
    files: readonly string[],
    env: EnvFiles,
    signal: AbortSignal,
  ): Promise<VersionSpec> {
    const config = await this.#project.config(files, signal);
    const { app, databaseOf } = this.#options;
    // Who names a database of his own in .env means that one.
    const isTheirs = env.values.DATABASE_URL !== undefined;
    const database = config.database === null || isTheirs ? {} : await databaseOf(config.database);
    const { values, warnings } = devEnvironment(app, config.env, { ...database, ...env.values });
    const { sandbox, permissions } = config;
    // Its own database is within its reach whatever the configuration says.
    const given = new Map(Object.entries(values).filter(([name]) => !(name in database)));
    warnings.push(...closedPortWarnings(given, permissions.connect, sandbox ?? "strict"));
    for (const warning of warnings) this.#note(warning);
    const artifact = await this.#project.make(config, signal);
    return specOf(app, number, artifact, config, values);
  }

  /** Takes what a build has written, and ends this save when another one came while it ran. */
  async #settle(files: readonly string[], isMade: boolean): Promise<void> {
    const { hasBuilt } = this.#project;
    const edited = hasBuilt ? this.#mirror.edited() : [];
    // What a build wrote is part of this save, not another one.
    const { changed } = hasBuilt ? await this.#mirror.sync() : { changed: [] };
    const isNewer = isMade
      ? this.#saves.finished(edited, changed)
      : this.#saves.failed(edited, changed);
    if (!isNewer) return;
    this.#unfinished = [...files, ...changed];
    this.#ending.abort();
  }

  /** Ends what is made when something was saved that it has not seen. */
  async #endForNewer(ending: AbortController): Promise<void> {
    const edited = this.#mirror.edited();
    const env = await readEnvFiles(this.#options.folder).catch(() => null);
    if (env !== null && JSON.stringify(env.values) !== this.#env) edited.push(...env.files);
    const waitMs = this.#saves.waitMs(edited);
    if (waitMs === null) return;
    const end = () => {
      if (!this.#isMaking || this.#ending !== ending || ending.signal.aborted) return;
      this.#saves.ended(edited);
      ending.abort();
    };
    if (waitMs === 0) end();
    else setTimeout(end, waitMs).unref();
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
    const artifact = { folder: digest, entry: "index.js", args: [], assets: null };
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
  const {
    name,
    entry: _given,
    framework,
    build,
    start,
    bundle,
    assets: _assets,
    ...others
  } = config;
  const { migrate: _migrate, ...rest } = others;
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
    migrations: null,
    buildFacts: null,
    createdAtMs: Date.now(),
  };
}
