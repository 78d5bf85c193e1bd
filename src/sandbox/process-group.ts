/**
 * Signals to an app's whole process group: the app may have children, and they sleep, wake and end with it. An instance
 * is the leader of its own group and session.
 */

/** Sends the signal to every process of the group. Returns false when none is left. */
function signalGroup(leaderPid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-leaderPid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Stops every process of the group where it stands; memory stays, CPU use ends. */
export function freezeGroup(leaderPid: number): boolean {
  return signalGroup(leaderPid, "SIGSTOP");
}

/** Lets a frozen group go on. */
export function thawGroup(leaderPid: number): boolean {
  return signalGroup(leaderPid, "SIGCONT");
}

/** Asks the group to end. */
export function terminateGroup(leaderPid: number): boolean {
  return signalGroup(leaderPid, "SIGTERM");
}

/** Ends the group at once, frozen or not. */
export function killGroup(leaderPid: number): boolean {
  return signalGroup(leaderPid, "SIGKILL");
}
