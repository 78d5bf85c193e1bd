/** What all connections of a broker share. */
import type { Deadlines } from "../base/deadlines.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { Answers } from "./answers.ts";
import type { BrokerCore } from "./broker-api.ts";
import type { BrokerConnection } from "./broker-connection.ts";
import type { BodyRoom } from "./incoming-body.ts";
import type { BrokerOperations } from "./operations-api.ts";
import type { DeploymentTokens, DispatchGate, Membership } from "./trust-api.ts";

export interface ServerContext {
  readonly core: BrokerCore;
  readonly tokens: DeploymentTokens;
  readonly gate: DispatchGate;
  readonly membership: Membership;
  readonly operations: BrokerOperations;
  /** Read whenever a socket has something to say. */
  readonly clock: TurnClock;
  readonly deadlines: Deadlines;
  readonly answers: Answers;
  readonly counts: ServerCounts;
  readonly room: BodyRoom;
  /** Body of a dispatch. Bytes. */
  readonly bodyBytesMax: number;
  /** Whether dispatches have to show a token. */
  readonly isGuarded: boolean;
  /** Connections end with their next answer. */
  isDraining: boolean;
  /** Has input left, and was answered in the turn of another one: goes on when that turn is over. */
  resumeLater(connection: BrokerConnection): void;
  /** Forgets a connection that has closed. */
  onClosed(connection: BrokerConnection): void;
}

/** Those of `ServerFacts` that are counted by connections. */
export class ServerCounts {
  requests = 0;
  headsRead = 0;
  malformed = 0;
  refused = 0;
  unauthorized = 0;
  redirected = 0;
  tooSlow = 0;
  lost = 0;
  /** Held now. */
  polls = 0;
  dispatches = 0;
}
