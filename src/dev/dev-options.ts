/** `levain dev` as the command line knows it: something that runs until it is stopped. `src/main.ts` passes it in. */
import type { LogRecord } from "../telemetry/log-record.ts";
import type { DevWatcher } from "./dev-session.ts";

export interface DevOptions {
  /** The project; an absolute path. */
  folder: string;
  app: string;
  /** Null: `devPortDefault`, or one of the next when it is taken. 0: any. */
  port: number | null;
  /** Address of the port. */
  hostname: string;
  /** The data directory; a folder for this run is made in it, and removed. */
  dataDir: string;
  /** Ends it. */
  signal: AbortSignal;
}

export interface DevScreen extends DevWatcher {
  /** The port is bound; what is there to serve follows. */
  ready(facts: { url: string; port: number }): void;
  /** What the app printed, and what happened to it. */
  record(record: LogRecord): void;
}

/**
 * Serves a project in this process until the signal; resolves when nothing of it is left.
 *
 * @throws {PlatformError} when it cannot start; nothing is left then.
 */
export type RunDev = (options: DevOptions, screen: DevScreen) => Promise<void>;
