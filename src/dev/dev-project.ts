/**
 * What a deploy would make of a project, made in place: the same plan, the same bundle, with the packages that are installed
 * and the build commands run as the developer would.
 */

import { existsSync, mkdirSync } from "node:fs";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AssetsConfig } from "../assets/assets-config.ts";
import { PlatformError } from "../base/errors.ts";
import { type AppConfig, parseAppConfig, wishesOf } from "../deploy/app-config.ts";
import { findModule } from "../deploy/app-start.ts";
import { assetsOf, prepareAssets } from "../deploy/asset-step.ts";
import { type BundledApp, takeBundle } from "../deploy/build-steps.ts";
import type { ChildRequest } from "../deploy/child-result.ts";
import { findConfigFile, readJsonConfig } from "../deploy/config-file.ts";
import { buildTimeoutMs } from "../deploy/limits.ts";
import { readProjectFacts } from "../deploy/project-facts.ts";
import { listProjectFiles, needsInstall } from "../deploy/project-files.ts";
import { outcomeOf, planBuild } from "../project/build-plan.ts";
import { runBuildCommand } from "./build-command.ts";
import { ProjectTasks } from "./project-tasks.ts";

/** What a version is made of. */
export interface DevArtifact {
  /** Folder of its files. */
  folder: string;
  /** Null: there are only assets. */
  entry: string | null;
  args: string[];
  /** Path of the asset manifest in the folder; null: no assets. */
  assets: string | null;
}

export interface DevProjectOptions {
  /** The project. */
  folder: string;
  /** Its files as a deploy would take them; the bundle is put beside them. */
  mirror: string;
  /** A folder for what is made on the way. */
  temporary: string;
  /** Names what build commands start, so that it can be found when it is left running; see `killBuild`. */
  mark: string;
  /** Something the developer should know. */
  note(line: string): void;
  /** What a command, the configuration or the bundler printed. */
  output(line: string): void;
}

export class DevProject {
  readonly #options: DevProjectOptions;
  readonly #tasks: ProjectTasks;
  #config: AppConfig | null = null;
  #hasBuilt = false;

  constructor(options: DevProjectOptions) {
    this.#options = options;
    const { folder, temporary, output } = options;
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    this.#tasks = new ProjectTasks({ folder, temporary, onLine: output });
  }

  /**
   * The configuration, read again when its file changed, or when it could not be read to its end.
   *
   * @throws {PlatformError} `CONFIG_INVALID`; the signal's reason
   */
  async config(changed: readonly string[], signal: AbortSignal): Promise<AppConfig> {
    const { folder } = this.#options;
    this.#hasBuilt = false;
    const file = findConfigFile(folder);
    const hasChanged = changed.some((path) => path.startsWith("levain.config."));
    if (this.#config !== null && !hasChanged) return this.#config;
    this.#config = null;
    let raw: unknown = {};
    if (file?.endsWith(".json")) raw = await readJsonConfig(folder, file);
    else if (file !== null) {
      const result = await this.#tasks.run({ task: "config", file: join(folder, file) }, signal);
      if (!result.ok || result.task !== "config") {
        const message = result.ok ? "it gave no config" : result.message;
        throw new PlatformError("CONFIG_INVALID", [file, message.replaceAll(`${folder}/`, "")]);
      }
      raw = result.value;
    }
    this.#config = parseAppConfig(raw, file ?? "the default config");
    return this.#config;
  }

  /** Whether a build command ran since `config`, which may have written files. */
  get hasBuilt(): boolean {
    return this.#hasBuilt;
  }

  /** @throws {PlatformError} `BUILD_FAILED`, `MODULE_MISSING`, `ENTRY_NOT_FOUND` …; the signal's reason */
  async make(config: AppConfig, signal: AbortSignal): Promise<DevArtifact> {
    const { folder, note } = this.#options;
    const before = await readProjectFacts(folder);
    if (needsInstall(before.manifest) && !hasModules(folder)) {
      note("node_modules is missing: run `bun install`");
    }
    const planned = planBuild(before, wishesOf(config));
    const { build } = planned.plan;
    if (build !== null) await this.#build(build, planned.framework?.buildEnv ?? {}, signal);
    const facts = build === null ? before : await readProjectFacts(folder);
    const outcome = outcomeOf(planned, facts);
    if (typeof outcome === "string") throw new PlatformError("BUILD_OUTPUT_MISSING", [outcome]);
    const { start } = outcome;
    const left = { folder: "", assets: outcome.assets };
    const given = assetsOf({ ...left, client: null }, config);
    if (start === null && given === null) {
      throw new PlatformError("ENTRY_NOT_FOUND", ["nothing but pages (`assets` is false)"]);
    }
    const entry = start === null ? null : await findModule(folder, "", start, facts);
    const args = start?.args ?? [];
    if (!outcome.bundle && entry !== null) {
      // Nothing is written into the project, and its packages are too many to copy.
      if (given !== null)
        note("its files are left to the app's own server here; a deploy's node answers them");
      return { folder, entry, args, assets: null };
    }
    const { mirror } = this.#options;
    const bundled = entry === null ? null : await this.#bundle(entry, signal);
    const served = assetsOf({ ...left, client: bundled?.client ?? null }, config);
    const assets = served === null ? null : await this.#prepare(served, signal);
    return { folder: mirror, entry: bundled?.entry ?? null, args, assets };
  }

  /** Gets ready for the next save. */
  rest(): void {
    this.#tasks.prepare();
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #build(
    command: string,
    env: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    const { folder, mark, output } = this.#options;
    this.#hasBuilt = true;
    // A deploy would end it then, too.
    const bounds = { timeoutMs: buildTimeoutMs, signal };
    const lines = await runBuildCommand({ folder, command, env, mark, ...bounds });
    for (const line of lines) output(line);
  }

  /** @returns path of the asset manifest in the mirror */
  async #prepare(config: AssetsConfig, signal: AbortSignal): Promise<string> {
    const { folder, mirror, temporary, note } = this.#options;
    for (const name of Object.values(config.folders)) {
      // What a build has made is not among the files that are mirrored.
      if (name !== "." && existsSync(join(folder, name))) {
        await replaceFolder(join(folder, name), join(mirror, name), join(temporary, "replaced"));
      }
    }
    const out = join(temporary, "assets");
    await rm(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    const warnings: string[] = [];
    const run = (request: ChildRequest) => this.#tasks.run(request, signal);
    const room = { project: mirror, out, run, encodes: false };
    const { manifest } = await prepareAssets(room, config, warnings);
    for (const warning of warnings) note(warning);
    return manifest;
  }

  async #bundle(entry: string, signal: AbortSignal): Promise<BundledApp> {
    const { folder: root, mirror, temporary, note } = this.#options;
    const outdir = join(temporary, "bundle");
    await rm(outdir, { recursive: true, force: true });
    mkdirSync(outdir, { recursive: true });
    const result = await this.#tasks.run({ task: "bundle", root, entry, outdir }, signal);
    if (!result.ok) {
      const detail = { problems: result.problems ?? [result.message] };
      if (result.problem === "module" && result.module !== undefined)
        throw new PlatformError("MODULE_MISSING", [result.module], { detail });
      throw new PlatformError("BUILD_FAILED", [result.message], { detail });
    }
    if (result.task !== "bundle") throw new PlatformError("BUILD_FAILED", ["there is no bundle"]);
    for (const warning of result.warnings) note(warning);
    const made = await listProjectFiles(outdir);
    return { entry: result.entry, client: await takeBundle(outdir, made, mirror) };
  }
}

/** Puts a copy of a folder in the place of another; who reads there meanwhile misses it for no longer than a rename takes. */
async function replaceFolder(from: string, to: string, aside: string): Promise<void> {
  const staged = `${aside}-new`;
  for (const path of [aside, staged]) await rm(path, { recursive: true, force: true });
  await cp(from, staged, { recursive: true });
  await mkdir(dirname(to), { recursive: true });
  if (existsSync(to)) await rename(to, aside);
  await rename(staged, to);
  await rm(aside, { recursive: true, force: true });
}

/** Bun looks for packages in the folders above, too. */
function hasModules(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "node_modules"))) return true;
    if (dirname(at) === at) return false;
  }
}
