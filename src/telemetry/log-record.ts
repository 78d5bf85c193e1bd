/**
 * One line of an app's log. `stdout` and `stderr` are what the app printed; `platform` is what Levain has to say about
 * it: starts, freezes, exits, deploys, its own 5xx verdicts. Same file, same order.
 */
export interface LogRecord {
  /** ISO 8601, UTC, milliseconds. */
  time: string;
  app: string;
  version: number | null;
  instance: string | null;
  stream: "stdout" | "stderr" | "platform";
  requestId: string | null;
  /** Name of a platform event, else null. */
  event: PlatformEvent | null;
  message: string;
  fields?: Record<string, unknown>;
}

export type PlatformEvent =
  | "start"
  | "ready"
  | "freeze"
  | "page"
  | "wake"
  | "standby"
  | "holder"
  | "drain"
  | "evict"
  | "recycle"
  | "stop"
  | "exit"
  | "deploy"
  | "live"
  | "verdict"
  | "request"
  | "throttle"
  | "limit"
  | "database"
  | "error";

/** Where records go. Never throws and never waits: what cannot be kept is counted and dropped. */
export interface LogSink {
  write(record: LogRecord): void;
}
