/**
 * Counts the queries of each request of an app, by the shape of their statements. Over its budget, a request is reported
 * once: when it has been silent for a while, so that the report has all of its queries. N queries of one shape in one
 * request are what people call N+1.
 *
 * Pure: the time is passed in. Bounded in requests and in shapes of each.
 */
import { requestReportMs, requestShapesMax, requestsCountedMax } from "./limits.ts";
import type { SqlShape } from "./sql-shape.ts";

export interface RequestReport {
  requestId: string;
  queries: number;
  /** From its first query to its last. Milliseconds. */
  tookMs: number;
  /** The shape that was asked most often. */
  shape: SqlShape;
  /** How often. */
  times: number;
  /** Different shapes; `requestShapesMax` stands for as many or more. */
  shapes: number;
}

interface Counted {
  queries: number;
  firstMs: number;
  lastMs: number;
  readonly shapes: Map<string, { shape: SqlShape; times: number }>;
}

export class RequestTally {
  /** By id, the one that was silent longest first. */
  readonly #requests = new Map<string, Counted>();
  /** Those over their budget that were not reported yet; as many as are counted, at most. */
  readonly #over = new Map<string, Counted>();

  /** Requests that are counted. Count, 0 to `requestsCountedMax`. */
  get size(): number {
    return this.#requests.size;
  }

  /** Whether something is to be reported sooner or later. */
  get isWaiting(): boolean {
    return this.#over.size > 0;
  }

  /** Counts one query. @param queriesMax 1 or more */
  count(requestId: string, shape: SqlShape, queriesMax: number, nowMs: number): void {
    const counted = this.#take(requestId, nowMs);
    counted.queries += 1;
    counted.lastMs = nowMs;
    const kept = counted.shapes.get(shape.fingerprint);
    if (kept !== undefined) kept.times += 1;
    else if (counted.shapes.size < requestShapesMax) {
      counted.shapes.set(shape.fingerprint, { shape, times: 1 });
    }
    if (counted.queries > queriesMax) this.#noteOver(requestId, counted);
  }

  /** Reports of the requests that were over their budget and are silent now; `Infinity` asks for all of them. */
  due(nowMs: number): RequestReport[] {
    const reports: RequestReport[] = [];
    for (const [requestId, counted] of this.#over) {
      if (nowMs - counted.lastMs < requestReportMs) continue;
      this.#over.delete(requestId);
      this.#requests.delete(requestId);
      reports.push(reportOf(requestId, counted));
    }
    return reports;
  }

  /** The one that was over its budget first gives way; with its next query it is again. */
  #noteOver(requestId: string, counted: Counted): void {
    if (this.#over.size === requestsCountedMax && !this.#over.has(requestId)) {
      this.#over.delete(this.#over.keys().next().value!);
    }
    this.#over.set(requestId, counted);
  }

  #take(requestId: string, nowMs: number): Counted {
    const known = this.#requests.get(requestId);
    if (known !== undefined) {
      this.#requests.delete(requestId);
      this.#requests.set(requestId, known);
      return known;
    }
    if (this.#requests.size === requestsCountedMax) {
      // Silent longest; if it was over its budget, its report is still to come.
      this.#requests.delete(this.#requests.keys().next().value!);
    }
    const counted: Counted = { queries: 0, firstMs: nowMs, lastMs: nowMs, shapes: new Map() };
    this.#requests.set(requestId, counted);
    return counted;
  }
}

function reportOf(requestId: string, counted: Counted): RequestReport {
  const { queries, firstMs, lastMs, shapes } = counted;
  let most = { shape: { text: "", fingerprint: "" }, times: 0 };
  for (const each of shapes.values()) if (each.times > most.times) most = each;
  return { requestId, queries, tookMs: lastMs - firstMs, ...most, shapes: shapes.size };
}
