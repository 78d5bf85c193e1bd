/**
 * Runs one child of a build, held to what its step may reach, and ends it for good. However it ends (by itself, too late,
 * too large, aborted), every process it started is gone when `run` returns, also those that it left in the background.
 *
 *   spawn ──▶ running ──exit──▶ kill what is left ──▶ output read to its end ──▶ done
 *                └──deadline, memory, abort──▶ kill ──▶ … ──▶ throws
 */
import { closeSync, openSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { appConfinement, type Grants } from "../sandbox/app-confinement.ts";
import type { KernelSupport } from "../sandbox/kernel-support.ts";
import { type LaunchEnd, launch } from "../sandbox/launch.ts";
import { OutputPipes } from "../sandbox/output-pipes.ts";
import type { BuildStep } from "./build-grants.ts";
import type { BuildMemory } from "./build-memory.ts";
import type { BuildOutput } from "./build-output.ts";
import { buildRlimits } from "./build-rlimits.ts";
import { buildProcessesMax, outputGraceMs, watchIntervalMs } from "./limits.ts";
import { BUILD_MARK, killBuild, noteRunning, ProcessTree } from "./process-tree.ts";

export interface BuildBounds {
  /** For all steps of the build together. Milliseconds. */
  timeoutMs: number;
  /** Private memory of all processes of a step together. Bytes. */
  memoryBytesMax: number;
}

export interface BuildProcessesOptions extends BuildBounds {
  /** The build's folder: the mark of its processes. */
  dir: string;
  /** User and group id of its processes; null: the node's own. */
  uid: number | null;
  kernel: KernelSupport;
  grantsOf(step: BuildStep): Grants;
  environmentOf(step: BuildStep, cwd: string): Record<string, string>;
  output: BuildOutput;
  signal: AbortSignal;
  clock: Clock;
  /** Shared by all builds of the node. Default: each has its own bounds alone. */
  memory?: BuildMemory | undefined;
}

export type Ended = LaunchEnd;

/** How a child ended, in words. */
export function describeEnd({ exitCode, signal }: Ended): string {
  return signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
}

export interface StepCommand {
  step: BuildStep;
  /** The program's path first. */
  argv: readonly string[];
  cwd: string;
  /** Beside what every program of the step finds in its environment. */
  env?: Readonly<Record<string, string>>;
  /** Of this step, when it is shorter than what is left of the build's time. Milliseconds. */
  timeoutMs?: number;
}

/** A step took longer than its own bound, and the build had time left. */
export class StepTimeout extends PlatformError {
  readonly timeoutMs: number;

  constructor(timeoutMs: number, detail: Record<string, unknown>) {
    super("BUILD_TIMEOUT", [timeoutMs], { detail });
    this.timeoutMs = timeoutMs;
  }
}

/** When a step is ended, and what is said of it. */
interface Deadline {
  /** Of the clock. Milliseconds. */
  atMs: number;
  error(detail: Record<string, unknown>): PlatformError;
}

export class BuildProcesses {
  readonly #options: BuildProcessesOptions;
  readonly #deadlineMs: number;

  /** The time of the build starts to run. */
  constructor(options: BuildProcessesOptions) {
    this.#options = options;
    this.#deadlineMs = options.clock.nowMs() + options.timeoutMs;
  }

  /** @throws {StepTimeout}; {PlatformError} `BUILD_TIMEOUT`, `BUILD_MEMORY_EXCEEDED`, `BUILD_PROCESSES_EXCEEDED`; the signal's reason */
  async run(command: StepCommand): Promise<Ended> {
    const { dir, uid, output, signal, clock } = this.#options;
    signal.throwIfAborted();
    output.startStep();
    const child = this.#launch(command);
    const tree = new ProcessTree(child.pid);
    using _running = noteRunning(tree, dir);
    const closing = new AbortController();
    const outputRead = Promise.all([
      output.read("stdout", child.pipes.stdout, closing.signal),
      output.read("stderr", child.pipes.stderr, closing.signal),
    ]);
    child.pipes.close();
    const { timeoutMs = Number.POSITIVE_INFINITY } = command;
    const deadlineMs = clock.nowMs() + timeoutMs;
    const isStepsOwn = deadlineMs < this.#deadlineMs;
    try {
      await this.#watch(
        child.exited,
        tree,
        isStepsOwn
          ? { atMs: deadlineMs, error: (detail) => new StepTimeout(timeoutMs, detail) }
          : { atMs: this.#deadlineMs, error: (detail) => this.#timeout(detail) },
      );
    } finally {
      await killBuild(dir, tree, uid);
      await child.exited;
      const grace = setTimeout(() => closing.abort(), outputGraceMs);
      await outputRead;
      clearTimeout(grace);
    }
    signal.throwIfAborted();
    return child.exited;
  }

  #launch({ step, argv, cwd, env }: StepCommand) {
    const { dir, uid, kernel, grantsOf, environmentOf } = this.#options;
    const [program = ""] = argv;
    const pipes = new OutputPipes();
    let nothing: number | null = null;
    try {
      nothing = openSync("/dev/null", "r");
      const launched = launch({
        program,
        argv,
        env: { ...environmentOf(step, cwd), ...env, [BUILD_MARK]: dir },
        directory: cwd,
        descriptors: [nothing, ...pipes.ends],
        user: uid === null ? null : { uid, gid: uid },
        rlimits: buildRlimits(uid),
        confinement: appConfinement(kernel, grantsOf(step)),
      });
      pipes.closeEnds();
      return { ...launched, pipes };
    } catch (error) {
      pipes.close();
      throw error;
    } finally {
      if (nothing !== null) closeSync(nothing);
    }
  }

  /** Waits for the end; throws when a bound was passed before. */
  async #watch(exited: Promise<unknown>, tree: ProcessTree, deadline: Deadline): Promise<void> {
    const { memoryBytesMax, memory, signal, clock } = this.#options;
    const ended = Promise.withResolvers<void>();
    exited.then(() => ended.resolve());
    const look = () => {
      if (clock.nowMs() >= deadline.atMs) return ended.reject(deadline.error(this.#evidence()));
      const bytes = tree.memoryBytes();
      if (tree.processes > buildProcessesMax) {
        const detail = this.#evidence();
        ended.reject(
          new PlatformError("BUILD_PROCESSES_EXCEEDED", [buildProcessesMax], { detail }),
        );
        return;
      }
      const bytesMax = Math.min(memoryBytesMax, memory?.note(this, bytes) ?? memoryBytesMax);
      if (bytes <= bytesMax) return;
      const detail = this.#evidence();
      ended.reject(new PlatformError("BUILD_MEMORY_EXCEEDED", [bytesMax], { detail }));
    };
    const abort = () => ended.reject(signal.reason);
    const timer = setInterval(look, watchIntervalMs);
    signal.addEventListener("abort", abort);
    try {
      await ended.promise;
    } finally {
      memory?.end(this);
      clearInterval(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  #timeout(detail: Record<string, unknown>): PlatformError {
    return new PlatformError("BUILD_TIMEOUT", [this.#options.timeoutMs], { detail });
  }

  #evidence(): Record<string, unknown> {
    return { lastLines: [...this.#options.output.lastLines] };
  }
}
