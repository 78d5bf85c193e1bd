/** The numbers of `levain.config.ts`: what is assumed of each, and what is accepted. */
import { z } from "zod";
import { resourceLimitsDefault, type VersionSpec } from "../base/version-spec.ts";
import * as limits from "./limits.ts";

/** A number of the config: what is assumed, what is accepted. */
export interface NumberKey {
  default: number;
  smallest: number;
  largest: number;
  unit: "bytes" | "milliseconds" | "count" | "cores" | "days";
}

export const LIMIT_KEYS = {
  memoryBytesMax: {
    default: limits.memoryBytesMaxDefault,
    smallest: limits.memoryBytesMaxSmallest,
    largest: limits.memoryBytesMaxLargest,
    unit: "bytes",
  },
  requestTimeoutMs: {
    default: limits.requestTimeoutMsDefault,
    smallest: limits.requestTimeoutMsSmallest,
    largest: limits.requestTimeoutMsLargest,
    unit: "milliseconds",
  },
  streamIdleMs: {
    default: limits.streamIdleMsDefault,
    smallest: limits.streamIdleMsSmallest,
    largest: limits.streamIdleMsLargest,
    unit: "milliseconds",
  },
  concurrencyMax: {
    default: limits.concurrencyMaxDefault,
    smallest: limits.concurrencyMaxSmallest,
    largest: limits.concurrencyMaxLargest,
    unit: "count",
  },
  queueMax: {
    default: limits.queueMaxDefault,
    smallest: limits.queueMaxSmallest,
    largest: limits.queueMaxLargest,
    unit: "count",
  },
  bodyBytesMax: {
    default: limits.bodyBytesMaxDefault,
    smallest: limits.bodyBytesMaxSmallest,
    largest: limits.bodyBytesMaxLargest,
    unit: "bytes",
  },
  bootTimeoutMs: {
    default: limits.bootTimeoutMsDefault,
    smallest: limits.bootTimeoutMsSmallest,
    largest: limits.bootTimeoutMsLargest,
    unit: "milliseconds",
  },
  requestsMax: {
    default: limits.requestsMaxDefault,
    smallest: limits.requestsMaxSmallest,
    largest: limits.requestsMaxLargest,
    unit: "count",
  },
  cpuCoresMax: {
    default: resourceLimitsDefault.cpuCoresMax,
    smallest: limits.cpuCoresMaxSmallest,
    largest: limits.cpuCoresMaxLargest,
    unit: "cores",
  },
  processesMax: {
    default: resourceLimitsDefault.processesMax,
    smallest: limits.processesMaxSmallest,
    largest: limits.processesMaxLargest,
    unit: "count",
  },
  openFilesMax: {
    default: resourceLimitsDefault.openFilesMax,
    smallest: limits.openFilesMaxSmallest,
    largest: limits.openFilesMaxLargest,
    unit: "count",
  },
  diskBytesMax: {
    default: resourceLimitsDefault.diskBytesMax,
    smallest: limits.diskBytesMaxSmallest,
    largest: limits.diskBytesMaxLargest,
    unit: "bytes",
  },
  diskFilesMax: {
    default: resourceLimitsDefault.diskFilesMax,
    smallest: limits.diskFilesMaxSmallest,
    largest: limits.diskFilesMaxLargest,
    unit: "count",
  },
} as const satisfies Record<keyof VersionSpec["limits"], NumberKey>;

export const IDLE_KEYS = {
  idleFreezeMs: {
    default: limits.idleFreezeMsDefault,
    smallest: limits.idleMsSmallest,
    largest: limits.idleMsLargest,
    unit: "milliseconds",
  },
  idlePageMs: {
    default: limits.idlePageMsDefault,
    smallest: limits.idleMsSmallest,
    largest: limits.idleMsLargest,
    unit: "milliseconds",
  },
  idleStopMs: {
    default: limits.idleStopMsDefault,
    smallest: limits.idleMsSmallest,
    largest: limits.idleMsLargest,
    unit: "milliseconds",
  },
} as const satisfies Record<string, NumberKey>;

const instances = {
  default: limits.instancesDefault,
  smallest: limits.instancesSmallest,
  largest: limits.instancesLargest,
  unit: "count",
} as const satisfies NumberKey;

/** `max` is at least `min` when it is left out. */
export const INSTANCE_KEYS = { min: instances, max: instances } as const satisfies Record<
  keyof VersionSpec["instances"],
  NumberKey
>;

/** The check of one number. */
export const number = (key: NumberKey) =>
  (key.unit === "cores" ? z.number() : z.int()).min(key.smallest).max(key.largest);

const databaseTime = (assumed: number): NumberKey => ({
  default: assumed,
  smallest: limits.databaseMsSmallest,
  largest: limits.databaseMsLargest,
  unit: "milliseconds",
});

/** Numbers below `migrate`. */
export const MIGRATE_NUMBERS = {
  timeoutMs: {
    default: limits.migrateTimeoutMsDefault,
    smallest: limits.migrateTimeoutMsSmallest,
    largest: limits.migrateTimeoutMsLargest,
    unit: "milliseconds",
  },
  lockMs: {
    default: limits.migrateLockMsDefault,
    smallest: limits.migrateLockMsSmallest,
    largest: limits.migrateLockMsLargest,
    unit: "milliseconds",
  },
} as const satisfies Record<string, NumberKey>;

/** Numbers below `database`. */
export const DATABASE_NUMBERS = {
  poolMax: {
    default: limits.databasePoolMaxDefault,
    smallest: limits.databasePoolMaxSmallest,
    largest: limits.databasePoolMaxLargest,
    unit: "count",
  },
  ttlMs: {
    default: limits.databaseTtlMsDefault,
    smallest: limits.databaseTtlMsSmallest,
    largest: limits.databaseTtlMsLargest,
    unit: "milliseconds",
  },
  bytesMax: {
    default: limits.databaseBytesMaxDefault,
    smallest: limits.databaseBytesMaxSmallest,
    largest: limits.databaseBytesMaxLargest,
    unit: "bytes",
  },
  statementTimeoutMs: databaseTime(limits.databaseStatementTimeoutMsDefault),
  transactionTimeoutMs: databaseTime(limits.databaseTransactionTimeoutMsDefault),
  slowStatementMs: databaseTime(limits.databaseSlowStatementMsDefault),
  queriesPerRequestMax: {
    default: limits.databaseQueriesPerRequestMaxDefault,
    smallest: limits.databaseQueriesPerRequestMaxSmallest,
    largest: limits.databaseQueriesPerRequestMaxLargest,
    unit: "count",
  },
  idleReleaseMs: databaseTime(limits.databaseIdleReleaseMsDefault),
} as const satisfies Record<string, NumberKey>;

/** Keys below `retention`; without one the node's setting counts. */
export const RETENTION_KEYS = {
  versionsMax: {
    default: limits.retentionVersionsMaxDefault,
    smallest: limits.retentionVersionsMaxSmallest,
    largest: limits.retentionVersionsMaxLargest,
    unit: "count",
  },
  daysMax: {
    default: limits.retentionDaysMaxDefault,
    smallest: limits.retentionDaysMaxSmallest,
    largest: limits.retentionDaysMaxLargest,
    unit: "days",
  },
} as const satisfies Record<string, NumberKey>;

/** Of every number, by its key with its group in front. */
export const NUMBER_RANGES: Readonly<Record<string, NumberKey>> = {
  ...IDLE_KEYS,
  ...Object.fromEntries(
    [
      ["limits", LIMIT_KEYS] as const,
      ["instances", INSTANCE_KEYS] as const,
      ["retention", RETENTION_KEYS] as const,
      ["database", DATABASE_NUMBERS] as const,
      ["migrate", MIGRATE_NUMBERS] as const,
    ].flatMap(([group, keys]) =>
      Object.entries(keys).map(([key, range]) => [`${group}.${key}`, range]),
    ),
  ),
};
