/** A PostgreSQL of the suite's own, in a folder of its own, with one role, one database, and a relay in front when asked. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { startRelay } from "../relay/relay.ts";
import { noGuard } from "../relay/relay-api.ts";
import { startEmbeddedPostgres } from "../store/embedded-postgres.ts";
import type { RecoveryServer } from "./sql-recovery/pauses.ts";
import { ServerPath } from "./sql-recovery/server-path.ts";

/** Name of the role and of its database. */
const role = "qualify";
/** The server is reached by nobody else. */
const password = "qualify";

export interface SqlServer extends RecoveryServer, AsyncDisposable {
  role: string;
  /** A way to it that can be disturbed. The caller disposes it. */
  open(isThroughRelay: boolean): Promise<SqlWay>;
}

export interface SqlWay extends AsyncDisposable {
  path: ServerPath;
  databaseUrl: string;
}

/** @throws {PlatformError} when it does not start; nothing is left then */
export async function startSqlServer(): Promise<SqlServer> {
  const folder = await mkdtemp(join(tmpdir(), "levain-qualify-sql-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  const postgres = await startEmbeddedPostgres({
    dataDir: folder,
    clock: systemClock,
    log: () => {},
    settings: { fsync: "off" },
  }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  const sql = async (text: string) => {
    const client = new pg.Client(postgres.connection);
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(text)).rows ?? [];
    } finally {
      await client.end();
    }
  };
  const refuse = () => Promise.reject(new Error("no case restarts the server"));
  // Bun.sql refuses fewer iterations, which is what the cluster's own password has.
  await sql(`SET scram_iterations = 4096; CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
  await sql(`CREATE DATABASE ${role} OWNER ${role}`);
  return {
    role,
    sql,
    restart: refuse,
    crash: refuse,
    async open(isThroughRelay) {
      const path = await ServerPath.open(postgres.connection);
      if (!isThroughRelay) return wayOf(path, path.port, () => path.close());
      const relay = startRelay({ port: 0 });
      const address = { kind: "tcp", host: "127.0.0.1", port: path.port, tls: null } as const;
      await relay.put({
        ...{ name: role, app: role, branch: "main", role, password, guard: noGuard },
        ...{ server: { address, database: role }, pooling: "session" },
        ...{ connectionsMax: 20, sessionsMax: 50 },
      });
      return wayOf(path, relay.port, async () => {
        await relay.stop();
        await path.close();
      });
    },
    async [Symbol.asyncDispose]() {
      await postgres.stop();
      await remove();
    },
  };
}

function wayOf(path: ServerPath, port: number, close: () => Promise<void>): SqlWay {
  const databaseUrl = `postgres://${role}:${password}@127.0.0.1:${port}/${role}`;
  return { path, databaseUrl, [Symbol.asyncDispose]: close };
}
