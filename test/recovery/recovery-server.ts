/** An embedded PostgreSQL that pauses are made with, in a folder of its own, with a role, a database and a way to it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../../src/base/clock.ts";
import type { RecoveryServer } from "../../src/qualify/sql-recovery/pauses.ts";
import { ServerPath } from "../../src/qualify/sql-recovery/server-path.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/store/embedded-postgres.ts";

/** Name of the role, of its database, and its password: the server is reached by nobody else. */
export const appName = "bakery";
export const appPassword = "flour";

/** What the server may count with: enough for two hundred connections, of which most are idle. Bytes. */
const memoryBytes = 5 * 1024 ** 3;

/** How long a start after a crash may take on a busy machine. Milliseconds. */
const readyTimeoutMs = 60_000;

export interface TestServer extends RecoveryServer, AsyncDisposable {
  readonly postgres: EmbeddedPostgres;
  /** Runs statements as a superuser in a database. Default: that of the cluster. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Dispose it before the server. */
  path(): Promise<ServerPath>;
  /** Opens a superuser's connection to a database. The caller ends it. */
  connect(database?: string): Promise<pg.Client>;
}

export async function startRecoveryServer(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), "levain-recovery-"));
  const postgres = await startEmbeddedPostgres({
    dataDir: folder,
    clock: systemClock,
    memoryBytes,
    log: () => {},
  });

  const connect = async (database = postgres.connection.database) => {
    const client = new pg.Client({ ...postgres.connection, database });
    client.on("error", () => {});
    await client.connect();
    return client;
  };
  const sql = async (text: string, database?: string) => {
    const client = await connect(database);
    try {
      return (await client.query(text)).rows ?? [];
    } finally {
      await client.end();
    }
  };
  const comeBack = async (signal: NodeJS.Signals) => {
    const pid = postgres.pid;
    if (pid === null) throw new Error("the server does not run");
    process.kill(pid, signal);
    const endMs = performance.now() + readyTimeoutMs;
    // Between its end and the notice of it the state is still that of before.
    const isBack = () =>
      postgres.pid !== null && postgres.pid !== pid && postgres.state().state === "ready";
    while (!isBack()) {
      if (performance.now() > endMs) throw new Error(`not back: ${postgres.state().cause}`);
      await Bun.sleep(10);
    }
  };

  // Bun.sql refuses fewer, which is what the cluster's own password has.
  await sql(`SET scram_iterations = 4096; CREATE ROLE ${appName} LOGIN PASSWORD '${appPassword}'`);
  await sql(`CREATE DATABASE ${appName} OWNER ${appName}`);
  await sql(`CREATE TABLE loaves (id bigint); ALTER TABLE loaves OWNER TO ${appName}`, appName);

  return {
    postgres,
    connect,
    sql,
    path: () => ServerPath.open(postgres.connection),
    restart: () => comeBack("SIGINT"),
    crash: () => comeBack("SIGKILL"),
    async [Symbol.asyncDispose]() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
