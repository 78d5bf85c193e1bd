/** What can be seen of a pool: its state, its instances and its counters, put together. Looking wakes nobody. */
import { messageOf, type PlatformError } from "../base/errors.ts";
import type { Instance } from "./instance.ts";
import type { CounterFacts, PoolCounters } from "./pool-counters.ts";

export type PoolState = "stopped" | "starting" | "warm" | "frozen" | "failed";

/** What `levain ps` shows of a pool. */
export interface PoolFacts extends CounterFacts {
  state: PoolState;
  pid: number | null;
  memoryBytes: number | null;
  requests: number;
  requestsInFlight: number;
  /** Requests that wait now. Count. */
  requestsHeld: number;
  ageMs: number | null;
  idleMs: number | null;
  cause: string | null;
}

/** What a pool consists of. */
export interface PoolParts {
  state: PoolState;
  instances: readonly Instance[];
  /** Those that take requests. */
  ready: readonly Instance[];
  requests: { admitted: number; waiting: number };
  counters: PoolCounters;
  /** Why the latest start or process failed, or null. */
  failure: PlatformError | null;
  nowMs: number;
}

export function poolFacts(parts: PoolParts): PoolFacts {
  const { state, ready, requests, counters, failure, nowMs } = parts;
  const all = parts.instances.filter(({ pid }) => pid !== null);
  const idle = ready.filter(({ open }) => open === 0);
  const isIdle = idle.length > 0 && idle.length === ready.length;
  return {
    state,
    pid: all[0]?.pid ?? null,
    memoryBytes: all.length === 0 ? null : sum(all.map((one) => one.memoryBytes() ?? 0)),
    requests: requests.admitted,
    requestsInFlight: sum(all.map(({ open }) => open)),
    requestsHeld: requests.waiting,
    ageMs: all.length === 0 ? null : nowMs - Math.min(...all.map((one) => one.startedAtMs)),
    idleMs: isIdle ? Math.min(...idle.map((one) => one.idleMs(nowMs))) : null,
    ...counters.facts(),
    cause: failure === null ? null : messageOf(failure.cause ?? failure),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
