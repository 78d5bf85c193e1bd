/**
 * A project while somebody works on it: with every save, what a deploy would make of it takes the place of what was there.
 *
 *   save ──▶ copy what changed ──▶ read what configures it ──▶ bundle ──▶ start ──▶ serve
 *                                      └───────── fails ─────────┴────────┴──▶ serve the failure, until the next save
 *
 * One save is worked on at a time; those that come meanwhile are the next one together. Until newer code has started, the
 * code before answers.
 */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { asPlatformError, type ErrorBody, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { type AppConfig, parseAppConfig } from "../deploy/app-config.ts";
import { findConfigFile, readJsonConfig } from "../deploy/config-file.ts";
import { PRODUCTION_BRANCH } from "../deploy/names.ts";
import { listProjectFiles, moveInto, needsInstall, readManifest } from "../deploy/project-files.ts";
import { findEntry } from "../project/entry.ts";
import { ownValues } from "../secrets/resolve.ts";
import { type DevFailure, describeFailure } from "./dev-failure.ts";
import { type EnvFiles, readEnvFiles } from "./env-files.ts";
import { failureModule } from "./failure-page.ts";
import { FolderWatch } from "./folder-watch.ts";
import { ProjectTasks } from "./project-tasks.ts";
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
  readonly #tasks: ProjectTasks;
  readonly #watch: FolderWatch;
  readonly #notes = new Set<string>();
  #number = 0;
  #config: AppConfig | null = null;
  #env = "";
  #isDirty = false;
  #changedMs = 0;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: DevSessionOptions) {
    const { folder, dataDir, watcher } = options;
    this.#options = options;
    this.#mirror = new SourceMirror(folder, this.#folder("source"));
    const temporary = this.#folder("tasks");
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    mkdirSync(join(dataDir, "failures"), { mode: 0o711 });
    this.#tasks = new ProjectTasks({ folder, temporary, onLine: (line) => watcher.output(line) });
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
    await this.#tasks.stop();
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
      this.#tasks.prepare();
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
    const config = await this.#readConfig(changed);
    await this.#build(config, changed);
    const { digest, entry } = await this.#artifact(config);
    await show(specOf(this.#options.app, number, digest, entry, config, env));
    if (this.#isStopped) return;
    const isFirst = number === 1;
    watcher.reloaded({
      version: number,
      files: isFirst ? [] : files,
      ms: performance.now() - startMs,
    });
    this.#noteEnv(env);
  }

  async #readConfig(changed: readonly string[]): Promise<AppConfig> {
    const { folder } = this.#options;
    const file = findConfigFile(folder);
    const isSame =
      this.#config !== null && !changed.some((path) => path.startsWith("levain.config."));
    if (isSame) return this.#config!;
    this.#config = null;
    let raw: unknown = {};
    if (file?.endsWith(".json")) raw = await readJsonConfig(folder, file);
    else if (file !== null) {
      const result = await this.#tasks.run({ task: "config", file: join(folder, file) });
      if (!result.ok || result.task !== "config") {
        const message = result.ok ? "it gave no config" : result.message;
        throw new PlatformError("CONFIG_INVALID", [file, message.replaceAll(`${folder}/`, "")]);
      }
      raw = result.value;
    }
    this.#config = parseAppConfig(raw, file ?? "the default config");
    return this.#config;
  }

  /** Runs the configured build command in the project, as the developer would. */
  async #build({ build }: AppConfig, changed: readonly string[]): Promise<void> {
    const { folder, watcher } = this.#options;
    if (build === null || build === false || changed.length === 0) return;
    const child = Bun.spawn(["/bin/sh", "-c", build], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const outputs = await Promise.all(
      [child.stdout, child.stderr].map((output) => new Response(output).text()),
    );
    const lines = outputs.flatMap((text) => text.split("\n")).filter((line) => line !== "");
    if ((await child.exited) !== 0) {
      const how = child.signalCode ?? `exit ${child.exitCode}`;
      throw new PlatformError("BUILD_FAILED", [`\`${build}\` ended with ${how}`], {
        detail: { lastLines: lines.slice(-20) },
      });
    }
    for (const line of lines) watcher.output(line);
    // What it wrote is part of this save, not another one.
    await this.#mirror.sync();
  }

  async #artifact({ entry: configured, bundle }: AppConfig) {
    const { folder } = this.#options;
    const manifest = await readManifest(folder);
    if (needsInstall(manifest) && !hasModules(folder)) {
      this.#note("node_modules is missing: run `bun install`");
    }
    const files = await listProjectFiles(this.#folder("source"));
    const { entry } = findEntry(configured, manifest, files);
    if (bundle === false) return { digest: folder, entry };
    const outdir = this.#folder("bundle");
    await rm(outdir, { recursive: true, force: true });
    mkdirSync(outdir, { recursive: true });
    const result = await this.#tasks.run({ task: "bundle", root: folder, entry, outdir });
    if (!result.ok) {
      const detail = { problems: result.problems ?? [result.message] };
      if (result.problem === "module" && result.module !== undefined)
        throw new PlatformError("MODULE_MISSING", [result.module], { detail });
      throw new PlatformError("BUILD_FAILED", [result.message], { detail });
    }
    if (result.task !== "bundle") throw new PlatformError("BUILD_FAILED", ["there is no bundle"]);
    for (const warning of result.warnings) this.#note(warning);
    await moveInto(outdir, this.#folder("source"));
    return { digest: this.#folder("source"), entry: result.entry };
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
    const env = { values: {}, files: [], refused: [] };
    const spec = specOf(app, this.#number, digest, "index.js", { ...config, limits }, env);
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
  digest: string,
  entry: string,
  config: AppConfig,
  env: EnvFiles,
): VersionSpec {
  const { name, framework, build, start, bundle, ...rest } = config;
  return {
    ...rest,
    app,
    number,
    branch: PRODUCTION_BRANCH,
    digest,
    entry,
    args: [],
    assets: null,
    env: { NODE_ENV: "development", ...ownValues(config.env), ...env.values },
    buildFacts: null,
    createdAtMs: Date.now(),
  };
}

/** Bun looks for packages in the folders above, too. */
function hasModules(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "node_modules"))) return true;
    if (dirname(at) === at) return false;
  }
}
