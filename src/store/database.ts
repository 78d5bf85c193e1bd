/**
 * Transactions on the store's database: bounded, and with errors that say what they mean.
 *
 *   connect ──▶ begin ──▶ work ──▶ commit           the connection goes back to the pool
 *      │          └──────────┴─── error ──▶ rollback, or the connection is closed
 *      └─── error or time ──▶ STORE_UNAVAILABLE      at every point, within the time of the call
 *
 * A connection that breaks during `commit` leaves open whether it happened. The caller is told STORE_UNAVAILABLE; every
 * call of the store is safe to repeat or answers the repetition with a typed conflict.
 */
import pg from "pg";
import { settlesWithin } from "../base/within.ts";
import {
  storeCallTimeoutMs,
  storeCloseTimeoutMs,
  storeConnectionsMax,
  storeConnectTimeoutMs,
  storeIdleTimeoutMs,
} from "./limits.ts";
import type { PostgresConnection } from "./postgres-server.ts";
import { storeError, unavailable } from "./unavailable.ts";

/** Where the database is: what the embedded server says, or a URL of one that somebody else runs. */
export type DatabaseAddress = { connection: PostgresConnection } | { databaseUrl: string };

/** Asks the database, within one transaction. */
export interface Queries {
  /** Rows of one statement; `values` fill `$1`, `$2` … */
  rows<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Rows that the statement changed. Count. */
  run(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Several statements without values. */
  script(sql: string): Promise<void>;
}

export interface DatabaseTimes {
  /** Waiting for a connection. Default: `storeConnectTimeoutMs`. */
  connectTimeoutMs?: number;
  /** One transaction after it has a connection. Default: `storeCallTimeoutMs`. */
  callTimeoutMs?: number;
}

export class Database {
  readonly #pool: pg.Pool;
  readonly #address: pg.ClientConfig;
  readonly #callTimeoutMs: number;

  constructor(address: DatabaseAddress, times: DatabaseTimes = {}) {
    this.#callTimeoutMs = times.callTimeoutMs ?? storeCallTimeoutMs;
    this.#address =
      "connection" in address ? address.connection : { connectionString: address.databaseUrl };
    this.#pool = new pg.Pool({
      ...this.#address,
      application_name: "levain",
      max: storeConnectionsMax,
      connectionTimeoutMillis: times.connectTimeoutMs ?? storeConnectTimeoutMs,
      idleTimeoutMillis: storeIdleTimeoutMs,
      keepAlive: true,
      types: { getTypeParser },
    });
    // An idle connection that breaks is taken out of the pool; the next call makes a new one.
    this.#pool.on("error", ignore);
    // An error without a listener would end the node. The pool listens while a connection is idle only, and a server
    // that stops can send its last words in the same packet as an answer: too early for a listener of the call's own.
    this.#pool.on("connect", (client) => client.on("error", ignore));
  }

  /** Reads one consistent snapshot, whatever is written meanwhile. */
  read<Result>(work: (queries: Queries) => Promise<Result>): Promise<Result> {
    return this.#transaction("REPEATABLE READ READ ONLY", work, this.#callTimeoutMs);
  }

  /** Changes all or nothing. */
  write<Result>(
    work: (queries: Queries) => Promise<Result>,
    timeoutMs = this.#callTimeoutMs,
  ): Promise<Result> {
    return this.#transaction("READ COMMITTED", work, timeoutMs);
  }

  /** Answers when a new connection does. @throws {PlatformError} `STORE_UNAVAILABLE` after the time at the latest */
  async probe(timeoutMs: number): Promise<void> {
    const client = new pg.Client({
      ...this.#address,
      application_name: "levain",
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
    });
    client.on("error", ignore);
    try {
      await client.connect();
      await client.query("SELECT");
    } catch (error) {
      throw storeError(error);
    } finally {
      await settlesWithin(client.end(), timeoutMs);
    }
  }

  /** Closes every connection; calls that run get a short grace. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#pool.ended || this.#pool.ending) return;
    await settlesWithin(this.#pool.end(), storeCloseTimeoutMs);
  }

  async #transaction<Result>(
    mode: string,
    work: (queries: Queries) => Promise<Result>,
    timeoutMs: number,
  ): Promise<Result> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw storeError(error);
    }
    const running = transact(client, mode, timeoutMs, work);
    try {
      if (!(await settlesWithin(running, timeoutMs))) {
        throw unavailable(`it gave no answer within ${timeoutMs} ms`);
      }
      const result = await running;
      client.release();
      return result;
    } catch (error) {
      const isUsable = error instanceof RolledBack;
      // A connection in doubt is closed, which also ends what the server does for it.
      client.release(!isUsable);
      throw isUsable ? error.cause : error;
    }
  }
}

/** The work failed, its transaction was rolled back, and the connection is as good as before. */
class RolledBack extends Error {
  override readonly name = "RolledBack";
}

async function transact<Result>(
  client: pg.PoolClient,
  mode: string,
  timeoutMs: number,
  work: (queries: Queries) => Promise<Result>,
): Promise<Result> {
  const queries = queriesOf(client);
  // The server gives up too, so that a node which stops in the middle does not keep its locks.
  await queries.script(
    `BEGIN ISOLATION LEVEL ${mode};` +
      `SET LOCAL statement_timeout = ${timeoutMs};` +
      `SET LOCAL idle_in_transaction_session_timeout = ${timeoutMs}`,
  );
  let result: Result;
  try {
    result = await work(queries);
  } catch (cause) {
    const isRolledBack = await queries.script("ROLLBACK").then(
      () => true,
      () => false,
    );
    throw isRolledBack ? new RolledBack("rolled back", { cause }) : cause;
  }
  await queries.script("COMMIT");
  return result;
}

function queriesOf(client: pg.PoolClient): Queries {
  const query = async (sql: string, values?: readonly unknown[]): Promise<pg.QueryResult> => {
    try {
      return await client.query(sql, values === undefined ? undefined : [...values]);
    } catch (error) {
      throw storeError(error);
    }
  };
  return {
    rows: async <Row>(sql: string, values?: readonly unknown[]) =>
      (await query(sql, values)).rows as Row[],
    run: async (sql, values) => (await query(sql, values)).rowCount ?? 0,
    script: async (sql) => void (await query(sql)),
  };
}

function ignore(): void {}

/** The driver gives 64-bit numbers as text. Ours are counts and milliseconds, far below 2^53. */
const getTypeParser: typeof pg.types.getTypeParser = ((oid: number, format?: "text") =>
  oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
    ? Number
    : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;
