/**
 * Reads the configuration and bundles as a deploy does, in a process of its own each time, since modules that were loaded
 * once stay as they were. One child stands ready, so that a save does not wait for a process to start.
 *
 * Unlike a deploy's, it is not held by the sandbox: it is the developer's own code on the developer's own machine, as with
 * any tool that reads a configuration.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BuildOutput } from "../deploy/build-output.ts";
import { type ChildRequest, type ChildResult, childResult } from "../deploy/child-result.ts";
import { outputGraceMs } from "../deploy/limits.ts";
import { taskTimeoutMs } from "./limits.ts";

export interface ProjectTasksOptions {
  /** The project. */
  folder: string;
  /** Folder for results. */
  temporary: string;
  /** A line that the project's code printed meanwhile. */
  onLine(line: string): void;
}

type Child = ReturnType<ProjectTasks["start"]>;

export class ProjectTasks {
  readonly #options: ProjectTasksOptions;
  readonly #children = new Set<Child>();
  #ready: Child | null;
  #isStopped = false;

  constructor(options: ProjectTasksOptions) {
    this.#options = options;
    this.#ready = this.start();
  }

  /**
   * What went wrong is the result.
   *
   * @throws only the signal's reason, when that has ended it
   */
  async run(request: ChildRequest, signal: AbortSignal): Promise<ChildResult> {
    signal.throwIfAborted();
    const child = this.#ready?.exitCode === null ? this.#ready : this.start();
    this.#ready = null;
    const resultPath = join(this.#options.temporary, `task-${child.pid}.json`);
    const output = new BuildOutput((_stream, line) => {
      if (line !== "") this.#options.onLine(line);
    });
    const closing = new AbortController();
    const read = Promise.all([
      output.read("stdout", child.stdout, closing.signal),
      output.read("stderr", child.stderr, closing.signal),
    ]);
    // What it has left in the background may hold its output open.
    void child.exited.then(() => setTimeout(() => closing.abort(), outputGraceMs).unref());
    const end = () => child.kill("SIGKILL");
    const timer = setTimeout(end, taskTimeoutMs);
    signal.addEventListener("abort", end, { once: true });
    try {
      child.send([JSON.stringify(request), resultPath]);
      await child.exited;
      return childResult.parse(JSON.parse(readFileSync(resultPath, "utf8")));
    } catch {
      signal.throwIfAborted();
      await read;
      const last = output.lastLines.findLast((line) => line !== "");
      const how = child.signalCode ?? `exit ${child.exitCode}`;
      const message = `its process ended early (${how})${last === undefined ? "" : `: ${last}`}`;
      return { ok: false, problem: "error", message };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      rmSync(resultPath, { force: true });
    }
  }

  /** Has a child stand ready again. To be called when there is nothing better to do. */
  prepare(): void {
    if (!this.#isStopped) this.#ready ??= this.start();
  }

  /** Resolves when no child is left. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all([...this.#children].map((child) => child.exited));
  }

  private start() {
    const program = join(import.meta.dir, "task-child.ts");
    // The project's .env and the preload of its bunfig.toml are not for us; nothing is installed on the way.
    const flags = ["--no-env-file", "--no-install", "--no-orphans", "--config=/dev/null"];
    const child = Bun.spawn([process.execPath, ...flags, program], {
      cwd: this.#options.folder,
      stdio: ["ignore", "pipe", "pipe"],
      ipc: () => {},
    });
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }
}
