/**
 * The database of a project in `levain dev`: on a PostgreSQL of the app's own in the data directory, behind a relay in this
 * process. Started when the configuration first asks for it; what is in it stays until its folder is removed.
 */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import type { DatabaseSpec } from "./base/database-spec.ts";
import { PRODUCTION_BRANCH } from "./base/production-branch.ts";
import { acquireNodeLock } from "./control/node-lock.ts";
import { databaseEnvironment } from "./database/connections.ts";
import { Databases } from "./database/databases.ts";
import { Server } from "./database/server.ts";
import { branchLabel } from "./deploy/names.ts";
import { startRelay } from "./relay/relay.ts";
import { RelayOnDemand } from "./relay-on-demand.ts";
import { Keyring } from "./secrets/keyring.ts";
import { startEmbeddedPostgres } from "./store/embedded-postgres.ts";
import { openStore } from "./store/store.ts";
import type { LogSink } from "./telemetry/log-record.ts";

export interface DevDatabaseOptions {
  /** The data directory. */
  dataDir: string;
  app: string;
  log: LogSink;
}

export class DevDatabase {
  readonly #options: DevDatabaseOptions;
  readonly #relay = new RelayOnDemand(0, async (port) => startRelay({ port }));
  readonly #cleanup = new AsyncDisposableStack();
  #databases: Promise<Databases> | null = null;

  constructor(options: DevDatabaseOptions) {
    this.#options = options;
  }

  /** Where it will be reached, known before it is. */
  get port(): number {
    return this.#relay.port;
  }

  /**
   * What the app finds in its environment.
   *
   * @throws {PlatformError} `NODE_RUNNING` when another process has it; what `startEmbeddedPostgres` and `ensure` throw
   */
  async environmentOf(spec: DatabaseSpec): Promise<Record<string, string>> {
    const { app } = this.#options;
    this.#databases ??= this.#open().catch((error) => {
      // The next save tries again.
      this.#databases = null;
      throw error;
    });
    const databases = await this.#databases;
    const request = { app, branch: PRODUCTION_BRANCH, spec, mask: null, parent: null };
    await databases.ensure(request);
    return databaseEnvironment(databases.of(app, PRODUCTION_BRANCH), this.port);
  }

  async stop(): Promise<void> {
    await this.#databases?.catch(() => {});
    await this.#cleanup.disposeAsync();
  }

  async #open(): Promise<Databases> {
    const { dataDir, app, log } = this.#options;
    const folder = join(dataDir, "dev-databases", app);
    mkdirSync(folder, { recursive: true });
    // PostgreSQL of a root's runs as another user, who passes through.
    for (const path of [join(dataDir, "dev-databases"), folder]) chmodSync(path, 0o711);
    const opened = new AsyncDisposableStack();
    try {
      const lock = await acquireNodeLock(folder);
      opened.defer(() => lock.release());
      const options = { dataDir: folder, clock: systemClock, log: () => {} };
      const postgres = await startEmbeddedPostgres(options);
      opened.defer(() => postgres.stop());
      const { connection } = postgres;
      const store = openStore({ connection, clock: systemClock });
      opened.defer(() => store.close());
      opened.defer(() => this.#relay.stop());
      await store.migrate();
      const databases = new Databases({
        file: join(folder, "databases.json"),
        server: new Server(() => ({
          address: { kind: "socket", folder: connection.host, port: connection.port },
          isOwn: true,
          config: { ...connection, database: "postgres" },
        })),
        rows: () => store.databases,
        apps: () => store.apps(),
        branchLabel: (name) => (branch, taken) => branchLabel(branch, new Set(taken), name),
        relay: () => this.#relay.started(),
        port: () => this.#relay.port,
        keyring: Keyring.open({ path: join(folder, "master-key") }),
        clock: systemClock,
        log,
        bounds: { previewsOfAppMax: 0, previewsMax: 0 },
      });
      await databases.load();
      this.#cleanup.use(opened);
      return databases;
    } catch (error) {
      await opened.disposeAsync();
      throw error;
    }
  }
}
