/** What a session needs of the database that it is a session of. */
import type { Deadlines } from "../base/deadlines.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import type { Batch } from "./batch.ts";
import type { SqlError } from "./messages.ts";
import type { RelayCounters } from "./relay-api.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Session } from "./session.ts";
import type { Statement } from "./session-messages.ts";
import type { StatementFeatures } from "./statement-features.ts";
import type { SharedStatements } from "./statement-names.ts";
import type { Tenancy } from "./tenancy.ts";

export interface SessionHost {
  readonly clock: TurnClock;
  readonly deadlines: Deadlines;
  readonly counters: RelayCounters;
  readonly features: StatementFeatures;
  readonly servers: SessionServers;
  /** Nobody begins anything outside of an open transaction. */
  readonly isHeld: boolean;
  /** 0 for never. Milliseconds. */
  readonly idleReleaseMs: number;
  /** Names of prepared statements that sessions share; null with session pooling. */
  readonly statements: SharedStatements | null;
  /** Whether texts of what is run have to be known, also of what was prepared before. */
  readonly wantsTexts: boolean;
  readonly isReadOnly: boolean;
  /** Why a statement is not passed on; null for what is. */
  refusalOf(session: Session, statement: Statement): SqlError | null;
  /** A session has waited for a connection in vain. */
  onLapsed(): void;
  /** What a server reports of its settings to a session with these startup parameters; null while none has. */
  reportedOf(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> | null;
  noteReported(
    parameters: ReadonlyMap<string, string>,
    reported: ReadonlyMap<string, string>,
  ): void;
  /** A batch's first message is about to be sent on. */
  onBatchBegin(session: Session, batch: Batch): void;
  /** Its response has ended, or it was answered with an error of the relay's. Its texts are valid during the call. */
  onBatchEnd(session: Session, batch: Batch): void;
  onLeft(session: Session): void;
}

/** The connections to the server that sessions share. */
export interface SessionServers {
  /** Somebody waits for a connection, and none can be opened. */
  readonly isShort: boolean;
  /** One at once, or null: then `onServer` or `onServerDenied` follow. */
  take(tenancy: Tenancy): ServerConnection | null;
  /** It does not wait any more. Twice is safe. */
  forget(tenancy: Tenancy): void;
  /** What to say to a session that has waited too long. */
  whyWaiting(): SqlError;
  /** The same without anything of the session's on it, but for what the connection itself keeps track of. */
  passOn(server: ServerConnection): void;
  /** The session does not need it any more; whatever it has there is thrown away. */
  giveBack(server: ServerConnection): void;
  /** Asks the server to break off what runs on a connection. */
  cancel(server: ServerConnection): void;
}

/** How its client knows it, for cancel requests; and its startup packet, without user and database. */
export interface SessionIdentity {
  pid: number;
  key: Buffer;
  parameters: ReadonlyMap<string, string>;
}
