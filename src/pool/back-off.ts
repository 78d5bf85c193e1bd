/**
 * What an app's crashes cost: nothing at first, then a wait before it is started again that doubles with each crash. A
 * process that lived long enough starts a new count.
 */
import type { PlatformError } from "../base/errors.ts";
import { backOffMsMax, backOffMsMin, freeCrashes, healthyAfterMs } from "./limits.ts";

/** Crashes in a row after one more. */
export function crashesAfter(crashes: number, livedMs: number): number {
  return livedMs >= healthyAfterMs ? 1 : crashes + 1;
}

/** Wait before the next start. Milliseconds, 0 for the first crashes, then doubling to a bound. */
export function backOffMs(crashes: number): number {
  if (crashes <= freeCrashes) return 0;
  return Math.min(backOffMsMin * 2 ** (crashes - freeCrashes - 1), backOffMsMax);
}

/** The crashes of one version. Time is passed in. */
export class BackOff {
  #crashes = 0;
  #failure: PlatformError | null = null;
  #retryAtMs = 0;

  /** Why the latest process failed; null since one has started. */
  get failure(): PlatformError | null {
    return this.#failure;
  }

  /** What visitors are told of a start that failed with `error`: what the app said is for its log. */
  failureFor(error: unknown): unknown {
    return this.#failure?.cause === error ? this.#failure : error;
  }

  /** Notes a crash. Returns how long no start is tried. Milliseconds. */
  crashed(error: PlatformError, livedMs: number, nowMs: number): number {
    this.#crashes = crashesAfter(this.#crashes, livedMs);
    this.#failure = error;
    const waitMs = backOffMs(this.#crashes);
    this.#retryAtMs = nowMs + waitMs;
    return waitMs;
  }

  started(): void {
    this.#failure = null;
  }

  /** Why no start may be tried now, or null. */
  refusal(nowMs: number): PlatformError | null {
    return nowMs < this.#retryAtMs ? this.#failure : null;
  }
}
