/** Databases on a real PostgreSQL with a store in it, behind a relay without clients. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import type { DatabaseSpec } from "../base/database-spec.ts";
import { testKeyring } from "../secrets/environments-for-tests.ts";
import type { TestPostgres } from "../store/postgres-for-tests.ts";
import { openStore, type Store } from "../store/store.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { Databases } from "./databases.ts";
import type { DatabasesOptions } from "./databases-options.ts";
import type { EnsureRequest } from "./ensure-rules.ts";
import { RelayForTests } from "./relay-for-tests.ts";
import { Server } from "./server.ts";

const specForTests: DatabaseSpec = {
  extensions: [],
  from: "data",
  poolMax: 10,
  pooling: "session",
  readOnly: false,
  mask: null,
  ttlMs: 0,
  bytesMax: 0,
  statementTimeoutMs: 0,
  transactionTimeoutMs: 0,
  slowStatementMs: 0,
  queriesPerRequestMax: 0,
  idleReleaseMs: 0,
};

/** What a deploy of a branch of `shop` asks for. */
export function request(
  branch: string,
  spec: Partial<DatabaseSpec> = {},
  more: Partial<EnsureRequest> = {},
): EnsureRequest {
  return {
    app: "shop",
    branch,
    spec: { ...specForTests, ...spec },
    mask: null,
    parent: null,
    ...more,
  };
}

export interface TestDatabases extends AsyncDisposable {
  databases: Databases;
  relay: RelayForTests;
  server: Server;
  store: Store;
  records: LogRecord[];
  /** The same as another node finds it that starts now. */
  again(): Databases;
  /** Asks a branch's database as its role. */
  ask<Row>(branch: string, sql: string): Promise<Row[]>;
  /** Databases and roles on the server that are not its own. Sorted. */
  onServer(): Promise<{ databases: string[]; roles: string[] }>;
}

export async function testDatabases(
  postgres: TestPostgres,
  change: Partial<DatabasesOptions> = {},
  login?: { user: string; password: string; database: string },
): Promise<TestDatabases> {
  const folder = mkdtempSync(join(tmpdir(), "levain-databases-"));
  const store = openStore({ connection: await postgres.emptiedDatabase(), clock: systemClock });
  await store.migrate();
  const { connection } = postgres.server;
  const relay = new RelayForTests();
  const address = { kind: "socket", folder: connection.host, port: connection.port } as const;
  const server = new Server(() => ({
    address,
    isOwn: true,
    config: { ...connection, database: "postgres" },
  }));
  // As on a server that somebody else runs, where the user is not its superuser.
  const foreign = new Server(() => ({
    address,
    isOwn: false,
    config: { ...connection, ...login },
  }));
  const records: LogRecord[] = [];
  const options: DatabasesOptions = {
    file: join(folder, "databases.json"),
    server: login === undefined ? server : foreign,
    rows: () => store.databases,
    apps: () => store.apps(),
    branchLabel: () => labelOf,
    relay: async () => relay,
    port: () => relay.port,
    keyring: testKeyring(),
    clock: systemClock,
    log: { write: (record) => void records.push(record) },
    bounds: { previewsOfAppMax: 20, previewsMax: 100 },
    ...change,
  };
  const databases = new Databases(options);
  const onServer = async () => {
    const names = await server.rows<{ kind: string; name: string }>(
      `SELECT 'database' AS kind, datname AS name FROM pg_database
         WHERE datname NOT IN ('postgres', 'template0', 'template1', 'levain') AND datname NOT LIKE 'test%'
       UNION ALL SELECT 'role', rolname FROM pg_roles WHERE rolname <> 'levain' AND rolname NOT LIKE 'test%' AND rolname NOT LIKE 'pg\\_%'
       ORDER BY name`,
    );
    const of = (kind: string) => names.filter((row) => row.kind === kind).map(({ name }) => name);
    return { databases: of("database"), roles: of("role") };
  };
  return {
    databases,
    relay,
    server,
    store,
    records,
    again: () => new Databases(options),
    async ask(branch, sql) {
      const { database, login } = databases.loginOf("shop", branch);
      const client = new pg.Client(server.configOf(database, login));
      await client.connect();
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
    onServer,
    async [Symbol.asyncDispose]() {
      const left = await onServer();
      for (const name of left.databases) await server.run(`DROP DATABASE "${name}" WITH (FORCE)`);
      for (const name of left.roles) await server.run(`DROP ROLE "${name}"`);
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As labels are: letters, digits and single dashes, and not too long. */
function labelOf(branch: string): string {
  const label = branch.replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return label === branch || (label.length > 3 && label.length < 40)
    ? label.slice(0, 40)
    : `b-${Bun.hash(branch)}`;
}
