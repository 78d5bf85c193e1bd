/**
 * Databases of branches as a node has them: on its own PostgreSQL or on the server that it was given, behind a relay that is
 * started with the first of them. A part of the composition root.
 */
import { join } from "node:path";
import type { Clock } from "./base/clock.ts";
import { messageOf, PlatformError } from "./base/errors.ts";
import type { VersionSpec } from "./base/version-spec.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { databaseAlerts } from "./database/database-alerts.ts";
import { DatabaseWatch } from "./database/database-watch.ts";
import { Databases } from "./database/databases.ts";
import { externalServer } from "./database/external-server.ts";
import { LockWatch, type WatchedDatabase } from "./database/lock-watch.ts";
import { assertRights } from "./database/rights.ts";
import { RolePasswords } from "./database/role-passwords.ts";
import { Server, type ServerAccess } from "./database/server.ts";
import type { DatabaseUse } from "./database-metrics.ts";
import type { MigrateOptions } from "./deploy/migrate-step.ts";
import { branchLabel } from "./deploy/names.ts";
import { migratedDatabase } from "./node-migrations.ts";
import { recordOf } from "./relay/guard-event.ts";
import type { RelayFacts } from "./relay/relay-api.ts";
import type { RelayOnDemand } from "./relay-on-demand.ts";
import type { Environments } from "./secrets/environments.ts";
import type { Keyring } from "./secrets/keyring.ts";
import type { PostgresConnection } from "./store/postgres-server.ts";
import type { Store } from "./store/store.ts";
import type { LogSink } from "./telemetry/log-record.ts";

export interface NodeDatabasesOptions {
  config: Pick<NodeConfig, "dataDir" | "databaseUrl" | "databases">;
  /** Of the node's own PostgreSQL; null before it is known. */
  connection(): PostgresConnection | null;
  store(): Store;
  relay: RelayOnDemand;
  keyring: Keyring;
  clock: Clock;
  log: LogSink;
  /** See `DatabasesOptions`. */
  onDropped(app: string, branch: string): void;
  report(thrown: unknown): void;
  /** For the node's log. */
  note(line: string): void;
}

const nobodyWaits = { waiting: 0, longestMs: 0 };

export interface NodeDatabases {
  databases: Databases;
  server: Server;
  /** All of a version's environment, opened. @throws {PlatformError} what `Databases` and `Environments` throw */
  environmentOf(spec: VersionSpec, environments: Environments): Record<string, string>;
  /** How the node's own PostgreSQL is reached is known now. Returns at once. */
  connect(): void;
  locks: LockWatch;
  /** What somebody should look at, as it was seen last. */
  alerts(): string[];
  /** What the relay sees of each, and who waits for locks there; none while no relay runs. Never throws. */
  uses(): Promise<DatabaseUse[]>;
  /** For deploys. */
  databaseOf: MigrateOptions["databaseOf"];
  /** The store answers: looks at what there is, and goes on looking. */
  begin(): Promise<void>;
  stop(): Promise<void>;
}

export function openDatabases(options: NodeDatabasesOptions): NodeDatabases {
  const { config, store, relay, keyring, clock, log, report } = options;
  const server = new Server(() => accessOf(config.databaseUrl, options.connection));
  const databases = new Databases({
    file: join(config.dataDir, "databases.json"),
    server,
    rows: () => store().databases,
    apps: () => store().apps(),
    branchLabel: (app) => (branch, taken) => branchLabel(branch, new Set(taken), app),
    relay: () => relay.started(),
    port: () => relay.port,
    keyring,
    clock,
    log,
    onDropped: options.onDropped,
    bounds: config.databases,
  });
  const facts = () => relay.facts();
  let seen: RelayFacts | null = null;
  const locks = new LockWatch({
    server,
    databases: async () => {
      seen = (await relay.facts()) ?? null;
      return watchedDatabases(databases, seen);
    },
    say: (event) => log.write(recordOf(event, clock.wallMs())),
    note: options.note,
  });
  const passwords = new RolePasswords(server);
  const watch = new DatabaseWatch({ databases, server, passwords, facts, clock, log, report });
  return {
    databases,
    server,
    locks,
    alerts: () => databaseAlerts(seen, locks.waits),
    environmentOf(spec, environments) {
      const own = environments.openRun(spec);
      return { ...databases.environmentOf(spec, own), ...own };
    },
    connect: () => void databases.connect().catch(report),
    databaseOf: (app, branch) =>
      migratedDatabase(
        { databases, server, relay: () => relay.started(), port: () => relay.port },
        app,
        branch,
      ),
    async uses() {
      const found = await relay.facts()?.catch(() => null);
      return (found?.databases ?? []).map((one) => ({
        facts: one,
        locks: locks.waits.get(one.name) ?? nobodyWaits,
      }));
    },
    async begin() {
      await databases.load();
      // Said at the start too: the first deploy that needs a database may be weeks away.
      await assertRights(server).catch((error) => options.note(messageOf(error)));
      watch.start();
      locks.start();
    },
    async stop() {
      await locks.stop();
      await watch.stop();
    },
  };
}

/** Those that apps have connections to, by their names on the server. */
function watchedDatabases(
  databases: Databases,
  facts: RelayFacts | null,
): ReadonlyMap<string, WatchedDatabase> {
  const used = new Set(
    facts?.databases.flatMap(({ name, serverConnections }) => (serverConnections > 0 ? name : [])),
  );
  return new Map(
    databases
      .list()
      .filter(({ name, serverDatabase }) => serverDatabase !== null && used.has(name))
      .map((row) => [row.serverDatabase!, row]),
  );
}

function accessOf(
  databaseUrl: string | undefined,
  connection: NodeDatabasesOptions["connection"],
): ServerAccess {
  if (databaseUrl !== undefined) return externalServer(databaseUrl);
  const found = connection();
  if (found === null)
    throw new PlatformError("STORE_UNAVAILABLE", ["PostgreSQL is not started yet"]);
  const { host: folder, port } = found;
  return {
    address: { kind: "socket", folder, port },
    isOwn: true,
    // Not the store's: copies and drops wait for each other there.
    config: { ...found, database: "postgres" },
  };
}
