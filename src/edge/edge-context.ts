/** What all connections of an edge share. */
import type { Clock } from "../base/clock.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { Router } from "../router/router.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import { headBytesMax } from "./limits.ts";
import type { TraceIds } from "./trace-ids.ts";

export interface EdgeContext {
  router: Router;
  log: LogSink;
  clock: Clock;
  ids: TraceIds;
  deadlines: Deadlines;
  counters: EdgeCounters;
  date: DateLine;
  /** The node is going down: connections end with their current answer. */
  isDraining: boolean;
  /** Forgets a connection that has closed. */
  onClosed(connection: object): void;
}

export interface EdgeCounters {
  connections: number;
  requests: number;
  /** Answers of the platform's own with a status from 500 up. */
  verdicts: number;
}

/** Where heads are put together. One turn uses it for one head at a time. Bytes. */
const scratchBytes = 256 * 1024 + headBytesMax * 2;

/** Shared by all connections: what is written to it is sent or copied before anything else runs. */
export const scratch = Buffer.allocUnsafeSlow(scratchBytes);

/** The `date` line, made once a second. */
export class DateLine {
  readonly #clock: Clock;
  #second = -1;
  #line = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get line(): string {
    const wallMs = this.#clock.wallMs();
    const second = Math.floor(wallMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#line = `date: ${new Date(wallMs).toUTCString()}\r\n`;
    }
    return this.#line;
  }
}
