/** How long an app that keeps crashing waits before it is started again: a pure rule. */
import { backOffMsMax, backOffMsMin, freeCrashes, healthyAfterMs } from "./limits.ts";

/** Crashes in a row after one more; a process that lived long enough starts a new count. */
export function crashesAfter(crashes: number, livedMs: number): number {
  return livedMs >= healthyAfterMs ? 1 : crashes + 1;
}

/** Wait before the next start. Milliseconds, 0 for the first crashes, then doubling to a bound. */
export function backOffMs(crashes: number): number {
  if (crashes <= freeCrashes) return 0;
  return Math.min(backOffMsMin * 2 ** (crashes - freeCrashes - 1), backOffMsMax);
}
