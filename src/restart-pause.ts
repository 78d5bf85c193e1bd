/** How long to wait before a process of the node's that ended is started again: longer each time, until one has lived. */

/** It doubles up to here. Milliseconds. */
const pauseMsMax = 10_000;
/** One that has lived so long ended for a reason of its own, and not for that of the one before. Milliseconds. */
const healthyMs = 10_000;

export class RestartPause {
  readonly #firstMs: number;
  #nextMs: number;

  /** @param firstMs the shortest. Milliseconds. */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
    this.#nextMs = firstMs;
  }

  /** @param livedMs of the one that has just ended. @returns milliseconds */
  after(livedMs: number): number {
    if (livedMs >= healthyMs) this.#nextMs = this.#firstMs;
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, pauseMsMax);
    return pauseMs;
  }
}
