/**
 * Runner processes that stand ready without an app, so that a first start does not pay for a process start.
 *
 * `take` gives one and starts the next; when none is ready it starts one for the caller.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { nodeOutputBudget, type OutputBudget } from "../telemetry/output-budget.ts";
import { RunnerProcess } from "./runner-process.ts";

export interface SparesOptions {
  runDir: string;
  /** The module that a process runs; it may change. */
  runner: { readonly path: string };
  clock: Clock;
  /** Processes that stand ready. Count; 0 = none. */
  sparesMax: number;
}

export class Spares {
  readonly #options: SparesOptions;
  /** Started or starting; each is removed when it is taken or ends. */
  readonly #spares = new Set<RunnerProcess>();
  readonly #ready: RunnerProcess[] = [];
  /** Shared by every process that comes from here, which is every one of the node. */
  readonly #outputTotal: OutputBudget;
  #stopped = false;

  constructor(options: SparesOptions) {
    this.#options = options;
    this.#outputTotal = nodeOutputBudget(options.clock.nowMs());
  }

  /** Processes that stand ready. Count. */
  get ready(): number {
    return this.#ready.length;
  }

  /**
   * A started process; the caller owns it.
   *
   * @throws when none can be started
   */
  async take(): Promise<RunnerProcess> {
    for (let spare = this.#ready.shift(); spare !== undefined; spare = this.#ready.shift()) {
      this.#spares.delete(spare);
      if (spare.isGoing) continue;
      this.refill();
      return spare;
    }
    const runner = this.#spawn();
    try {
      await runner.started;
    } catch (error) {
      await runner.ended;
      throw error;
    }
    this.refill();
    return runner;
  }

  /** Starts what is missing, in the background. What cannot be started is tried again by the next `take`. */
  refill(): void {
    if (this.#stopped) return;
    while (this.#spares.size < this.#options.sparesMax) {
      try {
        this.#add(this.#spawn());
      } catch {
        return;
      }
    }
  }

  /** Ends the processes that nobody has taken. Resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const spares = [...this.#spares];
    for (const spare of spares) spare.kill();
    await Promise.all(spares.map((spare) => spare.ended));
  }

  #add(spare: RunnerProcess): void {
    this.#spares.add(spare);
    spare.started.then(
      () => this.#ready.push(spare),
      () => {},
    );
    void spare.exited.then(() => {
      this.#spares.delete(spare);
      const index = this.#ready.indexOf(spare);
      if (index !== -1) this.#ready.splice(index, 1);
    });
  }

  #spawn(): RunnerProcess {
    const { runDir, runner, clock } = this.#options;
    return RunnerProcess.spawn({
      id: randomBytes(6).toString("hex"),
      runDir,
      runnerPath: runner.path,
      clock,
      outputTotal: this.#outputTotal,
    });
  }
}
