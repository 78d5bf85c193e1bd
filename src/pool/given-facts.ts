/**
 * What an instance was really given, for `levain inspect`: what it was started with, and what the kernel says now that it
 * holds the process to.
 */
import type { VersionLimits } from "../base/version-spec.ts";
import type { CgroupHeld } from "../sandbox/cgroup-controllers.ts";
import { notHeld } from "../sandbox/not-held.ts";
import { type ProcessLimit, processLimits } from "../sandbox/process-limits.ts";
import type { ProcessBounds } from "./process-bounds.ts";
import {
  type LaunchedRunner,
  type RunnerLaunchOptions,
  runnerFolder,
  type SandboxFacts,
} from "./runner-launch.ts";

export interface GivenFacts extends Omit<SandboxFacts, "read" | "write" | "rlimits"> {
  /** Files and folders that it may read and execute, beside those of the system; null: any that its user may. */
  read: string[] | null;
  /** Folders that it may read and change; null: any that its user may. */
  write: string[] | null;
  /** No other process of the machine has its user id. */
  isOwnUser: boolean;
  /** What it could not be held to, and why; a sentence each. */
  notHeld: string[];
  /** As the kernel has them; empty when the process has just ended. */
  rlimits: ProcessLimit[];
  /** Null without a control group: the node may make none. */
  cgroup: CgroupHeld | null;
}

/** Paths of the instance's own are named by what they are: `home`, `tmp`, `io`, `app`; and the runner's `runner`. */
export function givenFacts(
  launched: Pick<LaunchedRunner, "pid" | "folder" | "sandbox">,
  options: Pick<RunnerLaunchOptions, "artifact" | "runnerPath" | "sandbox">,
  bounds: Pick<ProcessBounds, "limits" | "held">,
): GivenFacts {
  const { rlimits: _, ...facts } = launched.sandbox;
  const { kernel, isUserShared } = options.sandbox;
  const { home, tmp, io, app } = launched.folder;
  const names = new Map([
    [home, "home"],
    [tmp, "tmp"],
    [io, "io"],
    [options.artifact ?? app, "app"],
    [runnerFolder(options.runnerPath), "runner"],
  ]);
  const shown = (paths: readonly string[]) =>
    facts.landlock === 0 ? null : paths.map((path) => names.get(path) ?? path);
  const cgroup = bounds.held();
  return {
    ...facts,
    read: shown(facts.read),
    write: shown(facts.write),
    isOwnUser: !isUserShared,
    notHeld: [...notHeld(facts, kernel, isUserShared), ...onlyWatched(bounds.limits, cgroup)],
    rlimits: processLimits(launched.pid) ?? [],
    cgroup,
  };
}

/** What no control group holds, and what the node does instead; `ProcessBounds` does it. Without limits there is no app yet. */
function onlyWatched(limits: VersionLimits | null, cgroup: CgroupHeld | null): string[] {
  if (limits === null) return [];
  const gaps: string[] = [];
  if (cgroup?.memoryBytesMax == null) {
    gaps.push("memory: not held by the kernel, the node looks at it and ends what takes too much");
  }
  if (cgroup?.processesMax == null) {
    gaps.push("processes: not held by the kernel, the node counts them");
  }
  if (limits.cpuCoresMax > 0 && cgroup?.cpuCoresMax == null) {
    gaps.push("CPU time: not held, there is no control group for it");
  }
  return gaps;
}
