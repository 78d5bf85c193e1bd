/**
 * Signals to an app's whole process group: the app may have children, and they sleep, wake and end with it. An instance
 * is the leader of its own group and session.
 */

/** Stops every process of the group where it stands; memory stays, CPU use ends. Returns false when none is left. */
export function freezeGroup(leaderPid: number): boolean {
  return signal(-leaderPid, "SIGSTOP");
}

/** Lets a frozen group go on. Returns false when none is left. */
export function thawGroup(leaderPid: number): boolean {
  return signal(-leaderPid, "SIGCONT");
}

/** Asks the group to end. Returns false when none is left. */
export function terminateGroup(leaderPid: number): boolean {
  return signal(-leaderPid, "SIGTERM");
}

/** Ends the group at once, frozen or not. Returns false when none is left. */
export function killGroup(leaderPid: number): boolean {
  return signal(-leaderPid, "SIGKILL");
}

/** Ends one process at once. Returns false when it is gone. */
export function killProcess(pid: number): boolean {
  return signal(pid, "SIGKILL");
}

function signal(target: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(target, name);
    return true;
  } catch {
    return false;
  }
}
