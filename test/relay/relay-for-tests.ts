/**
 * A relay in front of a real PostgreSQL, for tests.
 *
 *   const relayed = withTestRelay();
 *   test("…", async () => {
 *     const { url } = await relayed.database();
 *   });
 */
import { afterAll, beforeAll } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../../src/base/clock.ts";
import { invariant } from "../../src/base/errors.ts";
import { startRelay } from "../../src/relay/relay.ts";
import {
  noGuard,
  type Relay,
  type RelayDatabase,
  type RelayDatabaseFacts,
} from "../../src/relay/relay-api.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/store/embedded-postgres.ts";

export interface RelayedDatabase {
  name: string;
  /** Through the relay. */
  url: string;
  /** As the relay was told. */
  spec: RelayDatabase;
  /** Ends all server processes of the database, as an administrator does. Resolves with how many. */
  terminate(): Promise<number>;
  facts(): Promise<RelayDatabaseFacts>;
}

export interface TestRelay {
  readonly relay: Relay;
  readonly server: EmbeddedPostgres;
  /** Runs SQL as a superuser, beside the relay. */
  admin(sql: string): Promise<Record<string, unknown>[]>;
  /** A new, empty database with a role of its own. */
  database(change?: Partial<RelayDatabase>): Promise<RelayedDatabase>;
}

/** Call it at the top of a test file. Everything is removed after the last test. */
export function withTestRelay(): TestRelay {
  let running: { relay: Relay; server: EmbeddedPostgres; folder: string } | undefined;
  let databases = 0;
  const parts = () => {
    invariant(running !== undefined, "the test relay is used by tests only");
    return running;
  };

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "levain-relay-"));
    const server = await startEmbeddedPostgres({
      dataDir: folder,
      clock: systemClock,
      log: () => {},
    });
    running = { relay: startRelay({ port: 0 }), server, folder };
  }, 60_000);
  afterAll(async () => {
    if (running === undefined) return;
    await running.relay.stop();
    await running.server.stop();
    await rm(running.folder, { recursive: true, force: true });
  }, 60_000);

  const admin = async (sql: string): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client(parts().server.connection);
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };

  return {
    get relay() {
      return parts().relay;
    },
    get server() {
      return parts().server;
    },
    admin,
    async database(change = {}) {
      databases += 1;
      const name = `relayed-${databases}`;
      const password = `secret-${databases}`;
      await admin(`CREATE ROLE "${name}" LOGIN PASSWORD '${password}'`);
      await admin(`CREATE DATABASE "${name}" OWNER "${name}"`);
      const { host: folder, port } = parts().server.connection;
      const spec: RelayDatabase = {
        name,
        app: name,
        branch: "main",
        role: name,
        password,
        server: { address: { kind: "socket", folder, port }, database: name },
        pooling: "session",
        connectionsMax: 20,
        sessionsMax: 2000,
        guard: noGuard,
        ...change,
      };
      const { relay } = parts();
      await relay.put(spec);
      return {
        name,
        url: `postgres://${name}:${password}@127.0.0.1:${relay.port}/${name}`,
        spec,
        async terminate() {
          const rows = await admin(
            `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
          );
          return rows.length;
        },
        async facts() {
          const { databases: all } = await relay.facts();
          return all.find((one) => one.name === name)!;
        },
      };
    },
  };
}
