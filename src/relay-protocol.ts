/** What a node and its relay process say to each other. Plain data; both are of the same release. */
import type { ErrorBody } from "./base/errors.ts";
import type { FromNodeChild } from "./node-child.ts";
import type { RelayCertificate, RelayDatabase, RelayFacts, RelayReach } from "./relay/relay-api.ts";
import type { LogRecord } from "./telemetry/log-record.ts";

export interface RelayConfig {
  /** 0 = any free one. */
  port: number;
  reach: RelayReach;
  socketFolder: string | null;
  databases: readonly RelayDatabase[];
  /** Holds that were there before the process was started again. */
  holds: readonly PlannedHold[];
}

export interface PlannedHold {
  /** Made by the node. */
  hold: number;
  name: string;
  timeoutMs: number;
  lapseMs: number;
}

/** What is asked of it; `answer` follows, with the same id. */
export type RelayCall =
  | { type: "put"; database: RelayDatabase }
  | { type: "remove"; name: string }
  | ({ type: "hold" } & PlannedHold)
  | { type: "release"; hold: number }
  | { type: "facts" }
  | { type: "renewTls"; tls: RelayCertificate };

export type ToRelay =
  /** Once, first. `listening` or `failed` follows. */
  | { type: "open"; config: RelayConfig }
  | { type: "call"; id: number; call: RelayCall }
  /** The process ends by itself. */
  | { type: "stop" };

export type RelayAnswer =
  | { kind: "done" }
  | { kind: "held"; waitedMs: number; sessions: number }
  | { kind: "released"; wasHeld: boolean }
  | { kind: "facts"; facts: RelayFacts }
  | { kind: "failed"; error: ErrorBody };

export type FromRelay =
  | FromNodeChild
  | { type: "answer"; id: number; answer: RelayAnswer }
  /** For the apps' logs. @param dropped others that were too many. Count */
  | { type: "records"; records: LogRecord[]; dropped: number };
