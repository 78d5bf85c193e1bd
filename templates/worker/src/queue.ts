/**
 * A queue in memory, one job at a time, with retries: the seam where a durable one belongs.
 *
 * What waits here is lost when the process ends. Handlers know nothing of it: they take a payload, and throw when the job is
 * to be tried again, so that they can stay as they are when the queue becomes one of a database or of the platform.
 */

/** What is known of a job while its handler runs. */
export interface Job<Payload = unknown> {
  id: number;
  kind: string;
  payload: Payload;
  /** From 1. */
  attempt: number;
}

/** Does a job. To be safe to run twice for the same job; throws when it is to be tried again. */
export type Handler<Payload = unknown> = (job: Job<Payload>) => Promise<void>;

export interface QueueCounts {
  done: number;
  failed: number;
  waiting: number;
}

/** Tries of one job. Count. */
const attemptsMax = 3;
/** Jobs that wait; more are refused, so that memory is bounded. Count. */
const waitingMax = 10_000;

export class MemoryQueue {
  readonly #handlers: Readonly<Record<string, Handler>>;
  readonly #onError: (error: unknown, job: Job) => void;
  readonly #waiting: Job[] = [];
  #done = 0;
  #failed = 0;
  #lastId = 0;
  #working: Promise<void> | null = null;

  /** @param onError is told of each attempt that failed */
  constructor(
    handlers: Readonly<Record<string, Handler>>,
    onError: (error: unknown, job: Job) => void,
  ) {
    this.#handlers = handlers;
    this.#onError = onError;
  }

  get counts(): QueueCounts {
    return { done: this.#done, failed: this.#failed, waiting: this.#waiting.length };
  }

  /** @throws {Error} for a kind without a handler, and when too many wait */
  add(kind: string, payload: unknown): number {
    if (!Object.hasOwn(this.#handlers, kind)) throw new Error(`there is no handler for "${kind}"`);
    if (this.#waiting.length >= waitingMax) throw new Error(`${waitingMax} jobs wait already`);
    this.#lastId += 1;
    this.#waiting.push({ id: this.#lastId, kind, payload, attempt: 1 });
    this.#working ??= this.#work().finally(() => {
      this.#working = null;
    });
    return this.#lastId;
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      try {
        await this.#handlers[job.kind]?.(job);
        this.#done += 1;
      } catch (error) {
        this.#onError(error, job);
        if (job.attempt < attemptsMax) this.#waiting.push({ ...job, attempt: job.attempt + 1 });
        else this.#failed += 1;
      }
    }
  }
}
