/** What a case is to those who run it. */
import type { PlatformError } from "../base/errors.ts";
import type { Runtime } from "../runtimes/runtime-store.ts";
import type { CaseResult } from "./report.ts";

export interface QualifyCase {
  /** Two words or three, with hyphens. No other has it. */
  name: string;
  group: "memory" | "behaviour" | "sql" | "load" | "app";
  /** What it finds, one line. */
  catches: string;
  /** Whether a verdict depends on it. */
  isRequired: boolean;
  /** Runs it once. Rejects only when the run is to end: with the signal's reason. */
  run(run: CaseRun): Promise<CaseFinding>;
}

export interface CaseRun {
  runtime: Runtime;
  isQuick: boolean;
  /** An empty folder, removed afterwards. */
  folder: string;
  signal: AbortSignal;
}

export type CaseFinding = Pick<CaseResult, "status" | "reason" | "measures" | "lastLines">;

export function failed(reason: string, more: Partial<CaseFinding> = {}): CaseFinding {
  return { status: "fail", reason, measures: [], lastLines: [], ...more };
}

export function skipped(reason: string): CaseFinding {
  return { status: "skip", reason, measures: [], lastLines: [] };
}

/** What our own parts say went wrong: no finding about the runtime. */
export function notTried(error: PlatformError): CaseFinding {
  return skipped(`it could not be tried: ${error.message}`);
}
