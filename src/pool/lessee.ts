/** An edge in a process of its own, as a pool sees it: instances are lent to it, each by a wire of its own. */
import type { PlatformError } from "../base/errors.ts";
import type { Instance } from "./instance.ts";
import type { CounterFacts } from "./pool-counters.ts";

export interface Lessee {
  /** Gives it a wire to the instance, which `returned` ends. @throws when there is no descriptor left */
  grant(instance: Instance): void;
  /** The instance takes no more requests; it is given back when those that are open have ended. */
  recall(instance: Instance): void;
  /** The process has exited: what is open is lost with `error`. Nothing has to be given back. */
  ended(instance: Instance, error: PlatformError): void;
}

/** How it uses what was lent to it. Counts. */
export interface LeaseUse {
  /** Streams that are open. */
  inFlight: number;
  /** Those that are no tunnels. */
  running: number;
  /** Streams that were opened so far. */
  opened: number;
}

/** What an edge has counted of one version since it said so last. */
export interface LentCounts extends Pick<CounterFacts, "hits" | "misses" | "holds" | "refusals"> {
  /** Requests that were given to an instance. */
  admitted: number;
}
