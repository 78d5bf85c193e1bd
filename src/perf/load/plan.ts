/**
 * What a load generator is told and what it tells in return. Both cross a process boundary as they are, so they are plain
 * data.
 */

import type { EncodedHistogram } from "./histogram.ts";

/** One kind of request, as it is sent. The generator writes its bytes once, before the run. */
export interface PreparedRequest {
  /** In capitals. `HEAD` is known to have no body in its answer. */
  method: string;
  /** Path and query, beginning with `/`. */
  target: string;
  /** Value of the `Host` line. */
  host: string;
  /** Further lines without their ends, such as `accept: text/html`. Not `host`, `content-length` or `connection`. */
  headerLines: string[];
  /** Sent with its `content-length`; null for none. With `websocket`, the payload of each message. */
  body: Uint8Array | null;
  /** How often it is chosen, relative to the others. More than 0; default 1. */
  weight?: number;
}

export interface LoadPlan {
  /** An address, or a name that is resolved once per connection. */
  hostname: string;
  port: number;
  /** At least one. Every connection sends all of them, each chosen by weight. */
  requests: PreparedRequest[];
  /**
   * `http`: one request in flight per connection, kept alive, never pipelined. `websocket`: each connection is upgraded
   * (outside of the counting) and sends the body of one request as a binary message; its echo is the answer.
   */
  transport: "http" | "websocket";
  /** Connections. Count, 1 to `connectionsMax`. */
  concurrency: number;
  /**
   * Null: closed loop, each connection sends as soon as it has its answer. A number: open loop, requests are due at even
   * distances whatever the answers do, and latency counts from when they were due. Per second, more than 0.
   */
  ratePerS: number | null;
  /** Counted time. Milliseconds. */
  durationMs: number;
  /** Load before it that is not counted. Milliseconds; 0 for none. */
  warmUpMs: number;
  /** From the first byte of a request to the end of its answer; also for a connection to open. Milliseconds. */
  clientTimeoutMs: number;
  /** Of the choice among `requests`: the same seed, the same order. 32 bits. */
  seed: number;
  /** Counted requests after which the run ends early; null or absent for none. */
  maxRequests?: number | null;
}

/** What failed. A failed request does not end its connection's part in the run: it is opened anew. Counts. */
export interface LoadErrors {
  /** No whole answer, or no connection, within `clientTimeoutMs`. */
  timeout: number;
  /** The connection ended before the answer did, by RST or by FIN. */
  reset: number;
  /** The connection could not be opened. */
  refused: number;
  /** What came is no HTTP/1.x answer, or no echo. */
  protocol: number;
  /** Whole answers other than 2xx and 3xx, by status: `{ "503": 12 }`. They are in `requests` and `latency` too. */
  status: Record<string, number>;
}

/** Milliseconds. All 0 when nothing was counted. */
export interface LatencySummary {
  min: number;
  mean: number;
  p50: number;
  p90: number;
  p95: number;
  p99: number;
  p999: number;
  max: number;
}

export interface LoadResult {
  /** Whole answers, whatever their status, of requests begun after the warm-up and ended before the deadline. */
  requests: number;
  /** The time they were counted in. Milliseconds. */
  durationMs: number;
  /**
   * Of `requests`, those with 2xx or 3xx, per second of `durationMs`: an error is not speed. What is in flight at the
   * two ends is not in it, so it is low by one latency in `durationMs`: 0.5 % for 50 ms in 10 s.
   */
  ratePerS: number;
  errors: LoadErrors;
  /** Begun in time and answered well after the deadline: not counted. */
  late: number;
  /** Open loop: due before the deadline, and never sent since every connection was busy. */
  unsent: number;
  /** Connections opened in the counted time in place of one that had ended. */
  reconnects: number;
  /** Of the counted answers, heads included. Bytes. */
  bytesRead: number;
  /** Of the counted answers. Add up those of several runs with `mergeHistograms`, never their percentiles. */
  histogram: EncodedHistogram;
  latency: LatencySummary;
  /** CPU time of the generator in the counted time, user and system. Milliseconds. */
  cpuMs: number;
}

/**
 * `opening` connections → `warm-up` → `counting` → `draining` what is in flight. A phase that has nothing to do is said
 * all the same. Read counters of what is measured at the beginning of `counting` and of `draining`.
 */
export type LoadPhase = "opening" | "warm-up" | "counting" | "draining";

/** One request, measured alone: a cold start, a wake. */
export interface ShotPlan {
  hostname: string;
  port: number;
  request: PreparedRequest;
  /**
   * `fresh`: on a connection of its own. `kept`: on the one that the shot before it has left, when it still stands, or
   * on a new one, opened before the clock starts.
   */
  connection: "fresh" | "kept";
  clientTimeoutMs: number;
}

export interface ShotResult {
  /** From the first byte sent to the body read. Milliseconds, to the microsecond. */
  latencyMs: number;
  /** What the connection took to open, before that; 0 for one that was kept. Milliseconds. */
  connectMs: number;
  /** Of the answer; null when there was none. */
  status: number | null;
  bytesRead: number;
  /** Null for 2xx and 3xx. */
  error: keyof LoadErrors | null;
}
