/**
 * Says whether a request is recorded: a token bucket for each app, and one for all apps of the node together. Answers
 * with a status from 500 up may use a reserve when the bucket is empty, so that a flood of good ones does not hide them.
 *
 * Pure: the time is passed in.
 */
import { Bucket } from "./bucket.ts";
import {
  requestFailuresBurstMax,
  requestFailuresPerSecondMax,
  requestRecordsBurstMax,
  requestRecordsPerSecondMax,
  requestRecordsTotalBurstMax,
  requestRecordsTotalPerSecondMax,
} from "./limits.ts";

export class RequestBudget {
  readonly #records: Bucket;
  readonly #failures: Bucket;
  readonly #total: RequestBudget | null;

  private constructor(records: Bucket, failures: Bucket, total: RequestBudget | null) {
    this.#records = records;
    this.#failures = failures;
    this.#total = total;
  }

  /** The budget of all apps of a node. @param nowMs monotonic time, as in every other call. Milliseconds. */
  static ofNode(nowMs: number): RequestBudget {
    const perSecond = requestRecordsTotalPerSecondMax;
    const burst = requestRecordsTotalBurstMax;
    // Of the same size: when all apps fail at once, that is what one wants to read.
    return new RequestBudget(
      new Bucket(perSecond, burst, nowMs),
      new Bucket(perSecond, burst, nowMs),
      null,
    );
  }

  /** The budget of one app, as a part of the node's. */
  static ofApp(nowMs: number, total: RequestBudget): RequestBudget {
    return new RequestBudget(
      new Bucket(requestRecordsPerSecondMax, requestRecordsBurstMax, nowMs),
      new Bucket(requestFailuresPerSecondMax, requestFailuresBurstMax, nowMs),
      total,
    );
  }

  /** Whether the request is recorded; if so, what it costs is taken. */
  takes(isFailure: boolean, nowMs: number): boolean {
    const own = this.#bucket(isFailure, nowMs);
    if (own === null) return false;
    if (this.#total !== null && !this.#total.takes(isFailure, nowMs)) return false;
    own.take();
    return true;
  }

  /** The bucket that has something for it, or null. */
  #bucket(isFailure: boolean, nowMs: number): Bucket | null {
    if (this.#records.hasOne(nowMs)) return this.#records;
    return isFailure && this.#failures.hasOne(nowMs) ? this.#failures : null;
  }
}
