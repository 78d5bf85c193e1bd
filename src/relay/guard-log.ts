/**
 * Budget of a relay's records: for each database and kind a few at once and some per second, since a slow minute would
 * fill an app's log with the same line. What is over it is counted, and a record says how many there were.
 */
import type { Clock } from "../base/clock.ts";
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import { Bucket } from "../telemetry/bucket.ts";
import type { GuardEvent } from "./guard-event.ts";
import { guardGapReportMs, guardRecordsBurstMax, guardRecordsPerSecondMax } from "./limits.ts";

/** Of one database and one kind. */
interface Kind {
  readonly bucket: Bucket;
  leftOut: number;
  /** The latest that was left out. */
  latest: GuardEvent | null;
}

export class GuardLog implements Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #write: (event: GuardEvent) => void;
  /** By database and kind; those that were silent for a while are forgotten. */
  readonly #kinds = new Map<string, Kind>();

  /** `close` takes it out of `deadlines`. */
  constructor(clock: Clock, deadlines: Deadlines, write: (event: GuardEvent) => void) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#write = write;
    deadlines.add(this);
  }

  /** Writes the event or counts it. @param make called only for one that is written */
  say(event: Pick<GuardEvent, "kind" | "database">, make: () => GuardEvent): void {
    const nowMs = this.#clock.nowMs();
    const kind = this.#kindOf(`${event.kind} ${event.database}`, nowMs);
    if (kind.bucket.hasOne(nowMs)) {
      kind.bucket.take();
      this.#write(make());
      return;
    }
    // Made once in a while, for what the record of those left out has to name.
    kind.latest ??= make();
    kind.leftOut += 1;
  }

  onDeadline(): void {
    this.#report();
    const nowMs = this.#clock.nowMs();
    for (const [key, { bucket }] of this.#kinds) if (bucket.isFull(nowMs)) this.#kinds.delete(key);
    if (this.#kinds.size > 0) this.#arm();
  }

  /** Says what is still to be said. Twice is safe. */
  close(): void {
    this.#report();
    this.#deadlines.remove(this);
  }

  #kindOf(key: string, nowMs: number): Kind {
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      const bucket = new Bucket(guardRecordsPerSecondMax, guardRecordsBurstMax, nowMs);
      kind = { bucket, leftOut: 0, latest: null };
      this.#kinds.set(key, kind);
      if (this.deadlineMs === Number.POSITIVE_INFINITY) this.#arm();
    }
    return kind;
  }

  #arm(): void {
    this.deadlineMs = this.#deadlines.after(guardGapReportMs);
  }

  #report(): void {
    for (const kind of this.#kinds.values()) {
      const { leftOut, latest } = kind;
      kind.leftOut = 0;
      kind.latest = null;
      if (latest === null) continue;
      this.#write({
        ...latest,
        kind: "gap",
        requestId: null,
        message: `… and ${leftOut.toLocaleString("en-US")} more of ${latest.kind}`,
        fields: { of: latest.kind, leftOut },
      });
    }
  }
}
