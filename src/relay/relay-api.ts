/**
 * What a relay is told and says, as plain values: the same whether it runs in this process (`relay.ts`) or in one of its
 * own, where each of them passes between two processes.
 *
 * A client logs in to a relay with the name of a branch's role and database, and has a session there. The relay logs in
 * to PostgreSQL as the same role; what it may do there is PostgreSQL's affair.
 */
import type { LatencyCounts } from "../telemetry/latency-histogram.ts";

/** Where a PostgreSQL listens. */
export type ServerAddress =
  | { kind: "socket"; folder: string; port: number }
  | { kind: "tcp"; host: string; port: number; tls: ServerTls | null };

/** How the server proves who it is. */
export interface ServerTls {
  /** Certificates that are believed, in PEM; null for those of the machine. */
  ca: string | null;
  /** Whether a certificate that is not believed ends the connection. */
  isVerified: boolean;
}

/** A branch's database, as clients and as the server know it. */
export interface RelayDatabase {
  /** What clients call it: the host label of the branch. At most 63 bytes. Unique in a relay. */
  name: string;
  app: string;
  branch: string;
  /** Name of the role, for clients and on the server. */
  role: string;
  password: string;
  /** What clients log in with when that is another one: then no other name of the same role is open to them. */
  clientPassword?: string | undefined;
  server: {
    address: ServerAddress;
    /** Its name there, which `reset` and `restore` change behind a hold. */
    database: string;
  };
  pooling: "session" | "transaction";
  /** Connections to the server at once. Count, 1 or more. */
  connectionsMax: number;
  /** Sessions of clients at once. Count, 1 or more. */
  sessionsMax: number;
  guard: GuardRules;
}

/** What a relay holds an app to. 0 switches a rule off. */
export interface GuardRules {
  /** A statement that takes longer is cancelled. Milliseconds. */
  statementTimeoutMs: number;
  /** A transaction that is open for longer is ended. Milliseconds. */
  transactionTimeoutMs: number;
  /** Idle outside a transaction for so long, a session gives its server connection back. Milliseconds. */
  idleReleaseMs: number;
  /** A statement that takes longer is logged, by its shape. Milliseconds. */
  slowStatementMs: number;
  /** Queries within one request of the app; more are reported. Count. */
  queriesPerRequestMax: number;
  /** Whether what writes is refused. */
  isReadOnly: boolean;
}

export const noGuard: GuardRules = {
  statementTimeoutMs: 0,
  transactionTimeoutMs: 0,
  idleReleaseMs: 0,
  slowStatementMs: 0,
  queriesPerRequestMax: 0,
  isReadOnly: false,
};

/** How a relay shows clients who it is. */
export interface RelayCertificate {
  /** PEM: the certificate, then those between it and the root. */
  cert: string;
  /** PEM, without a passphrase. */
  key: string;
}

/** Who reaches a relay beside the clients of 127.0.0.1, and how. */
export interface RelayReach {
  /** Address that it listens at, too; `0.0.0.0` or `::` for every network, 127.0.0.1 for nobody else. */
  hostname: string;
  /** Null: TLS is declined. */
  tls: RelayCertificate | null;
  /** Whether clients beyond this machine may log in without TLS. */
  mayBePlain: boolean;
}

export const thisMachineAlone: RelayReach = {
  hostname: "127.0.0.1",
  tls: null,
  mayBePlain: false,
};

/** A running relay. */
export interface Relay {
  /** On 127.0.0.1, and on the address of its reach. */
  readonly port: number;
  /**
   * Adds a database or changes it. Sessions go on; after a change of its server or role they work there from their next
   * query on, so whoever changes that does it behind a hold.
   */
  put(database: RelayDatabase): Promise<void>;
  /** Ends its sessions (57P01) and closes its server connections. Twice is safe. */
  remove(name: string): Promise<void>;
  /**
   * Lets nobody begin anything on a database: new queries wait, open transactions are waited for, server connections are
   * given back. Resolves when the relay has no connection to it any more.
   *
   * @throws {PlatformError} `DATABASE_BUSY` when something still runs after `timeoutMs`; then nothing is held.
   *   `DATABASE_UNKNOWN` when the relay has none of that name.
   */
  hold(name: string, options: HoldOptions): Promise<Hold>;
  facts(): Promise<RelayFacts>;
  /** New connections are shown another certificate; those there are go on. */
  renewTls(tls: RelayCertificate): Promise<void>;
  /** Ends all sessions. Resolves when it is gone. Twice is safe. */
  stop(): Promise<void>;
}

export interface HoldOptions {
  /** How long to wait for what is open. Milliseconds. */
  timeoutMs: number;
  /** After so long it releases itself. Milliseconds. Default `holdMsMax`. */
  lapseMs?: number;
}

/** A database that is held. Whoever has it releases it; it lapses by itself, and with its relay. */
export interface Hold {
  /** How long it took to be alone. Milliseconds. */
  waitedMs: number;
  /** Sessions of clients there are; their next queries wait. Count. */
  sessions: number;
  /** Lets waiting queries go on. Resolves false when the hold had lapsed before. Twice is safe. */
  release(): Promise<boolean>;
}

export interface RelayFacts {
  /** Connections of clients that have not logged in yet. Count. */
  strangers: number;
  databases: RelayDatabaseFacts[];
}

/** One database, now; counters since the relay's start. */
export interface RelayDatabaseFacts {
  name: string;
  app: string;
  branch: string;
  isHeld: boolean;
  sessions: number;
  /** Open ones; those that are being opened count. */
  serverConnections: number;
  /** Sessions that cannot give their connection back, since it has state that cannot be made anew. Count. */
  pinned: number;
  /** Sessions in a transaction. Count. */
  inTransaction: number;
  /** Sessions whose query waits for a server connection. Count. */
  waiting: number;
  /** Age of the oldest open transaction. Milliseconds; null for none. */
  oldestTransactionMs: number | null;
  counters: RelayCounters;
  /** From a client's batch to the end of its answer. */
  latency: LatencyCounts;
}

export interface RelayCounters {
  /** Batches: what a client sends up to a Query or Sync. */
  queries: number;
  /** Errors that PostgreSQL answered with. */
  errors: number;
  /** Errors that the relay answered with. */
  relayErrors: number;
  /** Batches that were run again on another connection. */
  retries: number;
  /** Connections that sessions got in the place of one that was lost. */
  reconnects: number;
  /** Connections that sessions gave back. */
  releases: number;
  /** Waits for a server or a connection that took too long. */
  lapsedWaits: number;
  /** Statements that took longer than `slowStatementMs`. */
  slowStatements: number;
  /** Requests of the app that made more queries than `queriesPerRequestMax`. */
  overBudget: number;
  /** Statements that were cancelled since the server did not answer in time. */
  timeouts: number;
  /** Transactions that were ended since they were open for too long. */
  endedTransactions: number;
  /** Statements that the pooling or the read-only switch does not allow. */
  refusals: number;
  bytesFromClients: number;
  bytesToClients: number;
}
