/**
 * Which idle instance makes way for another: a pure rule.
 *
 * First one of a version that is live nowhere, since only its own URL asks for it. Then one that may lose what it has in
 * memory. Then the one whose last request is longest ago. At equal age a frozen one before a warm one: its next request would have had to wait for waking anyway.
 */

/** What the rule has to know of an instance that nothing is open on. */
export interface Evictable {
  /** Live on no branch. */
  readonly isSuperseded: boolean;
  /** The version says that it may be stopped. */
  readonly mayStop: boolean;
  /** Clock time at which its last request ended. Milliseconds. */
  readonly idleSinceMs: number;
  readonly isFrozen: boolean;
}

/** Whether `one` goes before `other`. */
export function goesBefore(one: Evictable, other: Evictable): boolean {
  if (one.isSuperseded !== other.isSuperseded) return one.isSuperseded;
  if (one.mayStop !== other.mayStop) return one.mayStop;
  if (one.idleSinceMs !== other.idleSinceMs) return one.idleSinceMs < other.idleSinceMs;
  return one.isFrozen && !other.isFrozen;
}
