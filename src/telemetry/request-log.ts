/**
 * The request log: a record for each answered request of every app, as far as the budgets go. A request only leaves
 * plain values in a queue; records are made and written later, a bounded number in a turn.
 *
 *   takes() ──no──▶ counted ──once a second──▶ a record that says how many
 *      └──yes──▶ add() ──▶ queue ──after `requestRecordsDelayMs`──▶ sink
 */
import type { Clock } from "../base/clock.ts";
import { requestGapReportMs, requestRecordsDelayMs, requestRecordsPerTurnMax } from "./limits.ts";
import { gapRecord } from "./log-line.ts";
import type { LogSink } from "./log-record.ts";
import { RequestBudget } from "./request-budget.ts";
import { type AnsweredRequest, requestRecord } from "./request-record.ts";

export interface RequestLogOptions {
  /** Apart from what apps print, so that requests do not push that out. */
  sink: LogSink;
  clock: Clock;
}

export class RequestLog {
  readonly #sink: LogSink;
  readonly #clock: Clock;
  readonly #budget: RequestBudget;
  readonly #apps = new Map<string, AppRequestLog>();
  /** Bounded by the budget of all apps together. */
  #queue: AnsweredRequest[] = [];
  /** Those whose requests were left out since they last said so. */
  readonly #withGap = new Set<AppRequestLog>();
  #timer: ReturnType<typeof setTimeout> | ReturnType<typeof setImmediate> | null = null;
  #isClosed = false;

  constructor({ sink, clock }: RequestLogOptions) {
    this.#sink = sink;
    this.#clock = clock;
    this.#budget = RequestBudget.ofNode(clock.nowMs());
  }

  /** The app's part, made when there is none: look it up once, not with every request. */
  of(app: string): AppRequestLog {
    let log = this.#apps.get(app);
    if (log === undefined) {
      const nowMs = this.#clock.nowMs();
      log = new AppRequestLog(app, RequestBudget.ofApp(nowMs, this.#budget), {
        add: (request) => {
          this.#queue.push(request);
          this.#arm();
        },
        addGap: (gap) => {
          this.#withGap.add(gap);
          this.#arm();
        },
      });
      this.#apps.set(app, log);
    }
    return log;
  }

  /** Forgets an app and what it has in the queue. Those who still have its part may go on using it. */
  forget(app: string): void {
    const log = this.#apps.get(app);
    this.#apps.delete(app);
    if (log !== undefined) this.#withGap.delete(log);
    this.#queue = this.#queue.filter((request) => request.app !== app);
  }

  /** Gives the sink all that waits, now. */
  flush(): void {
    this.#write(this.#queue.length);
  }

  /** Flushes, gaps too, and ignores what comes later. Twice is safe. */
  close(): void {
    if (this.#isClosed) return;
    this.flush();
    for (const log of this.#withGap) this.#reportGap(log);
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer as ReturnType<typeof setTimeout>);
  }

  #arm(): void {
    if (this.#timer !== null || this.#isClosed) return;
    const timer = setTimeout(() => this.#onTimer(), requestRecordsDelayMs);
    // What is left at the end is written by `close`.
    timer.unref();
    this.#timer = timer;
  }

  #onTimer(): void {
    this.#timer = null;
    this.#write(requestRecordsPerTurnMax);
    const nowMs = this.#clock.nowMs();
    for (const log of this.#withGap) {
      if (nowMs - log.reportedAtMs < requestGapReportMs) continue;
      log.reportedAtMs = nowMs;
      this.#reportGap(log);
      this.#withGap.delete(log);
    }
    if (this.#queue.length > 0) this.#timer = setImmediate(() => this.#onTimer());
    else if (this.#withGap.size > 0) this.#arm();
  }

  #write(recordsMax: number): void {
    if (this.#queue.length === 0) return;
    for (const request of this.#queue.splice(0, recordsMax)) {
      this.#sink.write(requestRecord(request));
    }
  }

  #reportGap(log: AppRequestLog): void {
    const why = "requests came faster than they are recorded";
    this.#sink.write(gapRecord(log.app, this.#clock.wallMs(), log.takeLeftOut(), why));
  }
}

/** Where one app's requests go. */
export interface RequestQueue {
  add(request: AnsweredRequest): void;
  /** A first one was left out. */
  addGap(log: AppRequestLog): void;
}

/** What the log of one app is told. */
export class AppRequestLog {
  readonly app: string;
  readonly #budget: RequestBudget;
  readonly #queue: RequestQueue;
  /** Clock time of the latest record about what was left out. */
  reportedAtMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(app: string, budget: RequestBudget, queue: RequestQueue) {
    this.app = app;
    this.#budget = budget;
    this.#queue = queue;
  }

  /** Whether a request with this answer is recorded; when not, it is counted. @param status 101 to 599, or `ABORTED` */
  takes(status: number, nowMs: number): boolean {
    if (this.#budget.takes(status >= 500, nowMs)) return true;
    this.#leftOut += 1;
    if (this.#leftOut === 1) this.#queue.addGap(this);
    return false;
  }

  /** Records a request that it takes. */
  add(request: AnsweredRequest): void {
    this.#queue.add(request);
  }

  /** Requests left out since this was asked. Count. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
