/** Which versions of an app are no longer kept. Pure. */
import type { Retention } from "../base/version-spec.ts";
import type { KeptVersion } from "../store/removal.ts";

/** A policy with nothing left open. */
export interface RetentionPolicy {
  /** Newest versions of each branch that are kept. Count, 1 or more. */
  versionsMax: number;
  /** Older ones go also when they are among the newest. Days; 0 = whatever their age. */
  daysMax: number;
}

const dayMs = 86_400_000;

/** What the newest version of the app says, and the node where it says nothing. */
export function policyOf(
  versions: readonly Pick<KeptVersion, "retention">[],
  node: RetentionPolicy,
): RetentionPolicy {
  const said = (versions[0]?.retention ?? {}) as Partial<Retention>;
  return {
    versionsMax: said.versionsMax ?? node.versionsMax,
    daysMax: said.daysMax ?? node.daysMax,
  };
}

/**
 * Never: what is live, what a branch would be rolled back to, what runs, and the newest version of the app.
 *
 * @param versions newest first
 * @param isRunning whether this node has a process of the version
 */
export function expiredVersions<Version extends KeptVersion>(
  versions: readonly Version[],
  { versionsMax, daysMax }: RetentionPolicy,
  nowMs: number,
  isRunning: (version: number) => boolean,
): Version[] {
  const seen = new Map<string, number>();
  return versions.filter((version, index) => {
    const place = seen.get(version.branch) ?? 0;
    seen.set(version.branch, place + 1);
    const isOld = daysMax > 0 && nowMs - version.createdAtMs > daysMax * dayMs;
    if (place < versionsMax && !isOld) return false;
    const isNeeded = index === 0 || version.liveOn.length > 0 || version.rollbackOf.length > 0;
    return !isNeeded && !isRunning(version.number);
  });
}
