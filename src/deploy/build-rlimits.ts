/** What the kernel holds each process of a build to, whatever watches it. */
import { readdirSync, readFileSync } from "node:fs";
import { RLIMIT, type Rlimit } from "../sandbox/launch.ts";
import { artifactBytesMax, buildTasksMax } from "./limits.ts";

/** @param uid user of the build alone; null: the node's own user, which has other processes too */
export function buildRlimits(uid: number | null): Rlimit[] {
  const bound = (resource: Rlimit["resource"], max: number): Rlimit => ({ resource, max });
  // The kernel counts all tasks of a user, and asks the one that forks: the others are not held to this.
  const others = uid === null ? tasksOf(process.getuid?.() ?? 0) : 0;
  return [
    // What a crash would write down fills the disk.
    bound(RLIMIT.CORE, 0),
    // No single file of an artifact is larger than all of it may be.
    bound(RLIMIT.FSIZE, artifactBytesMax),
    bound(RLIMIT.NPROC, others + buildTasksMax),
    // Nobody needs message queues; a process that has none can be told by it for good, see `process-tree.ts`.
    bound(RLIMIT.MSGQUEUE, 0),
  ];
}

/** Processes and threads of a user. Count. */
function tasksOf(uid: number): number {
  let tasks = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      if (Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]) !== uid) continue;
      tasks += Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 1);
    } catch {
      // It has ended.
    }
  }
  return tasks;
}
