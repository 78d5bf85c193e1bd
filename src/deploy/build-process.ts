/**
 * Runs one child of a build and ends it for good. However it ends (by itself, too late, too large, aborted), every
 * process it started is gone when `run` returns, also those that it left in the background.
 *
 *   spawn ──▶ running ──exit──▶ kill what is left ──▶ output read to its end ──▶ done
 *                └──deadline, memory, abort──▶ kill ──▶ … ──▶ throws
 */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { BuildMemory } from "./build-memory.ts";
import type { BuildOutput } from "./build-output.ts";
import { outputGraceMs, watchIntervalMs } from "./limits.ts";
import { BUILD_MARK, killBuild, ProcessTree } from "./process-tree.ts";

export interface BuildBounds {
  /** For all steps of the build together. Milliseconds. */
  timeoutMs: number;
  /** Private memory of all processes of a step together. Bytes. */
  memoryBytesMax: number;
}

export interface BuildProcessesOptions extends BuildBounds {
  /** The build's folder: the mark of its processes. */
  dir: string;
  env: Record<string, string>;
  output: BuildOutput;
  signal: AbortSignal;
  clock: Clock;
  /** Shared by all builds of the node. Default: each has its own bounds alone. */
  memory?: BuildMemory | undefined;
}

export interface Ended {
  exitCode: number | null;
  /** Of the signal that ended it, or null. */
  signalName: string | null;
}

/** How a child ended, in words. */
export function describeEnd({ exitCode, signalName }: Ended): string {
  return signalName === null ? `exit code ${exitCode}` : `signal ${signalName}`;
}

export class BuildProcesses {
  readonly #options: BuildProcessesOptions;
  readonly #deadlineMs: number;

  /** The time of the build starts to run. */
  constructor(options: BuildProcessesOptions) {
    this.#options = options;
    this.#deadlineMs = options.clock.nowMs() + options.timeoutMs;
  }

  /**
   * @param timeoutMs of this step, when it is shorter than what is left of the build's time
   * @throws {PlatformError} `BUILD_TIMEOUT`, `BUILD_MEMORY_EXCEEDED`; the signal's reason
   */
  async run(argv: string[], options: { cwd: string; timeoutMs?: number }): Promise<Ended> {
    const { dir, env, output, signal, clock } = this.#options;
    signal.throwIfAborted();
    output.startStep();
    const child = Bun.spawn(argv, {
      cwd: options.cwd,
      env: { ...env, [BUILD_MARK]: dir },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const tree = new ProcessTree(child.pid);
    const closing = new AbortController();
    const outputRead = Promise.all([
      output.read("stdout", child.stdout, closing.signal),
      output.read("stderr", child.stderr, closing.signal),
    ]);
    const deadlineMs = Math.min(
      this.#deadlineMs,
      clock.nowMs() + (options.timeoutMs ?? Number.POSITIVE_INFINITY),
    );
    try {
      await this.#watch(child.exited, tree, deadlineMs);
    } finally {
      await killBuild(dir, tree);
      await child.exited;
      const grace = setTimeout(() => closing.abort(), outputGraceMs);
      await outputRead;
      clearTimeout(grace);
    }
    signal.throwIfAborted();
    return {
      exitCode: child.exitCode,
      signalName: child.signalCode === null ? null : String(child.signalCode),
    };
  }

  /** Waits for the end; throws when a bound was passed before. */
  async #watch(exited: Promise<unknown>, tree: ProcessTree, deadlineMs: number): Promise<void> {
    const { memoryBytesMax, memory, timeoutMs, signal, clock } = this.#options;
    const ended = Promise.withResolvers<void>();
    exited.then(() => ended.resolve());
    const look = () => {
      if (clock.nowMs() >= deadlineMs) {
        ended.reject(new PlatformError("BUILD_TIMEOUT", [timeoutMs], { detail: this.#evidence() }));
        return;
      }
      const bytes = tree.memoryBytes();
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

  #evidence(): Record<string, unknown> {
    return { lastLines: [...this.#options.output.lastLines] };
  }
}
