/**
 * The steps of a build that run something: each a child of its own, held to what that step may reach
 * (`build-grants.ts`).
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { Manifest } from "../project/framework.ts";
import { scriptsOf } from "../project/start-command.ts";
import { describeEnd, type Ended, StepTimeout } from "./build-process.ts";
import type { BuildRoom, RunOptions } from "./build-room.ts";
import { type ChildRequest, type ChildResult, childResult } from "./child-result.ts";
import { clientFolder } from "./client-files.ts";
import type { DeployEvent } from "./deploy-api.ts";
import { childResultBytesMax, configTimeoutMs } from "./limits.ts";
import {
  hasEntries,
  listProjectFiles,
  moveInto,
  readManifest,
  readPlain,
} from "./project-files.ts";

/**
 * The value of a config file that is code.
 *
 * @param file its name in the project
 * @throws {PlatformError} `CONFIG_INVALID`
 */
export async function runConfig(room: BuildRoom, file: string): Promise<unknown> {
  const { project } = room.places;
  const request = { task: "config", file: join(project, file) } as const;
  const result = await runChild(room, request, configTimeoutMs);
  if (result.ok && result.task === "config") return result.value;
  const message = result.ok ? "it gave no config" : result.message;
  throw new PlatformError("CONFIG_INVALID", [file, message.replaceAll(`${project}/`, "")]);
}

export interface InstallOptions {
  manifest: Manifest;
  /** Name of the project's lockfile, or null. */
  lockfile: string | null;
  /** Without the development tools. */
  onlyProduction: boolean;
  /** Workspaces whose packages are wanted, as paths, "" for the root; none: all. */
  workspaces: readonly string[];
  /** Values of the environment that the package manager's settings name. */
  env: Readonly<Record<string, string>>;
}

/** Fetches the packages that the lockfile names. @throws {PlatformError} `INSTALL_FAILED` */
export async function install(
  room: BuildRoom,
  { manifest, lockfile, onlyProduction, workspaces, env }: InstallOptions,
  warnings: string[],
): Promise<void> {
  const { bun } = room.programs;
  const isOwn = lockfile?.startsWith("bun.lock") === true;
  // Another manager's lockfile is rewritten as Bun's, so that every later step has one to go by.
  if (lockfile !== null && !isOwn)
    await runInstall(room, [bun, "pm", "migrate", "--no-env-file"], env);
  const flags = ["--ignore-scripts", "--no-env-file", "--no-progress"];
  // Without a lockfile one is written, which is how the development tools are found again to be taken out.
  if (lockfile !== null) flags.push("--frozen-lockfile");
  if (onlyProduction) flags.push("--production");
  // Copies, not hard links: a build that changes a package in place must not change the cache of all others.
  flags.push("--backend=copyfile");
  flags.push(...workspaces.flatMap((path) => ["--filter", `./${path}`]));
  await runInstall(room, [bun, "install", ...flags], env);
  const trusted = manifest as { trustedDependencies?: unknown };
  if (hasEntries(trusted.trustedDependencies)) {
    warnings.push(
      "lifecycle scripts of packages were not run, also not those of trustedDependencies",
    );
  }
}

async function runInstall(
  room: BuildRoom,
  argv: readonly string[],
  env: InstallOptions["env"],
): Promise<void> {
  const ended = await room.run("install", argv, { env });
  if (ended.exitCode === 0) return;
  throw new PlatformError("INSTALL_FAILED", [describeEnd(ended)], { detail: evidence(room) });
}

/** @param options where it runs. @throws {PlatformError} `BUILD_FAILED` */
export async function runBuildCommand(
  room: BuildRoom,
  command: string,
  options: RunOptions = {},
): Promise<void> {
  const ended = await room.run("build", ["/bin/sh", "-c", command], options);
  if (ended.exitCode !== 0) {
    throw new PlatformError("BUILD_FAILED", [`\`${command}\` ended with ${describeEnd(ended)}`], {
      detail: evidence(room),
    });
  }
}

/** Builds the workspaces that have something to build, in order. `env`: see `RunOptions`. @throws {PlatformError} `BUILD_FAILED` */
export async function buildDependencies(
  room: BuildRoom,
  folders: readonly string[],
  env: Readonly<Record<string, string>>,
  emit: (event: DeployEvent) => void,
): Promise<void> {
  for (const folder of folders) {
    const cwd = join(room.places.project, folder);
    if (!scriptsOf(await readManifest(cwd)).has("build")) continue;
    emit({ type: "step", step: "build" });
    emit({ type: "output", stream: "stdout", line: `building ${folder}` });
    await runBuildCommand(room, "bun run build", { cwd, env });
  }
}

/**
 * Copies a folder of the project's to another place in it, as its build could: what it has put in the way is its own. A
 * source that is missing is no mistake, and what is in the new place already stays.
 */
export async function copyPath(
  room: BuildRoom,
  cwd: string,
  from: string,
  to: string,
): Promise<void> {
  const script = '[ -d "$1" ] || exit 0; mkdir -p "$2" && cp -RP "$1/." "$2/"';
  const ended = await room.run("build", ["/bin/sh", "-c", script, "sh", from, to], { cwd });
  if (ended.exitCode === 0) return;
  throw new PlatformError("BUILD_FAILED", [`${from} cannot be copied to ${to}`], {
    detail: evidence(room),
  });
}

/** Takes the development tools out again once they have done their work. */
export async function prunePackages(room: BuildRoom, warnings: string[]): Promise<void> {
  const flags = ["--production", "--no-env-file", "--silent"];
  const ended = await room.run("prune", [room.programs.bun, "prune", ...flags]);
  if (ended.exitCode !== 0)
    warnings.push(
      "the development dependencies stay in the artifact: taking them out again needs a bun.lock",
    );
}

/** Paths in the project. */
export interface BundledApp {
  entry: string;
  /** Folder of what its pages load; null when it imports none. */
  client: string | null;
}

/** @param env values that pages may have written into them. @throws {PlatformError} `BUILD_FAILED`, `MODULE_MISSING` */
export async function bundleApp(
  room: BuildRoom,
  entry: string,
  env: Readonly<Record<string, string>>,
  warnings: string[],
): Promise<BundledApp> {
  const { project: root, out: outdir } = room.places;
  const { made, path } = await runBundler(room, entry, env, warnings);
  return { entry: path, client: await takeBundle(outdir, made, root) };
}

/**
 * Bundles a module of the project's that is run by itself.
 *
 * @param to an empty or missing folder
 * @returns its path there. Throws like `bundleApp`
 */
export async function bundleModule(
  room: BuildRoom,
  module: string,
  to: string,
  env: Readonly<Record<string, string>>,
  warnings: string[],
): Promise<string> {
  const { path } = await runBundler(room, module, env, warnings);
  await mkdir(to, { recursive: true });
  await moveInto(room.places.out, to);
  return path;
}

/** Leaves in the folder for that, which was empty, what the bundler has made. */
async function runBundler(
  room: BuildRoom,
  entry: string,
  env: Readonly<Record<string, string>>,
  warnings: string[],
): Promise<{ made: Set<string>; path: string }> {
  const { project: root, out: outdir } = room.places;
  const task = { task: "bundle", root, entry, outdir } as const;
  const result = await runChild(room, task, undefined, { env });
  if (!result.ok) {
    const detail = { ...evidence(room), problems: result.problems ?? [result.message] };
    if (result.problem === "module" && result.module !== undefined) {
      throw new PlatformError("MODULE_MISSING", [result.module], { detail });
    }
    throw new PlatformError("BUILD_FAILED", [result.message], { detail });
  }
  // The project's code has run in there: its word for what it wrote is not enough.
  const made = await listProjectFiles(outdir);
  if (result.task !== "bundle" || !made.has(result.entry)) {
    throw new PlatformError("BUILD_FAILED", ["the bundler wrote no bundle"], {
      detail: evidence(room),
    });
  }
  for (const message of result.warnings) warnings.push(message);
  return { made, path: result.entry };
}

/** Moves what was bundled into the project. @returns `client` of `BundledApp` */
export async function takeBundle(
  outdir: string,
  made: ReadonlySet<string>,
  root: string,
): Promise<string | null> {
  // What a project brings under our name is not ours, and everybody could read it.
  await rm(join(root, clientFolder), { recursive: true, force: true });
  await moveInto(outdir, root);
  const hasClient = made.values().some((path) => path.startsWith(`${clientFolder}/`));
  return hasClient ? clientFolder : null;
}

/** Runs our own script with the project's code in it. */
export async function runChild(
  room: BuildRoom,
  request: ChildRequest,
  timeoutMs?: number,
  options: RunOptions = {},
): Promise<ChildResult> {
  const { programs, places, output } = room;
  const resultPath = join(places.temporary, "result.json");
  await rm(resultPath, { recursive: true, force: true });
  const argv = [
    programs.bun,
    // The project's .env and the preload of its bunfig.toml are not for us; nothing is installed on the way.
    "--no-env-file",
    "--no-install",
    "--no-orphans",
    `--config=${programs.emptyConfig}`,
    programs.child,
    JSON.stringify(request),
    resultPath,
  ];
  let ended: Ended;
  try {
    ended = await room.run(request.task, argv, {
      ...options,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  } catch (error) {
    if (!(error instanceof StepTimeout)) throw error;
    return { ok: false, problem: "error", message: `it did not end within ${error.timeoutMs} ms` };
  }
  const result = ended.exitCode === 0 ? await readResult(resultPath) : null;
  if (result !== null) return result;
  const [last] = output.lastLines.slice(-1);
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

function evidence({ output }: BuildRoom): Record<string, unknown> {
  return { lastLines: [...output.lastLines] };
}
