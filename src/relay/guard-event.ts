/**
 * What a relay has to say to the people behind an app: a statement that was slow, a request that asked too often, a
 * transaction that stayed open. Plain data, so that it passes between processes; never with a value of a statement in it.
 */
import type { LogRecord } from "../telemetry/log-record.ts";

export type GuardEventKind =
  | "slow-statement"
  | "query-budget"
  | "statement-timeout"
  | "long-transaction"
  | "transaction-ended"
  | "lock-wait"
  | "connection-budget"
  | "refused"
  | "gap";

export interface GuardEvent {
  kind: GuardEventKind;
  /** Name of the branch's database. */
  database: string;
  app: string;
  branch: string;
  /** Of the app's request that it happened in, when the statement said so. */
  requestId: string | null;
  /** One line for people. */
  message: string;
  /** The same for programs: numbers, shapes, fingerprints. */
  fields: Record<string, string | number | boolean | null>;
}

/** The record for the app's log. */
export function recordOf(event: GuardEvent, wallMs: number): LogRecord {
  const { kind, app, branch, database, requestId, message, fields } = event;
  return {
    time: new Date(wallMs).toISOString(),
    app,
    version: null,
    instance: null,
    stream: "platform",
    requestId,
    event: "database",
    message,
    fields: { kind, branch, database, ...fields },
  };
}
