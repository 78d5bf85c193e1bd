/**
 * Runs things every so often, in this process: the seam where a schedule of the platform belongs.
 *
 * It runs only while the process does, and in each process of its own when there are several: what must happen exactly once,
 * also across restarts, needs a schedule that is kept elsewhere.
 */
export interface Task {
  name: string;
  /** From the start of one run to the next; a run that takes longer is not overtaken. Milliseconds. */
  everyMs: number;
  run(): Promise<void>;
}

export class Schedule {
  readonly #tasks: readonly Task[];
  readonly #onError: (error: unknown, name: string) => void;
  readonly #running = new Set<string>();
  #timers: ReturnType<typeof setInterval>[] = [];

  constructor(tasks: readonly Task[], onError: (error: unknown, name: string) => void) {
    this.#tasks = tasks;
    this.#onError = onError;
  }

  start(): void {
    this.stop();
    this.#timers = this.#tasks.map((task) =>
      setInterval(() => void this.run(task.name), task.everyMs),
    );
  }

  /** What runs goes on to its end. Twice is safe. */
  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }

  /** Runs one now, unless it is running. Never rejects. */
  async run(name: string): Promise<void> {
    const task = this.#tasks.find((candidate) => candidate.name === name);
    if (task === undefined || this.#running.has(name)) return;
    this.#running.add(name);
    try {
      await task.run();
    } catch (error) {
      this.#onError(error, name);
    } finally {
      this.#running.delete(name);
    }
  }
}
