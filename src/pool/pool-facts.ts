/** What can be seen of a pool: its state, its instances and its counters, put together. Looking wakes nobody. */
import { messageOf, type PlatformError } from "../base/errors.ts";
import type { HolderFacts } from "./holders.ts";
import type { Instance } from "./instance.ts";
import type { CounterFacts, PoolCounters } from "./pool-counters.ts";

/** `static`: a version without a process; its files are answered by the edge. */
export type PoolState = "stopped" | "starting" | "warm" | "frozen" | "paged" | "failed" | "static";

/** What `levain ps` shows of a pool. */
export interface PoolFacts extends CounterFacts {
  state: PoolState;
  /** Of the oldest process; null without one. */
  pid: number | null;
  /** Of all processes together. Bytes in RAM; null without one. */
  memoryBytes: number | null;
  /** Moved out to swap. Bytes. */
  swapBytes: number;
  requests: number;
  requestsInFlight: number;
  /** Requests that wait now. Count. */
  requestsHeld: number;
  /** Of the oldest process. Milliseconds. */
  ageMs: number | null;
  /** Since the last request ended. Milliseconds; null while one is open, or nothing is up. */
  idleMs: number | null;
  cause: string | null;
  /** Oldest first. */
  processes: ProcessFacts[];
}

/** Of an instance that has a process. */
export interface ProcessFacts {
  id: string;
  pid: number;
  state: "starting" | "warm" | "frozen" | "paged" | "retired" | "going";
  /** Bytes in RAM; null when it has just ended. */
  memoryBytes: number | null;
  /** Moved out to swap. Bytes. */
  swapBytes: number;
  requestsInFlight: number;
  ageMs: number;
  /** Milliseconds; null while a request or a holder is open. */
  idleMs: number | null;
  /** What keeps it awake beside its requests, the oldest first, and at most `holdersShownMax`. */
  holders: HolderFacts[];
  /** All of them. Count. */
  holdersOpen: number;
}

/** What a pool consists of. */
export interface PoolParts {
  state: PoolState;
  /** Whether no start may be tried now. */
  isRefused: boolean;
  instances: readonly Instance[];
  idleMs: number | null;
  /** Requests that wait. Count. */
  waiting: number;
  counters: PoolCounters;
  /** Why the latest start or process failed, or null. */
  failure: PlatformError | null;
  nowMs: number;
}

export function poolFacts(parts: PoolParts): PoolFacts {
  const { state, isRefused, idleMs, waiting, counters, failure, nowMs } = parts;
  const running = parts.instances.filter(({ pid }) => pid !== null);
  const processes = running.map((instance) => processFacts(instance, nowMs));
  const [oldest] = processes;
  return {
    // Once its pause is over, the next request starts it: that is what `stopped` means.
    state: state === "failed" && !isRefused ? "stopped" : state,
    pid: oldest?.pid ?? null,
    memoryBytes: oldest === undefined ? null : sum(processes.map((one) => one.memoryBytes ?? 0)),
    swapBytes: sum(processes.map((one) => one.swapBytes)),
    requests: counters.admitted,
    requestsInFlight: sum(processes.map((one) => one.requestsInFlight)),
    requestsHeld: waiting,
    ageMs: oldest === undefined ? null : Math.max(...processes.map((one) => one.ageMs)),
    idleMs,
    ...counters.facts(),
    cause: failure === null ? null : messageOf(failure.cause ?? failure),
    processes,
  };
}

/** Only for one that has a process. */
export function processFacts(instance: Instance, nowMs: number): ProcessFacts {
  const { open, inFlight, lifecycle } = instance;
  const { holders } = lifecycle;
  return {
    id: instance.id!,
    pid: instance.pid!,
    state: instance.isUp && instance.retiredAtMs !== null ? "retired" : instance.state,
    memoryBytes: instance.memoryBytes(),
    swapBytes: instance.swapBytes,
    requestsInFlight: inFlight,
    ageMs: nowMs - instance.startedAtMs,
    idleMs: open === 0 && instance.isUp ? instance.idleMs(nowMs) : null,
    holders: holders.facts(nowMs),
    holdersOpen: holders.size,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
