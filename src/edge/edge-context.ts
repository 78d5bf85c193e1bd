/** What all connections of an edge share. */
import type { Sites } from "../assets/sites.ts";
import type { Clock } from "../base/clock.ts";
import type { Deadlines } from "../base/deadlines.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import { headBytesMax } from "../http/limits.ts";
import type { Router } from "../router/router.ts";
import type { AnswerCounts } from "../telemetry/traffic.ts";
import type { VerdictLog } from "../telemetry/verdict-log.ts";
import type { HookChain } from "./hook-chain.ts";
import type { TraceLines } from "./trace-lines.ts";

export interface EdgeContext {
  router: Router;
  verdictLog: VerdictLog;
  /** Read whenever a socket has something to say. */
  clock: TurnClock;
  trace: TraceLines;
  deadlines: Deadlines;
  counters: EdgeCounters;
  date: DateLine;
  /** The files of versions that have some. */
  sites: Sites;
  /** The operator's hooks; null when there are none. */
  hooks: HookChain | null;
  /** A proxy whose `x-forwarded-for` is believed. */
  isTrusted(address: string): boolean;
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
  /** Answers to requests that no version was found for, and to what could not be read. */
  readonly unrouted: AnswerCounts;
}

/** Where heads are put together. One turn uses it for one head at a time. Bytes. */
const scratchBytes = 256 * 1024 + headBytesMax * 2;

/** Shared by all connections: what is written to it is sent or copied before anything else runs. */
export const scratch = Buffer.allocUnsafeSlow(scratchBytes);

/** The `date` line, made once a second. */
export class DateLine {
  readonly #clock: Clock;
  #dueMs = Number.NEGATIVE_INFINITY;
  /** `date: …` with its CRLF. */
  line: Buffer = nothing;
  /** The same behind the status line of the most common answer. */
  ok: Buffer = nothing;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes the lines anew when their second is over. `nowMs` is a clock time, as coarse as you like. */
  update(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    const wallMs = this.#clock.wallMs();
    this.#dueMs = nowMs + 1000 - (wallMs % 1000);
    const line = `date: ${new Date(wallMs).toUTCString()}\r\n`;
    this.line = Buffer.from(line);
    this.ok = Buffer.from(`HTTP/1.1 200 OK\r\n${line}`);
  }
}

const nothing = Buffer.alloc(0);
