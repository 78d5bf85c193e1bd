/** What a node and an edge in a process of its own say to each other. Plain data; both are of the same release. */
import type { ErrorBody } from "./base/errors.ts";
import type { EdgeCounters } from "./edge/edge-context.ts";
import type { HookSource } from "./hooks/loaded-hook.ts";
import type { FromNodeChild } from "./node-child.ts";
import type { LeaseReport, VersionKey, VersionReport } from "./pool/lent-pools.ts";
import type { RouteTable } from "./router/route-table.ts";
import type { LogRecord } from "./telemetry/log-record.ts";
import type { WakeFrom } from "./wire/wake.ts";

export interface EdgeConfig {
  hostname: string;
  port: number;
  domain: string;
  trustedProxies: readonly string[];
  connectionsMax: number;
  hooks: readonly HookSource[];
  table: RouteTable;
}

export type ToEdge =
  /** Once, first. `listening` or `failed` follows. */
  | { type: "open"; config: EdgeConfig }
  /** `applied` follows. */
  | { type: "table"; id: number; table: RouteTable }
  /**
   * There was an instance when one was needed; `from` says how it slept, null that it was warm. `grant`, `refused` or
   * `notYet` follows.
   */
  | { type: "found"; version: VersionKey; from: WakeFrom | null }
  /** A descriptor was sent before. */
  | { type: "grant"; version: VersionKey; lease: number; instance: string }
  | { type: "refused"; version: VersionKey; error: ErrorBody }
  | { type: "notYet"; version: VersionKey }
  | { type: "recall"; lease: number }
  | { type: "ended"; lease: number; error: ErrorBody }
  /** The process ends by itself when it has drained. */
  | { type: "stop"; drainTimeoutMs: number };

export type FromEdge =
  | FromNodeChild
  | { type: "applied"; id: number }
  | { type: "need"; version: VersionKey }
  | { type: "giveBack"; lease: number; opened: number }
  | { type: "broken"; lease: number; why: string }
  | { type: "note"; line: string }
  | { type: "report"; report: EdgeReport };

export type PlainCounters = Omit<EdgeCounters, "unrouted">;

/** What has happened since the report before. */
export interface EdgeReport {
  /** As they are. */
  counters: PlainCounters;
  /** See `EdgeCounters.unrouted`; null for none. */
  unrouted: number[] | null;
  versions: VersionReport[];
  leases: LeaseReport[];
  records: LogRecord[];
  requestRecords: LogRecord[];
  /** Records that did not fit. Count. */
  recordsDropped: number;
}

/** Where an edge finds the socket on which descriptors come. */
export const descriptorsFd = 3;
