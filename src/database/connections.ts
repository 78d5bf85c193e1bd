/** What is told of a database: to the relay, to the app that has it, and to people. Pure. */
import type { RelayDatabase, ServerAddress } from "../relay/relay-api.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import { databaseSessionsMax } from "./limits.ts";

export type { RelayFacts } from "../relay/relay-api.ts";

/** A database that is there, with its password opened. */
export type OpenDatabase = StoredDatabase & { serverDatabase: string; password: string };

export function relayDatabaseOf(row: OpenDatabase, address: ServerAddress): RelayDatabase {
  const { name, app, branch, role, password, serverDatabase, spec } = row;
  return {
    name,
    app,
    branch,
    role,
    password,
    server: { address, database: serverDatabase },
    pooling: spec.pooling,
    connectionsMax: spec.poolMax,
    sessionsMax: databaseSessionsMax,
    guard: {
      statementTimeoutMs: spec.statementTimeoutMs,
      transactionTimeoutMs: spec.transactionTimeoutMs,
      idleReleaseMs: spec.idleReleaseMs,
      slowStatementMs: spec.slowStatementMs,
      queriesPerRequestMax: spec.queriesPerRequestMax,
      isReadOnly: isReadOnly(row),
    },
  };
}

/** Whether what writes is refused, for whatever reason. */
export function isReadOnly({ isReadOnly, isOver, spec }: StoredDatabase): boolean {
  return isReadOnly || isOver || spec.readOnly;
}

/** Where clients connect to. None of its parts needs an escape. */
export function databaseUrl(
  { name, role, password }: Pick<OpenDatabase, "name" | "role" | "password">,
  port: number,
): string {
  return `postgres://${role}:${password}@127.0.0.1:${port}/${name}`;
}

/** Names of what `databaseEnvironment` gives. */
export const DATABASE_VARIABLES = [
  "DATABASE_URL",
  "PGHOST",
  "PGPORT",
  "PGUSER",
  "PGPASSWORD",
  "PGDATABASE",
] as const;

/** What the app's process finds. */
export function databaseEnvironment(
  row: Pick<OpenDatabase, "name" | "role" | "password">,
  port: number,
): Record<(typeof DATABASE_VARIABLES)[number], string> {
  return {
    DATABASE_URL: databaseUrl(row, port),
    PGHOST: "127.0.0.1",
    PGPORT: String(port),
    PGUSER: row.role,
    PGPASSWORD: row.password,
    PGDATABASE: row.name,
  };
}
