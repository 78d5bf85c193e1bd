/** Where requests for a version go: a pool of this process, or instances that are lent to it. */
import type { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { AppRequestLog } from "../telemetry/request-log.ts";
import type { Traffic } from "../telemetry/traffic.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import type { RequestStart } from "./holds.ts";

export interface Destination {
  readonly spec: VersionSpec;
  /** Live on no branch. */
  isSuperseded: boolean;
  /** What the edge has answered. */
  readonly traffic: Traffic;
  /** Null when requests are not recorded. */
  readonly requestLog: AppRequestLog | null;
  /** Takes a request: sends it, holds it, or fails it. Never throws. */
  submit(stream: ClientStream, start: RequestStart): void;
  /** Nobody waits for this request any more, wherever it is. Twice is safe. */
  cancel(stream: ClientStream): void;
  /** A request was held for as long as it may be: counts it, and says why. The caller cancels it. */
  heldTooLong(): PlatformError;
}

/** The destinations of a process, one per version. */
export interface Destinations {
  /** The version's, made when there is none. */
  of(spec: VersionSpec): Destination;
}
