/** What a load generator for a warm-start broker is told, and what it tells in return. Plain data; both cross a pipe as JSON. */
import type { EncodedHistogram } from "./load/histogram.ts";

export interface BrokerLoadPlan {
  /** Where runners poll: `http://127.0.0.1:8080`. */
  url: string;
  /** Where a supervisor dispatches. */
  dispatchUrl: string;
  /** Shown with each dispatch; null for none. */
  dispatchToken: string | null;
  /** Idle runners, each with a connection that polls again at once. Count. */
  controllers: number;
  /** Supervisors' requests at once, each a closed loop. Count; 0: nobody dispatches. */
  dispatchers: number;
  /** Different combinations of deployment, version and machine, spread evenly over controllers and drawn evenly by dispatchers. Count. */
  keys: number;
  /** Of one message; as many as its fields need at least. Bytes. */
  payloadBytes: number;
  /** Share of dispatches for which somebody waits. 0 to 1. */
  hitRatio: number;
  /** Load before it that is not counted. Milliseconds. */
  warmUpMs: number;
  /** Counted. Milliseconds. */
  durationMs: number;
  /** Of what is drawn at random. 32 bits. */
  seed: number;
  /** The broker's process, when it is on this machine. */
  serverPid: number | null;
}

/** Answers of one kind, counted from the first byte of the dispatch to the last of its answer. */
export interface BrokerAnswers {
  count: number;
  histogram: EncodedHistogram;
}

export interface BrokerLoadResult {
  /** Of the counted part. Milliseconds. */
  durationMs: number;
  /** `didWarmStart: true`. */
  hits: BrokerAnswers;
  /** `didWarmStart: false`, for whatever reason. */
  misses: BrokerAnswers;
  /** Of `misses`, those for which somebody should have waited. Count. */
  missesUnasked: number;
  /** Polls that were answered by a redirect and followed it, in the counted time. Count. */
  redirects: number;
  /** True was said and no controller got the message. From beginning to end of the run. Count. */
  lost: number;
  /** A message came to a second controller. From beginning to end of the run. Count. */
  doubled: number;
  errors: BrokerLoadErrors;
  /** Of the broker's process in the counted time; null when it is not known. Microseconds. */
  serverCpuUs: number | null;
  /** Of the generator in the counted time. Microseconds. */
  clientCpuUs: number;
  /** Of the broker's process at the end, with everybody connected; null when it is not known. Bytes. */
  serverMemory: BrokerMemory | null;
}

/** In the counted time. Counts. */
export interface BrokerLoadErrors {
  /** Connections that could not be opened. */
  refused: number;
  /** Dispatches whose connection ended before the answer. */
  reset: number;
  /** Dispatches without an answer for `dispatchTimeoutMs`. */
  timeout: number;
  /** Dispatches answered with anything but a 2xx, by status. */
  status: Record<string, number>;
  /** Polls answered so that a real runner ends, by status. */
  ended: Record<string, number>;
  /** Polls whose connection the broker has ended. A real runner polls again. */
  dropped: number;
}

export interface BrokerMemory {
  /** Resident. Bytes. */
  residentBytes: number;
  /** The same with shared pages divided among those who share them. Bytes. */
  shareBytes: number;
}
