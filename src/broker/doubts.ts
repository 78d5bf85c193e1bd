/** Runners that let an offer lapse: dead, frozen or slow. They come last until they claim one in time, or time has passed. */
import { doubtMs, doubtsMax } from "./limits.ts";

export class Doubts {
  /** By controller, in the order of time. Clock time. */
  readonly #sinceMs = new Map<string, number>();

  get count(): number {
    return this.#sinceMs.size;
  }

  add(controller: string, nowMs: number): void {
    if (controller === "") return;
    this.#sinceMs.delete(controller);
    this.#sinceMs.set(controller, nowMs);
    if (this.#sinceMs.size > doubtsMax) this.#sinceMs.delete(this.#sinceMs.keys().next().value!);
  }

  has(controller: string): boolean {
    return this.#sinceMs.size > 0 && this.#sinceMs.has(controller);
  }

  remove(controller: string): void {
    if (this.#sinceMs.size > 0) this.#sinceMs.delete(controller);
  }

  sweep(nowMs: number): void {
    for (const [controller, sinceMs] of this.#sinceMs) {
      if (nowMs - sinceMs < doubtMs) return;
      this.#sinceMs.delete(controller);
    }
  }
}
