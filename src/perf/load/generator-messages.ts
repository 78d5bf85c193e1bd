/** What passes between a load generator and the process that started it. */
import type { LoadPhase, LoadPlan, LoadResult, ShotPlan, ShotResult } from "./plan.ts";

export type ToGenerator =
  | { kind: "run"; plan: LoadPlan }
  | { kind: "shoot"; plan: ShotPlan }
  | { kind: "stop" };

export type FromGenerator =
  | { kind: "ready" }
  | { kind: "phase"; phase: LoadPhase }
  | { kind: "result"; result: LoadResult }
  | { kind: "shot"; result: ShotResult }
  | { kind: "failed"; message: string };
