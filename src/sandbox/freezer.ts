/**
 * Making an app stand still, and letting it go on: all its processes, in one way or the other.
 *
 *   cgroup, version 2   every process of the group, whatever its session; only the node lets them go on
 *   signals             the leader's process group; what left it goes on, and SIGCONT from a child of the app wakes it
 *
 * Version 1 has a freezer too, which is not used: a process that is frozen by it does not die with its node.
 */
import type { Cgroup } from "./cgroup.ts";
import { freezeGroup, thawGroup } from "./process-group.ts";

export interface Freezer {
  /** Stops every process where it stands; memory stays, CPU use ends in a moment. Returns false when none is left. */
  freeze(): boolean;
  /** Lets them go on. Returns false when none is left. */
  thaw(): boolean;
}

/** The better one of those there are. A wake takes 0.05 ms with the cgroup, 0.02 ms with signals. */
export function freezerOf(leaderPid: number, cgroup: Cgroup | null): Freezer {
  if (cgroup?.isFreezable === true) {
    return {
      freeze: () => cgroup.freeze(),
      thaw() {
        const isThawed = cgroup.thaw();
        // One that has stopped itself is not frozen, and stands still for good without this.
        thawGroup(leaderPid);
        return isThawed;
      },
    };
  }
  return { freeze: () => freezeGroup(leaderPid), thaw: () => thawGroup(leaderPid) };
}
