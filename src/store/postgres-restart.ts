/** When a server that ended is started again. Pure. */
import { postgresHealthyMs, postgresRestartMs, postgresRestartMsMax } from "./limits.ts";

/** Failures in a row after one more end. A server that ran long enough was healthy, so its end is the first. */
export function failuresAfter(failuresBefore: number, ranMs: number): number {
  return ranMs >= postgresHealthyMs ? 1 : failuresBefore + 1;
}

/** Pause before the next start. Doubles with each failure in a row, up to a bound. Milliseconds. */
export function restartDelayMs(failures: number): number {
  return Math.min(postgresRestartMs * 2 ** (failures - 1), postgresRestartMsMax);
}
