/** The node's store: its own PostgreSQL or a server that was named, and whether it can be used. */
import type { Clock } from "./base/clock.ts";
import { messageOf } from "./base/errors.ts";
import type { NodeStatus } from "./control/api.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { startEmbeddedPostgres } from "./store/embedded-postgres.ts";
import { storeConnectTimeoutMs } from "./store/limits.ts";
import type { PostgresConnection } from "./store/postgres-server.ts";
import { openStore, type Store } from "./store/store.ts";
import { StoreWatch } from "./store/store-watch.ts";

export interface NodeStore {
  store: Store;
  /** Resolves when the schema is up to date; until then calls fail with `STORE_UNAVAILABLE`. Rejects when it never will be. */
  ready: Promise<void>;
  state(): NodeStatus["store"];
  /** How to reach the node's own PostgreSQL as its superuser; null when it has none. */
  connection: PostgresConnection | null;
  /** Process of the node's own PostgreSQL; null when it has none. */
  pid(): number | null;
  stop(): Promise<void>;
}

/** Pause between two tries to reach a store that is not there yet. Milliseconds. */
const retryMs = 500;

/**
 * Starts or reaches PostgreSQL. Returns when it is known how to reach it, not when it is ready.
 *
 * @throws {PlatformError} what stands in the way of a PostgreSQL of our own.
 */
export async function startNodeStore(
  config: NodeConfig,
  memoryBytes: number,
  clock: Clock,
  note: (line: string) => void,
  onConnection: (connection: PostgresConnection) => void = () => {},
): Promise<NodeStore> {
  const embedded =
    config.databaseUrl === undefined
      ? await startEmbeddedPostgres({
          dataDir: config.dataDir,
          user: config.postgresUser,
          memoryBytes,
          clock,
          log: note,
          onConnection,
          whenNotReady: "keep-trying",
        })
      : null;
  const store = openStore(
    embedded === null
      ? { databaseUrl: config.databaseUrl!, clock }
      : { connection: embedded.connection, clock },
  );
  let isStopped = false;
  let cause: string | null = "the schema has not been checked yet";
  const ready = (async () => {
    while (!isStopped) {
      try {
        await store.migrate();
        await store.interruptDeploys();
        await store.migrationRuns.interrupt(clock.wallMs());
        cause = null;
        return;
      } catch (error) {
        cause = messageOf(error);
        if ((error as { code?: string }).code !== "STORE_UNAVAILABLE") throw error;
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  })();
  ready.catch((error) => note(messageOf(error)));
  const watch = new StoreWatch({
    ping: () => store.probe(storeConnectTimeoutMs),
    onChange: (silence) =>
      note(silence === null ? "PostgreSQL answers again" : `PostgreSQL is silent: ${silence}`),
  });
  void ready.then(() => watch.start()).catch(() => {});
  return {
    store,
    ready,
    state() {
      const kind = embedded === null ? "external" : "embedded";
      const server = embedded?.state() ?? { state: "ready" as const, cause: null };
      if (server.state !== "ready") return { kind, ...server };
      const why = cause ?? watch.cause;
      return { kind, state: why === null ? "ready" : "unavailable", cause: why };
    },
    connection: embedded?.connection ?? null,
    pid: () => embedded?.pid ?? null,
    async stop() {
      isStopped = true;
      watch.stop();
      await store.close();
      await embedded?.stop();
    },
  };
}
