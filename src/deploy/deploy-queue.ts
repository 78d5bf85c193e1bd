/**
 * The order of deploys: so many on the node, from their first byte on; of these one at a time per app, a few at once, and a
 * bounded line behind them. Counts and waits, nothing else.
 */
import { PlatformError } from "../base/errors.ts";
import { buildsMax, deploysMax, deploysOfOneMax, deploysWaitingMax } from "./limits.ts";

interface Waiter {
  app: string;
  start(): void;
  cancel(reason: unknown): void;
}

export interface DeployQueueBounds {
  buildsMax: number;
  waitingMax: number;
  deploysMax: number;
  deploysOfOneMax: number;
}

export class DeployQueue {
  readonly #bounds: DeployQueueBounds;
  readonly #running = new Set<string>();
  #waiting: Waiter[] = [];
  /** Deploys that were admitted and have not ended. Count. */
  #admitted = 0;
  /** The same, by token. */
  readonly #ofToken = new Map<string, number>();

  constructor(
    bounds: DeployQueueBounds = {
      buildsMax,
      waitingMax: deploysWaitingMax,
      deploysMax,
      deploysOfOneMax,
    },
  ) {
    this.#bounds = bounds;
  }

  /** Deploys that run. Count. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Takes one of the node's places for a deploy, before anything of it is read; dispose it when the deploy has ended.
   *
   * @param token name of the one it is asked for with; null: the node's own, which may take them all
   * @throws {PlatformError} `DEPLOYS_FULL`
   */
  admit(token: string | null): Disposable {
    const { deploysMax, deploysOfOneMax } = this.#bounds;
    if (this.#admitted >= deploysMax) {
      throw new PlatformError("DEPLOYS_FULL", ["the node", deploysMax]);
    }
    if (token !== null && (this.#ofToken.get(token) ?? 0) >= deploysOfOneMax) {
      throw new PlatformError("DEPLOYS_FULL", [`token "${token}"`, deploysOfOneMax]);
    }
    this.#count(token, 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#count(token, -1);
        isHeld = false;
      },
    };
  }

  /**
   * Waits for the app's turn; dispose what it gives when the deploy has ended.
   *
   * @param onWait called when the turn does not come at once
   * @throws {PlatformError} `DEPLOY_IN_PROGRESS` when too many wait already
   * @throws the signal's reason when it is aborted first
   */
  async enter(
    app: string,
    signal: AbortSignal,
    onWait: () => void = () => {},
  ): Promise<Disposable> {
    const waiting = this.#waiting.filter((waiter) => waiter.app === app).length;
    if (waiting >= this.#bounds.waitingMax) {
      throw new PlatformError("DEPLOY_IN_PROGRESS", [app, waiting]);
    }
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const waiter: Waiter = { app, start: turn.resolve, cancel: turn.reject };
    this.#waiting.push(waiter);
    const abort = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      waiter.cancel(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#advance();
    if (this.#waiting.includes(waiter)) onWait();
    await turn.promise.finally(() => signal.removeEventListener("abort", abort));
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#running.delete(app);
        this.#advance();
      },
    };
  }

  #advance(): void {
    for (const waiter of [...this.#waiting]) {
      if (this.#running.size >= this.#bounds.buildsMax) return;
      if (this.#running.has(waiter.app)) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      this.#running.add(waiter.app);
      waiter.start();
    }
  }

  #count(token: string | null, change: 1 | -1): void {
    this.#admitted += change;
    if (token === null) return;
    const count = (this.#ofToken.get(token) ?? 0) + change;
    if (count === 0) this.#ofToken.delete(token);
    else this.#ofToken.set(token, count);
  }
}
