/** What the admin API says of processes and the pools they belong to. */
import { z } from "zod";

/**
 * State of one version's pool on this node: `stopped` has no process, `failed` backs off before it tries again, `static`
 * never has one, since the node answers with its files.
 */
export const poolState = z.enum([
  "stopped",
  "starting",
  "warm",
  "frozen",
  "paged",
  "failed",
  "static",
]);

/** One process of a version. `retired`: it finishes its requests and gets no more; `going`: it is asked to end. */
export const processInfo = z.object({
  id: z.string(),
  pid: z.int(),
  state: z.enum(["starting", "warm", "frozen", "paged", "retired", "going"]),
  /** In RAM: its own and its part of what processes share, as measured last. */
  memoryBytes: z.number().nullable(),
  /** Moved out to swap. */
  swapBytes: z.number(),
  requestsInFlight: z.int(),
  ageMs: z.number(),
  idleMs: z.number().nullable(),
  /** What its app has named to keep it awake, the oldest first; no more than fit a screen. */
  holders: z.array(
    z.object({
      kind: z.enum(["waitUntil", "keepAwake"]),
      /** The app's own word for it; may be empty. */
      name: z.string(),
      ageMs: z.number(),
      /** It is open for too long, and does not keep the process awake any more. */
      isSpent: z.boolean(),
    }),
  ),
  /** All of them. */
  holdersOpen: z.int(),
});

/** One row of `levain ps`: a version's processes on this node, of which most versions have one. */
export const instanceInfo = z.object({
  app: z.string(),
  version: z.int(),
  /** Branches it is live on; empty for a version that only its own URL reaches. */
  branches: z.array(z.string()),
  state: poolState,
  /** Of the oldest process, or null without one. */
  pid: z.int().nullable(),
  /** Memory of the processes together in RAM, in bytes, or null without one. */
  memoryBytes: z.number().nullable(),
  /** Moved out to swap, in bytes. */
  swapBytes: z.number(),
  requests: z.number(),
  requestsInFlight: z.int(),
  /** Milliseconds since the oldest process started, or null. */
  ageMs: z.number().nullable(),
  /** Milliseconds since the last request ended, or null. */
  idleMs: z.number().nullable(),
  /** Requests that wait for it now. */
  requestsHeld: z.int(),
  /** Requests that found an instance, warm or frozen, and those that found none; without those that were refused at once. */
  hits: z.int(),
  misses: z.int(),
  /** `hits` as a share of both, 0 to 1; null before the first request. */
  hitRate: z.number().nullable(),
  /** Requests that had to wait, for an instance or for their turn. */
  holds: z.int(),
  starts: z.int(),
  failures: z.int(),
  /** How often it was stopped while idle because another app needed its place. */
  evictions: z.int(),
  /** How often one of its processes was replaced after `limits.requestsMax` requests. */
  recycles: z.int(),
  /** Requests that were turned away, by the code they were told. */
  refusals: z.record(z.string(), z.int()),
  /** Requests that were answered, by the class of the status; `aborted`: the client left before the answer's end. */
  answers: z.object({
    "2xx": z.int(),
    "3xx": z.int(),
    "4xx": z.int(),
    "5xx": z.int(),
    aborted: z.int(),
  }),
  /** Half of the answers, 95 % and 99 % took no longer, in milliseconds; null before the first. */
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  /** Why the pool is `failed`, else null. */
  cause: z.string().nullable(),
  /** Each of its processes, oldest first. */
  processes: z.array(processInfo),
});

export type InstanceInfo = z.infer<typeof instanceInfo>;
