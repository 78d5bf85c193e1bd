/**
 * Whether the database answers, asked now and then over a connection of its own: one that is kept answers for its own
 * process only, and says nothing of a server that takes no new ones.
 *
 *   answers ──a ping fails──▶ silent ──a ping succeeds──▶ answers
 */
import { messageOf } from "../base/errors.ts";
import { storePingMs, storePingSilentMs } from "./limits.ts";

export interface StoreWatchOptions {
  /** Rejects within a bound when there is no answer. */
  ping(): Promise<void>;
  /** Called when the answer is another one than before; null: it answers. */
  onChange(cause: string | null): void;
  /** Pauses between two pings while it answers, and while it does not. Milliseconds. */
  pauses?: { answersMs: number; silentMs: number };
}

/** Asks from `start` to `stop`. */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  #cause: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
  }

  /** Why it does not answer, null when it does. */
  get cause(): string | null {
    return this.#cause;
  }

  start(): void {
    if (this.#isStopped) return;
    const { answersMs, silentMs } = this.#options.pauses ?? {
      answersMs: storePingMs,
      silentMs: storePingSilentMs,
    };
    this.#timer = setTimeout(() => void this.#ask(), this.#cause === null ? answersMs : silentMs);
    this.#timer.unref();
  }

  /** A ping that is under way has no effect any more. Twice is safe. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const cause = await this.#options.ping().then(
      () => null,
      (error: unknown) => messageOf(error),
    );
    if (this.#isStopped) return;
    const isChange = (cause === null) !== (this.#cause === null);
    this.#cause = cause;
    if (isChange) this.#options.onChange(cause);
    this.start();
  }
}
