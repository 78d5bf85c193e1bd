/** A branch's database as migrations need it: past the relay's rules for apps, and as a copy. */

import { databaseUrl, relayDatabaseOf } from "./database/connections.ts";
import type { Databases } from "./database/databases.ts";
import type { Server } from "./database/server.ts";
import type { MigratedDatabase } from "./migrations/migrate.ts";
import type { Relay } from "./relay/relay-api.ts";
import { noGuard } from "./relay/relay-api.ts";

export interface MigrationParts {
  databases: Pick<Databases, "of" | "copyForTrial">;
  server: Server;
  relay(): Promise<Relay>;
  port(): number;
}

/** Connections of a project's own migrator: its pool, and what it starts. Count. */
const migrationConnectionsMax = 10;

export function migratedDatabase(
  { databases, server, relay, port }: MigrationParts,
  app: string,
  branch: string,
): MigratedDatabase {
  return {
    async open() {
      const open = databases.of(app, branch);
      const { role, password, serverDatabase } = open;
      // A name of its own at the relay: a statement's time-out, transaction pooling and a read-only switch are for apps.
      const name = `migrate-${crypto.randomUUID().slice(0, 8)}--${app}`;
      let isThere = false;
      return {
        login: server.configOf(serverDatabase, { user: role, password }),
        async url() {
          const row = relayDatabaseOf({ ...open, name }, server.access.address);
          const rules = {
            guard: noGuard,
            pooling: "session",
            connectionsMax: migrationConnectionsMax,
          } as const;
          await (await relay()).put({ ...row, ...rules });
          isThere = true;
          return databaseUrl({ name, role, password }, port());
        },
        copy: null,
        // The operator's switch, which no deploy goes past; the app's own `readOnly` is about its queries.
        isReadOnly: open.isReadOnly,
        async close() {
          if (isThere) await (await relay()).remove(name);
        },
      };
    },
    async copyForTrial() {
      const { url, database, login, facts, drop } = await databases.copyForTrial(app, branch);
      const { copyMs, pauseMs } = facts;
      return {
        login: server.configOf(database, login),
        url: async () => url,
        copy: { copyMs: Math.round(copyMs), pauseMs: Math.round(pauseMs) },
        close: drop,
      };
    },
  };
}
