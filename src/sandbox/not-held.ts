/** What a process could not be held to, and why, for people: pure. Says nothing of what it was granted on purpose. */
import type { ConfinementFacts } from "./app-confinement.ts";
import type { KernelSupport } from "./kernel-support.ts";
import { LEVEL } from "./landlock.ts";

/**
 * One sentence for each gap, without a final full stop; none for a process that is held to everything.
 *
 * @param isUserShared it has the node's user id, as all the others
 */
export function notHeld(
  facts: ConfinementFacts,
  kernel: KernelSupport,
  isUserShared: boolean,
): string[] {
  const gap = (what: string, reason: string) => `${what}: not held, ${reason}`;
  const isOff = facts.level === "off";
  const level = `the level is ${facts.level}`;
  const landlock =
    kernel.landlock === 0
      ? "this kernel has no Landlock"
      : `this kernel has Landlock level ${kernel.landlock}`;
  const gaps: string[] = [];
  if (facts.landlock === 0) {
    const reason = isOff ? level : landlock;
    gaps.push(isUserShared ? gap("files", reason) : `files: held by its user id alone, ${reason}`);
  } else if (facts.level !== "strict") {
    gaps.push(gap("what /proc shows of other processes", level));
  }
  if (!facts.holdsTcp) {
    // A kernel that could not do it is the better reason.
    const isKernel = !isOff && kernel.landlock < LEVEL.tcp;
    gaps.push(gap("TCP ports", isKernel ? landlock : level));
    gaps.push(gap("UDP", level));
  }
  if (!facts.holdsSignals) {
    const what = isUserShared ? "signals and abstract unix sockets" : "abstract unix sockets";
    gaps.push(gap(what, isOff ? level : landlock));
  }
  if (!facts.filter) {
    gaps.push(gap("system calls", isOff ? level : "this kernel has no seccomp filters"));
  }
  return gaps;
}
