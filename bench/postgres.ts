/** A PostgreSQL of its own on a port of the loopback interface, with a table to ask: what poolers are measured in front of. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { preparePrograms } from "../src/store/postgres-binaries.ts";
import { prepareCluster } from "../src/store/postgres-cluster.ts";
import { prepareFolders } from "../src/store/postgres-folders.ts";
import { databaseUser, serverArguments } from "../src/store/postgres-settings.ts";
import { findPostgresUser } from "../src/store/postgres-user.ts";
import { cleanEnvironment } from "../src/store/system-command.ts";
import { freePort } from "./peer-port.ts";

/** What a node with some memory to spare would give it. */
const sizing = { connectionsMax: 100, sharedBuffersBytes: 64 * 1024 * 1024 };
/** How long it may take to answer. Milliseconds. */
const startTimeoutMs = 20_000;

export interface BenchPostgres extends AsyncDisposable {
  host: string;
  port: number;
  /** Folder of its unix socket, which has the same port in its name. */
  socketFolder: string;
  user: string;
  password: string;
  database: string;
  pid: number;
}

/** Starts it with `accounts`, a thousand rows. Disposing of it removes everything. */
export async function startBenchPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<BenchPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "levain-bench-postgres-"));
  chmodSync(folder, 0o711);
  const user = await findPostgresUser(undefined);
  const folders = await prepareFolders(folder, user);
  const programs = await preparePrograms({ copiesFolder: folders.copies, user });
  const password = await prepareCluster(folders, programs, user);
  const port = freePort();
  const access = join(folder, "pg_hba.conf");
  const rules = ["local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256", ""];
  await Bun.write(access, rules.join("\n"));
  chmodSync(access, 0o644);
  // Poolers of other users come here, too.
  const socketFolder = join(folder, "sockets");
  mkdirSync(socketFolder, { mode: 0o755 });
  if (user.isOther) chownSync(socketFolder, user.uid, user.gid);
  const all = {
    listen_addresses: "127.0.0.1",
    unix_socket_permissions: "0777",
    port: String(port),
    hba_file: access,
    ...settings,
  };
  const child = Bun.spawn(
    [
      programs.postgres,
      ...serverArguments(folders.data, socketFolder, sizing),
      ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    {
      cwd: "/",
      env: cleanEnvironment,
      stdio: ["ignore", "ignore", "ignore"],
      detached: true,
      ...(user.isOther ? { uid: user.uid, gid: user.gid } : {}),
    },
  );
  const stop = async () => {
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGQUIT"), 5000);
    await child.exited;
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  };
  const server = { host: "127.0.0.1", port, user: databaseUser, password, database: "postgres" };
  try {
    await fill(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...server,
    socketFolder,
    pid: child.pid,
    [Symbol.asyncDispose]: stop,
  };
}

async function fill(server: pg.ClientConfig): Promise<void> {
  const endAtMs = performance.now() + startTimeoutMs;
  for (;;) {
    const client = new pg.Client(server);
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(
        `CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
         INSERT INTO accounts SELECT id, id * 3 FROM generate_series(0, 999) AS id`,
      );
      await client.query("VACUUM ANALYZE accounts");
      return;
    } catch (error) {
      if (performance.now() > endAtMs) throw error;
      await Bun.sleep(20);
    } finally {
      await client.end().catch(() => {});
    }
  }
}
