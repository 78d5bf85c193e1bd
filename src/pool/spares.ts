/**
 * Runner processes that stand ready without an app, so that a first start does not pay for a process start.
 *
 * `take` gives one and starts the next; when none is ready it starts one for the caller.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { RunnerProcess } from "./runner-process.ts";

export interface SparesOptions {
  runDir: string;
  runnerPath: string;
  clock: Clock;
  /** Processes that stand ready. Count; 0 = none. */
  sparesMax: number;
}

export class Spares {
  readonly #options: SparesOptions;
  readonly #ready: RunnerProcess[] = [];
  #starting = 0;
  #stopped = false;

  constructor(options: SparesOptions) {
    this.#options = options;
  }

  /** Processes that stand ready. Count. */
  get ready(): number {
    return this.#ready.length;
  }

  /** A started process; the caller owns it. Rejects when none can be started. */
  async take(): Promise<RunnerProcess> {
    for (let spare = this.#ready.shift(); spare !== undefined; spare = this.#ready.shift()) {
      if (spare.hasEnded) continue;
      this.refill();
      return spare;
    }
    const runner = await this.#spawn();
    await runner.started;
    this.refill();
    return runner;
  }

  /** Starts what is missing, in the background. */
  refill(): void {
    if (this.#stopped) return;
    while (this.#ready.length + this.#starting < this.#options.sparesMax) {
      this.#starting += 1;
      void this.#add();
    }
  }

  /** Ends the processes that stand ready. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const ready = this.#ready.splice(0);
    for (const spare of ready) spare.kill();
    await Promise.all(ready.map((spare) => spare.ended));
  }

  async #add(): Promise<void> {
    try {
      const spare = await this.#spawn();
      await spare.started;
      if (this.#stopped) spare.kill();
      else this.#ready.push(spare);
    } catch {
      // The next `take` starts one itself and reports why it cannot.
    } finally {
      this.#starting -= 1;
    }
  }

  #spawn(): Promise<RunnerProcess> {
    const { runDir, runnerPath, clock } = this.#options;
    return RunnerProcess.spawn({
      id: randomBytes(6).toString("hex"),
      runDir,
      runnerPath,
      clock,
    });
  }
}
