/**
 * Apps for `soak-database.ts` as plain processes behind a relay in this one: what the relay does, without a node around it.
 * Sleep is SIGSTOP.
 */
import { ClientProcess } from "../src/qualify/sql-recovery/client-process.ts";
import { CLIENTS } from "../test/recovery/client-modules.ts";
import { appName, startRecoveryServer } from "../test/recovery/recovery-server.ts";
import { relayWay } from "../test/recovery/ways.ts";
import type { Bakeries } from "./soak-database.ts";

/** @param count of apps; with more than there are client libraries, some are there twice */
export async function openPlainBakeries(count: number): Promise<Bakeries> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startRecoveryServer());
  const { host: folder, port } = server.postgres.connection;
  const address = { kind: "socket", folder, port } as const;
  const way = stack.use(await relayWay(server, { server: { address, database: appName } }));
  const processes = new Map<string, ClientProcess>();
  for (let index = 0; index < count; index += 1) {
    const { path: module } = CLIENTS[index % CLIENTS.length]!;
    const { databaseUrl } = way;
    const app = await ClientProcess.start({ bun: process.execPath, module, databaseUrl });
    stack.defer(() => app.stop());
    processes.set(`app${index}`, app);
  }
  const kept = stack.move();
  const sessions = `FROM pg_stat_activity WHERE usename = '${appName}'`;
  return {
    apps: [...processes.keys()],
    ask: (app, path, timeoutMs) => processes.get(app)!.get(path, timeoutMs),
    async sleep(app) {
      processes.get(app)!.freeze();
    },
    wake: (app) => processes.get(app)!.wake(),
    async terminate() {
      const ended = await server.sql(
        `SELECT pg_terminate_backend(pid) ${sessions} AND random() < 0.3`,
      );
      return ended.length;
    },
    restart: () => server.restart(),
    async rows() {
      const rows = await server.sql("SELECT id FROM loaves", appName);
      return rows.map(({ id }) => Number(id));
    },
    async serverConnections() {
      return (await server.sql(`SELECT 1 ${sessions}`)).length;
    },
    async processes() {
      for (const [app, { ended, output }] of processes) {
        if (ended !== null) throw new Error(`${app} ended (${ended}): ${output}`);
      }
      const apps = [...processes].map(([app, { pid }]) => [app, pid] as const);
      return Object.fromEntries([["relay", process.pid] as const, ...apps]);
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
