/**
 * Which version a rollback goes to. Pure.
 *
 * The history of a branch is read as a stack. Deploying or promoting a version puts it on top; rolling back takes off
 * what is above the version it goes to. The target is what lies under the top. So
 *
 *   - rolling back twice goes two steps back, not back and forth;
 *   - a version that was rolled back from is off the stack, and a deploy after it never leads back to it;
 *   - rolling forward again, by naming a version that is off the stack, puts it on top like a promote.
 */

/** One time that a branch's live version changed. */
export interface LiveChange {
  version: number;
  reason: LiveReason;
}

/** Why the live version of a branch changed. */
export type LiveReason = "deploy" | "promote" | "rollback";

/**
 * @param changes oldest first
 * @param exists whether a version is still there; the target is the first one below the top that is. Default: all are.
 * @returns null when nothing else was live before
 */
export function rollbackTargetOf(
  changes: readonly LiveChange[],
  exists: (version: number) => boolean = () => true,
): number | null {
  const stack: number[] = [];
  for (const { version, reason } of changes) {
    const depth = reason === "rollback" ? stack.lastIndexOf(version) : -1;
    if (depth >= 0) stack.length = depth + 1;
    else if (stack.at(-1) !== version) stack.push(version);
  }
  return stack.slice(0, -1).findLast(exists) ?? null;
}
