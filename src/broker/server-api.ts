/** The broker's sockets, as those who compose and observe it use them. */
import type { TurnClock } from "../base/turn-clock.ts";
import type { BrokerCore } from "./broker-api.ts";
import type { BrokerConfig } from "./broker-config.ts";
import type { BrokerOperations } from "./operations-api.ts";
import type { DeploymentTokens, DispatchGate, Membership } from "./trust-api.ts";

export interface BrokerServerOptions {
  config: Pick<
    BrokerConfig,
    | "host"
    | "port"
    | "dispatchHost"
    | "dispatchPort"
    | "dispatchToken"
    | "messageBytesMax"
    | "waitersMax"
  >;
  core: BrokerCore;
  tokens: DeploymentTokens;
  gate: DispatchGate;
  membership: Membership;
  operations: BrokerOperations;
  /** That of the core: the server looks at it once in each callback of a socket. */
  clock: TurnClock;
  /** Lines for the operator. Never has a token. */
  note(line: string): void;
  /** Whether another broker of the same machine may listen on the same ports. Default false. */
  reusePort?: boolean;
  /** Connections open at once. Default: two for each waiter, and `connectionsRoom`. Count. */
  connectionsMax?: number;
}

/**
 *   serving ──drain()──▶ draining (listens no more; what is held is answered) ──stop()──▶ stopped
 */
export interface BrokerServer {
  /** Where runners connect. */
  readonly port: number;
  /** Where supervisors connect; the same as `port` when they share it. */
  readonly dispatchPort: number;
  /**
   * Stops listening; connections end with their next answer, but for an offer, whose claim comes on the same one. Resolves when no
   * poll, no dispatch and no unread answer is left; whoever calls has the core end them. Twice is safe.
   */
  drain(): Promise<void>;
  /** Closes all that is left, at once. Twice is safe. */
  stop(): void;
  facts(): ServerFacts;
}

/** Counts since the start, and what is open now. */
export interface ServerFacts {
  /** Open now. Of these: */
  readonly connections: number;
  /** … have a poll that the core holds. */
  readonly polls: number;
  /** … have a dispatch without a verdict. */
  readonly dispatches: number;
  /** Room taken by bodies that have not come whole. Bytes. */
  readonly bodyBytes: number;

  /** Connections that were accepted. */
  readonly accepted: number;
  /** … and closed again, since there were too many. */
  readonly turnedAway: number;
  readonly requests: number;
  /** Heads of polls that were read; others had the same bytes as the one before. */
  readonly headsRead: number;
  /** Requests that were answered 4xx for what they said. */
  readonly malformed: number;
  /** Polls that were answered 401 for their token. */
  readonly refused: number;
  /** Dispatches, metrics and control without the dispatch token. */
  readonly unauthorized: number;
  /** Polls and dispatches that were sent to the broker that owns their key. */
  readonly redirected: number;
  /** Connections that were ended since their client sent or read too slowly. */
  readonly tooSlow: number;
  /** Deliveries and offers that did not leave whole. */
  readonly lost: number;
}
