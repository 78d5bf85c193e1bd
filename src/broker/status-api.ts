/** What a broker says of itself: at `/status`, to `levain broker status`, and to the node that it is a part of. */
import { z } from "zod";

const count = z.number();

/** Every reason, with its count. */
const misses = z.object({
  no_waiter: count,
  unclaimed: count,
  cordoned: count,
  draining: count,
  off: count,
  bad_key: count,
  overloaded: count,
});

export const brokerStatus = z.object({
  version: z.string(),
  bun: z.string(),
  pid: z.int(),
  startedAtMs: z.number(),
  port: z.int(),
  /** The same as `port` when they share it. */
  dispatchPort: z.int(),
  isOn: z.boolean(),
  isDraining: z.boolean(),
  /** Random per process; part of each lease. */
  epoch: z.string(),

  /** Since the start. */
  dispatches: z.object({
    /** Repeated ones among them. */
    total: count,
    /** Hits without an offer, and after the claim of one. */
    direct: count,
    claimed: count,
    misses,
    repeated: count,
    /** Their supervisor went before the answer. */
    cancelled: count,
    /** Waited for a runner. */
    held: count,
    /** Now: without a verdict; of these with an offer open, and waiting for a runner. */
    pending: count,
    offered: count,
    waiting: count,
  }),
  /** Hits and misses of the last minutes, the present one among them. */
  recent: z.object({ minutes: z.number(), hits: count, misses: count }),
  offers: z.object({
    made: count,
    lapsed: count,
    lateClaims: count,
    /** From an offer to its claim. */
    claim: z.object({
      count,
      sumMs: z.number(),
      p50Ms: z.number().nullable(),
      p99Ms: z.number().nullable(),
      /** How many took not longer than each bound of the metrics, in their order. */
      buckets: z.array(count),
    }),
  }),
  deliveries: z.object({
    /** Signs that a message did not arrive. */
    nacks: count,
    confirmed: count,
    redeliveries: count,
    /** For good. */
    lost: count,
  }),
  waiters: z.object({
    parked: count,
    max: count,
    doubtful: count,
    cordoned: count,
    spent: count,
    keys: count,
    /** Those with the most. */
    top: z.array(
      z.object({
        deployment: z.string(),
        version: z.string(),
        cpu: z.string(),
        memory: z.string(),
        waiters: count,
      }),
    ),
    /** What the last dispatch that missed for want of a runner asked for. */
    missed: z
      .object({
        deployment: z.string(),
        version: z.string(),
        cpu: z.string(),
        memory: z.string(),
      })
      .nullable(),
  }),
  polls: z.object({
    total: count,
    connects: count,
    dismissed: z.object({ surplus: count, off: count, cordoned: count }),
    closed: z.object({ full: count, hops: count, overdue: count, drained: count }),
    moved: count,
    /** By what their deployment header was. */
    tokens: z.record(z.string(), count),
    refused: count,
  }),
  cordon: z.object({
    machines: count,
    failures: count,
    dropped: count,
    /** Since the last good look at the source that was looked at least lately; null: there is none. Milliseconds. */
    ageMs: z.number().nullable(),
  }),
  members: z.object({
    list: z.array(z.object({ url: z.string(), isSelf: z.boolean(), isHealthy: z.boolean() })),
    epoch: z.string(),
    changes: count,
    redirected: count,
    landed: count,
    disagreed: count,
    checkFailures: count,
    resolveFailures: count,
  }),
  server: z.object({
    connections: count,
    accepted: count,
    turnedAway: count,
    requests: count,
    malformed: count,
    unauthorized: count,
    tooSlow: count,
    lost: count,
  }),
  memory: z.object({
    /** Of the process. */
    residentBytes: z.number(),
    /** Delivered messages that are kept, and dispatches that have not come whole. */
    retainedBytes: z.number(),
    bodyBytes: z.number(),
    verdicts: count,
  }),
  cpuSeconds: z.number(),
  logLinesDropped: count,
});

export type BrokerStatus = z.infer<typeof brokerStatus>;

/** Body of `POST /control`. */
export const brokerControl = z.strictObject({
  isOn: z.boolean(),
  /** With `isOn: false`: those who wait are sent home, too. */
  now: z.boolean().default(false),
});
