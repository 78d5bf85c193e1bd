/**
 * A real PostgreSQL for a test file: one embedded cluster for the file, a database of its own for each test.
 *
 *   const postgres = withTestPostgres();
 *   test("…", async () => {
 *     const connection = await postgres.database();
 *   });
 */
import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { invariant } from "../base/errors.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import type { PostgresConnection } from "./postgres-server.ts";

/**
 * For each test that says nothing else. Copies of databases take seconds on a busy machine, and a test that is too late takes
 * the server with it: bun ends the processes that were started, and every test behind it fails. Milliseconds.
 */
const testTimeoutMs = 30_000;

export interface TestPostgres {
  /** The server; there from the first test on. Tests may kill it: it comes back. */
  readonly server: EmbeddedPostgres;
  /**
   * How to reach a new, empty database. Nobody has to remove it: it goes with the cluster. Each costs about 130 ms in
   * all, most of it when the server stops and writes its files.
   */
  database(): Promise<PostgresConnection>;
  /** The same database each time, emptied: for files with many tests that run one after the other. */
  emptiedDatabase(): Promise<PostgresConnection>;
}

/** Call it at the top of a test file. The cluster lives in a temporary folder and is removed after the last test. */
export function withTestPostgres(): TestPostgres {
  setDefaultTimeout(testTimeoutMs);
  let started: EmbeddedPostgres | undefined;
  let folder: string | undefined;
  let databases = 0;
  let shared: PostgresConnection | undefined;
  const server = (): EmbeddedPostgres => {
    invariant(started !== undefined, "the test database is used by tests only");
    return started;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "levain-store-"));
    started = await startEmbeddedPostgres({
      dataDir: folder,
      clock: systemClock,
      log: () => {},
      // No test takes the machine's power away, and each database costs several writes that are waited for.
      settings: { fsync: "off" },
    });
  }, 60_000);
  afterAll(async () => {
    await started?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const database = async (): Promise<PostgresConnection> => {
    databases += 1;
    const connection = { ...server().connection, database: `test_${databases}` };
    await run(server().connection, `CREATE DATABASE ${connection.database}`);
    return connection;
  };

  return {
    get server() {
      return server();
    },
    database,
    async emptiedDatabase() {
      if (shared === undefined) {
        shared = await database();
        return shared;
      }
      // Whoever forgot a session would keep the schema locked.
      await run(
        shared,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid();
         DROP SCHEMA IF EXISTS levain CASCADE;
         DROP SCHEMA public CASCADE;
         CREATE SCHEMA public`,
      );
      return shared;
    },
  };
}

async function run(connection: PostgresConnection, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
