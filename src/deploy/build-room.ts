/**
 * Where one build happens: its folders, its user, and what may run there.
 *
 *   builds/<app>/app    the project            builds/<app>/tmp    temporary files
 *   builds/<app>/home   a home for its tools   builds/<app>/out    what the bundler writes
 */
import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { Permissions, SandboxLevel } from "../base/permissions.ts";
import { kernelSupport } from "../sandbox/kernel-support.ts";
import { runCommand } from "../store/system-command.ts";
import { buildEnvironment, type NodeEnvironment, registryPorts } from "./build-environment.ts";
import { type BuildPlaces, type BuildStep, grantsOf } from "./build-grants.ts";
import type { BuildMemory } from "./build-memory.ts";
import { BuildOutput } from "./build-output.ts";
import { type BuildBounds, BuildProcesses, type Ended } from "./build-process.ts";
import type { BuildPrograms } from "./build-programs.ts";
import type { BuildUser } from "./build-users.ts";
import type { DeployEvent } from "./deploy-api.ts";
import { chownTimeoutMs } from "./limits.ts";

export interface BuildRoomOptions {
  /** The build's folder; made when it is missing. Its owner removes it. */
  workFolder: string;
  project: string;
  /** Whether steps change the project; else they only read it. */
  isProjectChanged: boolean;
  user: BuildUser;
  programs: BuildPrograms;
  /** Readable beside the programs. */
  tools: readonly string[];
  level: SandboxLevel;
  permissions: Permissions;
  /** See `BuildRules`. */
  databasePort?: number;
  bounds: BuildBounds;
  /** See `BuildProcesses`. */
  memory: BuildMemory | undefined;
  nodeEnv: NodeEnvironment;
  emit(event: DeployEvent): void;
  signal: AbortSignal;
  clock: Clock;
}

export class BuildRoom {
  readonly places: BuildPlaces;
  readonly programs: BuildPrograms;
  readonly output: BuildOutput;
  readonly #processes: BuildProcesses;

  /** Makes the folders and gives them to the build's user. The time of the build starts to run. */
  static async open(options: BuildRoomOptions): Promise<BuildRoom> {
    const { workFolder, project, isProjectChanged, user } = options;
    await mkdir(workFolder, { recursive: true });
    // Pass, not list.
    await chmod(workFolder, user.uid === null ? 0o700 : 0o711);
    for (const name of ["home", "tmp", "out"]) {
      const path = join(workFolder, name);
      await mkdir(path, { mode: 0o700 });
      if (user.uid !== null) await chown(path, user.uid, user.uid);
    }
    if (user.uid !== null) await handOver(project, user.uid, isProjectChanged);
    return new BuildRoom(options);
  }

  private constructor(options: BuildRoomOptions) {
    const { workFolder, project, user, programs, tools, nodeEnv, emit } = options;
    const { level, permissions, bounds, memory, signal, clock } = options;
    this.programs = programs;
    this.places = {
      project,
      home: join(workFolder, "home"),
      temporary: join(workFolder, "tmp"),
      out: join(workFolder, "out"),
      cache: user.cache,
      programs: [...programs.readable, ...tools],
    };
    const isUserShared = user.uid === null;
    const { databasePort } = options;
    const ports = { registryPorts: registryPorts(nodeEnv), databasePort };
    const rules = { level, isUserShared, permissions, ...ports };
    this.output = new BuildOutput((stream, line) => emit({ type: "output", stream, line }));
    this.#processes = new BuildProcesses({
      ...bounds,
      memory,
      dir: workFolder,
      uid: user.uid,
      kernel: kernelSupport(),
      grantsOf: (step) => grantsOf(step, this.places, rules),
      environmentOf: (step, cwd) => buildEnvironment(step, this.places, cwd, programs, nodeEnv),
      output: this.output,
      signal,
      clock,
    });
  }

  /** Runs a program of a step to the end of all it has started. Throws like `BuildProcesses`. */
  run(step: BuildStep, argv: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return this.#processes.run({ step, argv, cwd: this.places.project, ...options });
  }
}

export interface RunOptions {
  /** See `StepCommand`. */
  timeoutMs?: number;
  /** Absolute path in the project. Default: the project's folder. */
  cwd?: string;
  /** Beside what every program of the step finds. */
  env?: Readonly<Record<string, string>>;
}

/** Files that are only read belong to the node and are for everybody; the folder that they lie in is for the user. */
async function handOver(project: string, uid: number, isWhole: boolean): Promise<void> {
  if (!isWhole) return chown(project, uid, uid);
  const { exitCode, stderr } = await runCommand(["chown", "-hR", `${uid}:${uid}`, project], {
    timeoutMs: chownTimeoutMs,
  });
  // What it has not handed over the build cannot change, which would look like the project's own mistake.
  if (exitCode !== 0 || (await lstat(project)).uid !== uid) {
    throw new PlatformError("INTERNAL", [], { cause: new Error(`chown failed: ${stderr}`) });
  }
}
