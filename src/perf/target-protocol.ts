/**
 * What passes between `levain perf` and the process that it measures. Raise `targetProtocol` with every change that a
 * measurement needs: the other process may be of another checkout. `log` is asked of this one only.
 */
import type { HookSource } from "../hooks/loaded-hook.ts";
import type { LoadPhase, LoadPlan, LoadResult } from "./load/plan.ts";
import type { FixtureApp } from "./scenarios.ts";

export const targetProtocol = 4;

export interface TargetConfig {
  /** Folder for what the node keeps; exists and is empty. */
  dataDir: string;
  /** Folder with a folder per app. */
  fixtureDir: string;
  /** File in each of these to start. */
  entry: string;
  apps: readonly FixtureApp[];
  /** 0 = any free one. */
  port: number;
  /** Instances at once. Count. */
  poolSize: number;
  sparesMax: number;
  /** Processes that accept connections. Count, 1 or more. */
  edges: number;
  /** The operator's, in order; none for a lane without. */
  hooks: readonly HookSource[];
  /** The Bun that the apps run on, and the folder it is in. Without it: the node's own. */
  runtime?: { name: string; dir: string } | null;
  /** Requests at once that an app has to take. Count. */
  concurrency: number;
}

export type TargetCommand =
  | { kind: "open"; config: TargetConfig }
  | { kind: "facts" }
  /** Resolves when the app's instance is stopped and the next start is ready, or when it is frozen. */
  | { kind: "lever"; lever: "stop" | "freeze"; app: string }
  /** `direct`: the load is made in the target's own process. */
  | { kind: "run"; plan: LoadPlan }
  /** What there is in an app's log on what went wrong. */
  | { kind: "log"; app: string }
  | { kind: "close" };

/** Counters since the start of the process, and what there is now. */
export interface TargetFacts {
  /** Instances that have a process. Count. */
  active: number;
  hits: number;
  misses: number;
  creations: number;
  failures: number;
  evictions: number;
  /** Processes that are the node's own, besides the target itself. */
  nodePids: number[];
}

export type TargetAnswer =
  | { kind: "opened"; protocol: number; port: number }
  | { kind: "facts"; facts: TargetFacts }
  /** Oldest first; a stack is several lines. */
  | { kind: "log"; lines: string[] }
  | { kind: "done" }
  | { kind: "result"; result: LoadResult };

/** A command is told from others by its id; phases come before the answer of a run. */
export interface ToTarget {
  id: number;
  command: TargetCommand;
}

export type FromTarget =
  | { id: number; answer: TargetAnswer }
  | { id: number; phase: LoadPhase }
  /** `code`: of the system's error underneath, such as EADDRINUSE. */
  | { id: number; failure: string; code?: string };
