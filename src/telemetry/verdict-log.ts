/**
 * Answers of the platform's own in the logs of apps: a budget for each app and code, since a flood of them would hide what
 * the app has to say. What is over it is counted, and once a second a record says how many there were.
 */
import type { Clock } from "../base/clock.ts";
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import type { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { Bucket } from "./bucket.ts";
import {
  verdictGapReportMs,
  verdictRecordsBurstMax,
  verdictRecordsPerSecondMax,
} from "./limits.ts";
import type { LogRecord, LogSink } from "./log-record.ts";

/** Of one app and one code. */
interface Kind {
  readonly code: string;
  readonly bucket: Bucket;
  /** Since it was said last. Count. */
  leftOut: number;
  /** Of the latest that was left out. */
  version: number;
}

export class VerdictLog implements Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  /** By app, then by code; those that were silent for a while are forgotten. */
  readonly #apps = new Map<string, Map<string, Kind>>();

  /** `close` takes it out of `deadlines`. */
  constructor(sink: LogSink, clock: Clock, deadlines: Deadlines) {
    this.#sink = sink;
    this.#clock = clock;
    this.#deadlines = deadlines;
    deadlines.add(this);
  }

  /** Whether this one is recorded; then `write` its record. When not, it is counted. */
  takes({ app, number }: VersionSpec, { code }: PlatformError): boolean {
    // What visitors mistype is in the request log, and nothing that the app's author could do something about.
    if (code === "FILE_NOT_FOUND") return false;
    const nowMs = this.#clock.nowMs();
    const kind = this.#kindOf(app, code, nowMs);
    if (kind.bucket.hasOne(nowMs)) {
      kind.bucket.take();
      return true;
    }
    kind.leftOut += 1;
    kind.version = number;
    return false;
  }

  write(record: LogRecord): void {
    this.#sink.write(record);
  }

  onDeadline(): void {
    this.#report();
    const nowMs = this.#clock.nowMs();
    for (const [app, kinds] of this.#apps) {
      for (const { code, bucket } of kinds.values()) if (bucket.isFull(nowMs)) kinds.delete(code);
      if (kinds.size === 0) this.#apps.delete(app);
    }
    if (this.#apps.size > 0) this.#arm();
  }

  /** Says nothing more about an app that was deleted. */
  forget(app: string): void {
    this.#apps.delete(app);
  }

  /** Says what is still to be said. Twice is safe. */
  close(): void {
    this.#report();
    this.#deadlines.remove(this);
  }

  #kindOf(app: string, code: string, nowMs: number): Kind {
    let kinds = this.#apps.get(app);
    if (kinds === undefined) {
      kinds = new Map();
      this.#apps.set(app, kinds);
      if (this.deadlineMs === Number.POSITIVE_INFINITY) this.#arm();
    }
    let kind = kinds.get(code);
    if (kind === undefined) {
      const bucket = new Bucket(verdictRecordsPerSecondMax, verdictRecordsBurstMax, nowMs);
      kind = { code, bucket, leftOut: 0, version: 0 };
      kinds.set(code, kind);
    }
    return kind;
  }

  #arm(): void {
    this.deadlineMs = this.#deadlines.after(verdictGapReportMs);
  }

  #report(): void {
    const time = new Date(this.#clock.wallMs()).toISOString();
    for (const [app, kinds] of this.#apps) {
      for (const kind of kinds.values()) {
        if (kind.leftOut > 0) this.#sink.write(gapOf(app, kind, time));
        kind.leftOut = 0;
      }
    }
  }
}

function gapOf(app: string, { code, leftOut, version }: Kind, time: string): LogRecord {
  return {
    time,
    app,
    version,
    instance: null,
    stream: "platform",
    requestId: null,
    event: "verdict",
    message: `… and ${leftOut.toLocaleString("en-US")} more of ${code} in the last second`,
    fields: { code, leftOut },
  };
}
