/**
 * From a source folder to what becomes an artifact. Every step that runs anything of the project's runs in a child
 * process, bounded in time and memory, without the node's environment (`build-process.ts`, `build-environment.ts`).
 *
 *   read config ─▶ bun install ─▶ build command ─▶ find the entry ─▶ bundle ─▶ remove what is not needed
 *
 * The work folder of an app is always the same, so the same source gives the same artifact.
 */
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { type AppConfig, parseAppConfig } from "./app-config.ts";
import { buildEnvironment, prepareBuildHome } from "./build-environment.ts";
import type { BuildMemory } from "./build-memory.ts";
import { BuildOutput } from "./build-output.ts";
import { type BuildBounds, BuildProcesses, describeEnd } from "./build-process.ts";
import { type ChildRequest, type ChildResult, childResult } from "./child-result.ts";
import type { DeployEvent } from "./deploy-api.ts";
import type { Builder, BuildRequest, BuiltApp, SourceFacts } from "./deployer.ts";
import { findEntry } from "./entry.ts";
import {
  buildMemoryBytesMax,
  buildTimeoutMs,
  childResultBytesMax,
  configTimeoutMs,
} from "./limits.ts";
import { killBuild } from "./process-tree.ts";
import {
  findLockfile,
  hasEntries,
  listProjectFiles,
  type Manifest,
  moveInto,
  needsInstall,
  readManifest,
  readPlain,
  readSmall,
  removeBuildLeftovers,
} from "./project-files.ts";

export interface AppBuilderOptions extends Partial<BuildBounds> {
  /** Builds happen in its `builds/`. */
  dataDir: string;
  /** See `BuildProcesses`. */
  memory?: BuildMemory;
  clock?: Clock;
  /** The node's environment; a few settings of the operator are passed on. Default: this process's. */
  nodeEnv?: Record<string, string | undefined>;
}

const CONFIG_FILES = ["levain.config.ts", "levain.config.json"];

export class AppBuilder implements Builder {
  readonly #buildsDir: string;
  readonly #bounds: BuildBounds;
  readonly #memory: BuildMemory | undefined;
  readonly #clock: Clock;
  readonly #nodeEnv: Record<string, string | undefined>;

  constructor(options: AppBuilderOptions) {
    this.#buildsDir = join(options.dataDir, "builds");
    this.#bounds = {
      timeoutMs: options.timeoutMs ?? buildTimeoutMs,
      memoryBytesMax: options.memoryBytesMax ?? buildMemoryBytesMax,
    };
    this.#memory = options.memory;
    this.#clock = options.clock ?? systemClock;
    this.#nodeEnv = options.nodeEnv ?? process.env;
  }

  /** Kills what builds of a node that was killed have left running. Call it before the first build. */
  killLeftovers(): Promise<number> {
    return killBuild(this.#buildsDir);
  }

  async readSource(
    source: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
  ): Promise<SourceFacts> {
    const manifest = await readManifest(source);
    const packageName = typeof manifest.name === "string" ? manifest.name : null;
    const found = CONFIG_FILES.filter((file) => existsSync(join(source, file)));
    const [file] = found;
    if (file === undefined)
      return { config: parseAppConfig({}, "the default config"), packageName };
    if (found.length > 1)
      throw new PlatformError("CONFIG_INVALID", [file, `there is ${found[1]} too; keep one`]);
    const raw = file.endsWith(".json")
      ? await readJsonConfig(source, file)
      : await this.#readTypedConfig(source, file, signal, emit);
    return { config: parseAppConfig(raw, file), packageName };
  }

  async build(request: BuildRequest): Promise<BuiltApp> {
    const { workFolder, facts, emit, signal } = request;
    const project = join(workFolder, "app");
    const warnings: string[] = [];
    await rm(workFolder, { recursive: true, force: true });
    await mkdir(workFolder, { recursive: true, mode: 0o700 });
    await rename(request.source, project);
    const step = await this.#openStep(workFolder, project, signal, emit);

    const manifest = await readManifest(project);
    const lockfile = await findLockfile(project);
    if (needsInstall(manifest)) {
      emit({ type: "step", step: "install" });
      await install(step, manifest, facts.config, lockfile?.name ?? null, warnings);
    }
    if (facts.config.build !== null) {
      emit({ type: "step", step: "build" });
      await runBuildCommand(step, facts.config.build);
      if (!facts.config.bundle && hasEntries(manifest.devDependencies))
        await prunePackages(step, warnings);
    }
    await warnOfPreload(project, warnings);
    warnOfBuildScript(manifest, facts.config, warnings);
    // A build may have changed package.json; what it says now is what is meant.
    const entry = findEntry(
      facts.config.entry,
      await readManifest(project),
      await listProjectFiles(project),
    );
    let started = entry;
    if (facts.config.bundle) {
      emit({ type: "step", step: "bundle" });
      started = await bundleApp(step, entry, warnings);
    }
    await removeBuildLeftovers(project, !facts.config.bundle);
    return {
      folder: project,
      entry: started,
      config: facts.config,
      warnings,
      provenance: {
        bun: Bun.version,
        bunRevision: Bun.revision,
        lockfile: lockfile?.name ?? null,
        lockfileSha256: lockfile?.sha256 ?? null,
        configSha256: new Bun.CryptoHasher("sha256")
          .update(JSON.stringify(facts.config))
          .digest("hex"),
        entry,
        bundled: facts.config.bundle,
      },
    };
  }

  async #readTypedConfig(
    source: string,
    file: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
  ): Promise<unknown> {
    const workFolder = `${source}.work`;
    try {
      const step = await this.#openStep(workFolder, source, signal, emit);
      const result = await runChild(
        step,
        { task: "config", file: join(source, file) },
        configTimeoutMs,
      );
      if (result.ok && result.task === "config") return result.value;
      const message = result.ok ? "it gave no config" : result.message;
      throw new PlatformError("CONFIG_INVALID", [file, message.replaceAll(`${source}/`, "")]);
    } finally {
      await rm(workFolder, { recursive: true, force: true });
    }
  }

  async #openStep(
    workFolder: string,
    project: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
  ): Promise<Step> {
    const { home, emptyConfig } = await prepareBuildHome(this.#buildsDir);
    const temporary = join(workFolder, "tmp");
    await mkdir(temporary, { recursive: true, mode: 0o700 });
    const output = new BuildOutput((stream, line) => emit({ type: "output", stream, line }));
    const processes = new BuildProcesses({
      ...this.#bounds,
      dir: workFolder,
      env: buildEnvironment(home, project, temporary, this.#nodeEnv),
      output,
      signal,
      clock: this.#clock,
      memory: this.#memory,
    });
    return { workFolder, project, emptyConfig, output, processes };
  }
}

/** What the steps of one build share. */
interface Step {
  workFolder: string;
  project: string;
  emptyConfig: string;
  output: BuildOutput;
  processes: BuildProcesses;
}

/** A script in package.json is the project's habit, not a request: it is not run, and that is said. */
function warnOfBuildScript(manifest: Manifest, config: AppConfig, warnings: string[]): void {
  const scripts = manifest.scripts as { build?: unknown } | null | undefined;
  if (scripts?.build === undefined || config.build !== null) return;
  warnings.push(
    'package.json has a build script, which was not run: set `build: "bun run build"` in levain.config.ts, or `build: "true"` when there is nothing to build',
  );
}

async function readJsonConfig(source: string, file: string): Promise<unknown> {
  const text = await readSmall(join(source, file));
  try {
    return JSON.parse(text ?? "");
  } catch (error) {
    throw new PlatformError("CONFIG_INVALID", [file, "it cannot be read as JSON"], {
      cause: error,
    });
  }
}

async function install(
  step: Step,
  manifest: Manifest,
  config: AppConfig,
  lockfile: string | null,
  warnings: string[],
): Promise<void> {
  if (lockfile === null) {
    warnings.push(
      "there is no bun.lock: versions were chosen now and can change; run `bun install` and commit it",
    );
  } else if (!lockfile.startsWith("bun.lock")) {
    warnings.push(
      `there is no bun.lock: the versions of ${lockfile} were taken; run \`bun install\` and commit it`,
    );
  }
  // Builds need the development tools; without a build they would only be removed again.
  const onlyProduction = !config.bundle && config.build === null;
  const flags = ["--frozen-lockfile", "--ignore-scripts", "--no-env-file", "--no-progress"];
  if (onlyProduction) flags.push("--production");
  // Copies, not hard links: a build that changes a package in place must not change the cache of all others.
  flags.push("--backend=copyfile");
  const ended = await step.processes.run([process.execPath, "install", ...flags], {
    cwd: step.project,
  });
  if (ended.exitCode !== 0) {
    throw new PlatformError("INSTALL_FAILED", [describeEnd(ended)], { detail: evidence(step) });
  }
  const trusted = manifest as { trustedDependencies?: unknown };
  if (hasEntries(trusted.trustedDependencies)) {
    warnings.push(
      "lifecycle scripts of packages were not run, also not those of trustedDependencies",
    );
  }
}

async function runBuildCommand(step: Step, command: string): Promise<void> {
  const ended = await step.processes.run(["/bin/sh", "-c", command], { cwd: step.project });
  if (ended.exitCode !== 0) {
    throw new PlatformError("BUILD_FAILED", [`\`${command}\` ended with ${describeEnd(ended)}`], {
      detail: evidence(step),
    });
  }
}

/** Takes the development tools out again once they have done their work. */
async function prunePackages(step: Step, warnings: string[]): Promise<void> {
  const ended = await step.processes.run(
    [process.execPath, "prune", "--production", "--no-env-file"],
    {
      cwd: step.project,
    },
  );
  if (ended.exitCode !== 0)
    warnings.push(
      "the development dependencies stay in the artifact: taking them out again needs a bun.lock",
    );
}

async function bundleApp(step: Step, entry: string, warnings: string[]): Promise<string> {
  const outdir = join(step.workFolder, "out");
  await mkdir(outdir);
  const result = await runChild(step, { task: "bundle", root: step.project, entry, outdir });
  if (!result.ok) {
    const detail = { ...evidence(step), problems: result.problems ?? [result.message] };
    if (result.problem === "module" && result.module !== undefined) {
      throw new PlatformError("MODULE_MISSING", [result.module], { detail });
    }
    throw new PlatformError("BUILD_FAILED", [result.message], { detail });
  }
  // The project's code has run in there: its word for what it wrote is not enough.
  if (result.task !== "bundle" || !(await listProjectFiles(outdir)).has(result.entry)) {
    throw new PlatformError("BUILD_FAILED", ["the bundler wrote no bundle"], {
      detail: evidence(step),
    });
  }
  for (const message of result.warnings) warnings.push(message);
  await moveInto(outdir, step.project);
  return result.entry;
}

/** Runs our own script with the project's code in it. */
async function runChild(
  step: Step,
  request: ChildRequest,
  timeoutMs?: number,
): Promise<ChildResult> {
  const resultPath = join(step.workFolder, "result.json");
  await rm(resultPath, { force: true });
  const ended = await step.processes.run(
    [
      process.execPath,
      // The project's .env and the preload of its bunfig.toml are not for us; nothing is installed on the way.
      "--no-env-file",
      "--no-install",
      "--no-orphans",
      `--config=${step.emptyConfig}`,
      join(import.meta.dir, "build-child.ts"),
      JSON.stringify(request),
      resultPath,
    ],
    { cwd: step.project, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
  );
  const result = ended.exitCode === 0 ? await readResult(resultPath) : null;
  if (result !== null) return result;
  const [last] = step.output.lastLines.slice(-1);
  const message = `its process ended early (${describeEnd(ended)})${last === undefined ? "" : `: ${last}`}`;
  return { ok: false, problem: "error", message };
}

/** Null when there is none that can be believed. */
async function readResult(path: string): Promise<ChildResult | null> {
  try {
    const text = await readPlain(path, childResultBytesMax);
    return text === null ? null : childResult.parse(JSON.parse(text.toString("utf8")));
  } catch {
    return null;
  }
}

async function warnOfPreload(project: string, warnings: string[]): Promise<void> {
  const text = await readSmall(join(project, "bunfig.toml"));
  if (text !== null && /^\s*preload\s*=/m.test(text)) {
    warnings.push("`preload` of bunfig.toml is not run; import what it names from the entry file");
  }
}

function evidence(step: Step): Record<string, unknown> {
  return { lastLines: [...step.output.lastLines] };
}
