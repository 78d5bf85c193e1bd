/** What a node and its broker's process say to each other. */
import type { BrokerConfig } from "./broker/broker-config.ts";
import type { BrokerStatus } from "./broker/status-api.ts";
import type { FromNodeChild } from "./node-child.ts";

export type ToBroker =
  | { type: "open"; config: BrokerConfig; version: string }
  /** End without harm to anybody; see `RunningBroker.drain`. */
  | { type: "stop" };

export type FromBroker =
  | FromNodeChild
  /** Before it says that it listens, and then each `brokerReportMs`. */
  | { type: "status"; status: BrokerStatus };

/** Between two reports; what the node shows is as old. Milliseconds. */
export const brokerReportMs = 1000;
