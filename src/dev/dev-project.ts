/**
 * What a deploy would make of a project, made in place: the same plan, the same bundle, with the packages that are installed
 * and the build commands run as the developer would.
 */
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { type AppConfig, parseAppConfig, wishesOf } from "../deploy/app-config.ts";
import { findModule } from "../deploy/app-start.ts";
import { findConfigFile, readJsonConfig } from "../deploy/config-file.ts";
import { readProjectFacts } from "../deploy/project-facts.ts";
import { moveInto, needsInstall } from "../deploy/project-files.ts";
import { outcomeOf, planBuild } from "../project/build-plan.ts";
import { outputLinesMax } from "./limits.ts";
import { ProjectTasks } from "./project-tasks.ts";

/** What a version is made of. */
export interface DevArtifact {
  /** Folder of its files. */
  folder: string;
  entry: string;
  args: string[];
  /** A build command has run, and may have written files. */
  isBuilt: boolean;
}

export interface DevProjectOptions {
  /** The project. */
  folder: string;
  /** Its files as a deploy would take them; the bundle is put beside them. */
  mirror: string;
  /** A folder for what is made on the way. */
  temporary: string;
  /** Something the developer should know. */
  note(line: string): void;
  /** What a command, the configuration or the bundler printed. */
  output(line: string): void;
}

export class DevProject {
  readonly #options: DevProjectOptions;
  readonly #tasks: ProjectTasks;
  #config: AppConfig | null = null;
  /** The build command that runs. */
  #building: ReturnType<DevProject["spawnBuild"]> | null = null;

  constructor(options: DevProjectOptions) {
    this.#options = options;
    const { folder, temporary, output } = options;
    mkdirSync(temporary, { recursive: true, mode: 0o700 });
    this.#tasks = new ProjectTasks({ folder, temporary, onLine: output });
  }

  /**
   * The configuration, read again when its file changed.
   *
   * @throws {PlatformError} `CONFIG_INVALID`
   */
  async config(changed: readonly string[]): Promise<AppConfig> {
    const { folder } = this.#options;
    const file = findConfigFile(folder);
    const hasChanged = changed.some((path) => path.startsWith("levain.config."));
    if (this.#config !== null && !hasChanged) return this.#config;
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

  /** @throws {PlatformError} `BUILD_FAILED`, `MODULE_MISSING`, `ENTRY_NOT_FOUND` … */
  async make(config: AppConfig): Promise<DevArtifact> {
    const { folder, note } = this.#options;
    const before = await readProjectFacts(folder);
    if (needsInstall(before.manifest) && !hasModules(folder)) {
      note("node_modules is missing: run `bun install`");
    }
    const planned = planBuild(before, wishesOf(config));
    const { build } = planned.plan;
    if (build !== null) await this.#build(build, planned.framework?.buildEnv ?? {});
    const facts = build === null ? before : await readProjectFacts(folder);
    const outcome = outcomeOf(planned, facts);
    if (typeof outcome === "string") throw new PlatformError("BUILD_OUTPUT_MISSING", [outcome]);
    const { start } = outcome;
    if (start === null) throw new PlatformError("ENTRY_NOT_FOUND", ["there are only files"]);
    const entry = await findModule(folder, "", start, facts);
    const { args } = start;
    const isBuilt = build !== null;
    if (!outcome.bundle) return { folder, entry, args, isBuilt };
    return { folder: this.#options.mirror, entry: await this.#bundle(entry), args, isBuilt };
  }

  /** Gets ready for the next save. */
  rest(): void {
    this.#tasks.prepare();
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#building?.kill("SIGKILL");
    await this.#tasks.stop();
  }

  async #build(command: string, env: Readonly<Record<string, string>>): Promise<void> {
    const child = this.spawnBuild(command, env);
    this.#building = child;
    const outputs = await Promise.all(
      [child.stdout, child.stderr].map((output) => new Response(output).text()),
    );
    const exitCode = await child.exited;
    this.#building = null;
    const lines = outputs.flatMap((text) => text.split("\n")).filter((line) => line !== "");
    if (exitCode === 0) {
      for (const line of lines) this.#options.output(line);
      return;
    }
    const how = child.signalCode ?? `exit ${exitCode}`;
    throw new PlatformError("BUILD_FAILED", [`\`${command}\` ended with ${how}`], {
      detail: { lastLines: lines.slice(-outputLinesMax) },
    });
  }

  private spawnBuild(command: string, env: Readonly<Record<string, string>>) {
    const { folder } = this.#options;
    const path = `${join(folder, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
    return Bun.spawn(["/bin/sh", "-c", command], {
      cwd: folder,
      env: { ...process.env, ...env, PATH: path },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async #bundle(entry: string): Promise<string> {
    const { folder: root, mirror, temporary, note } = this.#options;
    const outdir = join(temporary, "bundle");
    await rm(outdir, { recursive: true, force: true });
    mkdirSync(outdir, { recursive: true });
    const result = await this.#tasks.run({ task: "bundle", root, entry, outdir });
    if (!result.ok) {
      const detail = { problems: result.problems ?? [result.message] };
      if (result.problem === "module" && result.module !== undefined)
        throw new PlatformError("MODULE_MISSING", [result.module], { detail });
      throw new PlatformError("BUILD_FAILED", [result.message], { detail });
    }
    if (result.task !== "bundle") throw new PlatformError("BUILD_FAILED", ["there is no bundle"]);
    for (const warning of result.warnings) note(warning);
    await moveInto(outdir, mirror);
    return result.entry;
  }
}

/** Bun looks for packages in the folders above, too. */
function hasModules(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "node_modules"))) return true;
    if (dirname(at) === at) return false;
  }
}
