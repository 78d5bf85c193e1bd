/**
 * The PostgreSQL that branch databases are on, as those who make them reach it. A connection lives as long as one piece of
 * work: there are few of them, and a server that restarts between two is no affair of theirs.
 */
import pg from "pg";
import type { ServerAddress } from "../relay/relay-api.ts";
import { databaseConnectTimeoutMs, databaseStatementMs } from "./limits.ts";

/** How to reach the server. */
export interface ServerAccess {
  /** As apps' connections reach it. */
  address: ServerAddress;
  /** Whether the server is the node's own, and its user may do everything. */
  isOwn: boolean;
  /** Of the user that makes databases; its `database` is one that is always there. */
  config: pg.ClientConfig;
}

/** Whose connection it is; without it the user's that makes databases. */
export interface Login {
  user: string;
  password: string;
}

/** A connection to one database. */
export interface ServerSession {
  rows<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** One or several statements without values. */
  run(sql: string): Promise<void>;
}

/** A connection that is kept. */
export interface KeptSession extends ServerSession {
  /** Never throws. Twice is safe. */
  close(): Promise<void>;
}

export class Server {
  readonly #access: () => ServerAccess;

  /** @param access asked whenever it is needed: a node's own server is there a little later than who asks for it */
  constructor(access: () => ServerAccess) {
    this.#access = access;
  }

  get access(): ServerAccess {
    return this.#access();
  }

  /** Asks the database that is always there. */
  rows<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.within(null, (session) => session.rows<Row>(sql, values));
  }

  run(sql: string, statementMs = databaseStatementMs): Promise<void> {
    return this.within(null, (session) => session.run(sql), { statementMs });
  }

  /**
   * Does some work on a connection of its own.
   *
   * @param database null for the one that is always there
   * @throws what the server answers: `pg.DatabaseError`; what the driver has against it
   */
  async within<Result>(
    database: string | null,
    work: (session: ServerSession) => Promise<Result>,
    { login, statementMs = databaseStatementMs }: { login?: Login; statementMs?: number } = {},
  ): Promise<Result> {
    const session = await this.#open(database, login, statementMs);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }

  /** A connection to the database that is always there, for what is asked again and again. Whoever has it closes it. */
  keep(): Promise<KeptSession> {
    return this.#open(null, undefined, databaseStatementMs);
  }

  /** How `pg` reaches a database of it. */
  configOf(database: string | null, login?: Login): pg.ClientConfig {
    const { config } = this.access;
    return {
      ...config,
      ...(database === null ? {} : { database }),
      ...(login === undefined ? {} : login),
    };
  }

  async #open(
    database: string | null,
    login: Login | undefined,
    statementMs: number,
  ): Promise<KeptSession> {
    const client = new pg.Client({
      ...this.configOf(database, login),
      application_name: "levain",
      connectionTimeoutMillis: databaseConnectTimeoutMs,
      statement_timeout: statementMs,
      keepAlive: true,
      // Nothing that an app has put into its database may stand in for what the server brings. For an app's own SQL its own.
      ...(login === undefined ? { options: "-c search_path=pg_catalog,pg_temp" } : {}),
    });
    client.on("error", ignore);
    await client.connect();
    return {
      rows: async (sql, values) =>
        (await client.query(sql, values === undefined ? undefined : [...values])).rows,
      run: async (sql) => void (await client.query(sql)),
      // Not waited for longer than it takes: a server that is gone does not say goodbye.
      close: () => Promise.race([client.end().catch(ignore), Bun.sleep(databaseConnectTimeoutMs)]),
    };
  }
}

function ignore(): void {}

/** SQLSTATE of an error, or null when it is none of the server's. */
export function stateOf(thrown: unknown): string | null {
  return thrown instanceof pg.DatabaseError ? (thrown.code ?? null) : null;
}

/** A name as a part of a statement. */
export const quoted = (name: string): string => pg.escapeIdentifier(name);
/** A text as a part of a statement. */
export const literal = (text: string): string => pg.escapeLiteral(text);
