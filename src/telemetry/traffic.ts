/**
 * What the edge has answered for one version: counts and sums that only grow, and live as long as the version's pool.
 * Counting allocates nothing.
 */
import type { ErrorCode } from "../base/errors.ts";
import { type LatencyCounts, LatencyHistogram } from "./latency-histogram.ts";

/** What became of a request: the class of its answer's status, or `aborted`, when the client left before its end. */
export const ANSWER_CLASSES = ["2xx", "3xx", "4xx", "5xx", "aborted"] as const;

export type AnswerClass = (typeof ANSWER_CLASSES)[number];

/** Stands in place of a status where the client has left before the answer's end. */
export const ABORTED = 0;

/** Index of a class among the counts, by the hundreds of a status; `ABORTED` is 0. */
const INDEX: Readonly<Record<AnswerClass, number>> = {
  aborted: 0,
  "2xx": 2,
  "3xx": 3,
  "4xx": 4,
  "5xx": 5,
};

/** Answers by their class. */
export class AnswerCounts {
  /** Doubles, since 2^32 requests are made within a day. */
  readonly #counts = new Float64Array(10);

  /** @param status 200 to 599, or `ABORTED` */
  add(status: number): void {
    this.#counts[(status / 100) | 0]! += 1;
  }

  /** What was counted since this was asked, which counts from 0 again. */
  take(): number[] {
    const counts = [...this.#counts];
    this.#counts.fill(0);
    return counts;
  }

  /** Adds what `take` of another one gave. */
  addAll(counts: readonly number[]): void {
    for (const [index, count] of counts.entries()) this.#counts[index]! += count;
  }

  get total(): number {
    return this.#counts.reduce((total, count) => total + count, 0);
  }

  of(answers: AnswerClass): number {
    return this.#counts[INDEX[answers]]!;
  }
}

export class Traffic {
  readonly answers = new AnswerCounts();
  /** How long answers took, from the end of the request's head to their own end; without those that were aborted. */
  readonly latency = new LatencyHistogram();
  /** Answers of the platform's own, by their code; rejections by hooks are among them. */
  readonly verdicts = new Map<ErrorCode, number>();
  /** Bodies that were sent to clients, also in part. Bytes. */
  sentBytes = 0;
  /** Bodies that were passed on from clients. Bytes. */
  receivedBytes = 0;
  readonly webSockets = { opened: 0, closed: 0, openSumMs: 0, sentBytes: 0, receivedBytes: 0 };

  /** @param status 200 to 599, or `ABORTED` */
  answered(status: number, ms: number, sentBytes: number, receivedBytes: number): void {
    this.answers.add(status);
    this.sentBytes += sentBytes;
    this.receivedBytes += receivedBytes;
    if (status !== ABORTED) this.latency.add(ms);
  }

  verdict(code: ErrorCode): void {
    this.verdicts.set(code, (this.verdicts.get(code) ?? 0) + 1);
  }

  webSocketOpened(): void {
    this.webSockets.opened += 1;
  }

  webSocketClosed(ms: number, sentBytes: number, receivedBytes: number): void {
    const { webSockets } = this;
    webSockets.closed += 1;
    webSockets.openSumMs += ms;
    webSockets.sentBytes += sentBytes;
    webSockets.receivedBytes += receivedBytes;
  }

  /** What was counted since this was asked, which counts from 0 again; null for nothing. */
  take(): TrafficCounts | null {
    const { answers, latency, verdicts, webSockets } = this;
    if (answers.total === 0 && webSockets.opened + webSockets.closed === 0) return null;
    const { sentBytes, receivedBytes } = this;
    this.sentBytes = 0;
    this.receivedBytes = 0;
    const counts = {
      answers: answers.take(),
      latency: latency.take(),
      verdicts: [...verdicts],
      sentBytes,
      receivedBytes,
      webSockets: { ...webSockets },
    };
    verdicts.clear();
    for (const name of Object.keys(webSockets) as (keyof typeof webSockets)[]) webSockets[name] = 0;
    return counts;
  }

  /** Adds what `take` of another one gave. */
  addAll(counts: TrafficCounts): void {
    this.answers.addAll(counts.answers);
    this.latency.addAll(counts.latency);
    this.sentBytes += counts.sentBytes;
    this.receivedBytes += counts.receivedBytes;
    for (const [code, count] of counts.verdicts) {
      this.verdicts.set(code, (this.verdicts.get(code) ?? 0) + count);
    }
    const { webSockets } = this;
    for (const name of Object.keys(webSockets) as (keyof typeof webSockets)[]) {
      webSockets[name] += counts.webSockets[name];
    }
  }

  facts(): TrafficFacts {
    const { answers, latency } = this;
    const counts = ANSWER_CLASSES.map((name) => [name, answers.of(name)]);
    return {
      answers: Object.fromEntries(counts) as Record<AnswerClass, number>,
      p50Ms: rounded(latency.quantileMs(0.5)),
      p95Ms: rounded(latency.quantileMs(0.95)),
      p99Ms: rounded(latency.quantileMs(0.99)),
    };
  }
}

/** What passes from one process to another. Plain data. */
export interface TrafficCounts {
  answers: number[];
  latency: LatencyCounts;
  verdicts: [ErrorCode, number][];
  sentBytes: number;
  receivedBytes: number;
  webSockets: Traffic["webSockets"];
}

/** To a microsecond. */
function rounded(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 1000) / 1000;
}

/** What `levain ps --json` shows of it. */
export interface TrafficFacts {
  answers: Record<AnswerClass, number>;
  /** Half of the answers took no longer. Milliseconds; null before the first. */
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
}
