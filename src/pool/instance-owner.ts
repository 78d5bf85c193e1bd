import type { Instance } from "./instance.ts";
import type { LifecycleListener } from "./lifecycle.ts";
import type { PoolLog } from "./pool-log.ts";
import type { ProcessEnd } from "./process-end.ts";

/** What the pool of an instance hears. */
export interface InstanceOwner {
  /** Its version is live on no branch. */
  readonly isSuperseded: boolean;
  /** Gets what it prints, and the limits that it meets. */
  readonly log: PoolLog;
  /** Hears of its sleep. */
  readonly standby: LifecycleListener;
  /** It is frozen, and has said before that it should not be. */
  onHeld(instance: Instance): void;
  /** One stream fewer is open. */
  onStreamClosed(instance: Instance): void;
  /** It was up and takes no more requests. Called once, before `onExit`. */
  onGoing(instance: Instance): void;
  /** It is idle, and is ended because another instance needs its place, or says `why` else. */
  onEvicted(instance: Instance, why: string | null): void;
  /** Its process has exited; every stream was lost before. */
  onExit(instance: Instance, end: ProcessEnd): void;
}
