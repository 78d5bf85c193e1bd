/**
 * A real PostgreSQL for a test file: one embedded cluster for the file, a database of its own for each test.
 *
 *   const postgres = withTestPostgres();
 *   test("…", async () => {
 *     const connection = await postgres.database();
 *   });
 */
import { afterAll, beforeAll } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { invariant } from "../base/errors.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres.ts";
import type { PostgresConnection } from "./postgres-server.ts";

export interface TestPostgres {
  /** The server; there from the first test on. Tests may kill it: it comes back. */
  readonly server: EmbeddedPostgres;
  /** How to reach a new, empty database. Nobody has to remove it: it goes with the cluster. */
  database(): Promise<PostgresConnection>;
}

/** Call it at the top of a test file. The cluster lives in a temporary folder and is removed after the last test. */
export function withTestPostgres(): TestPostgres {
  let started: EmbeddedPostgres | undefined;
  let folder: string | undefined;
  let databases = 0;
  const server = (): EmbeddedPostgres => {
    invariant(started !== undefined, "the test database is used by tests only");
    return started;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "levain-store-"));
    started = await startEmbeddedPostgres({ dataDir: folder, clock: systemClock, log: () => {} });
  }, 60_000);
  afterAll(async () => {
    await started?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  return {
    get server() {
      return server();
    },
    async database() {
      databases += 1;
      const connection = { ...server().connection, database: `test_${databases}` };
      const client = new pg.Client(server().connection);
      await client.connect();
      await client.query(`CREATE DATABASE ${connection.database}`);
      await client.end();
      return connection;
    },
  };
}
