/** How a process ended, or why it could not take requests. */
import type { PlatformError } from "../base/errors.ts";

/** How a process ended. */
export interface ProcessEnd {
  exitCode: number | null;
  signal: string | null;
  /** `stop` was called. */
  wasAsked: boolean;
  /** Why the node ended it, when it did. */
  cause: PlatformError | null;
}

/** `exit code 1`, `signal SIGSEGV` */
export function describeEnd(end: ProcessEnd): string {
  return end.signal === null ? `exit code ${end.exitCode}` : `signal ${end.signal}`;
}

/** The process ended before it could take requests. */
export class ProcessEnded extends Error {
  override readonly name = "ProcessEnded";
  readonly end: ProcessEnd;

  constructor(end: ProcessEnd) {
    super(`The process ended (${describeEnd(end)})`);
    this.end = end;
  }
}
