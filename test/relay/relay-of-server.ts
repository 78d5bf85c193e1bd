/** A relay in this process in front of a server of a benchmark or a test, with one database. */

import { startRelay } from "../../src/relay/relay.ts";
import {
  type GuardRules,
  noGuard,
  type Relay,
  type RelayDatabase,
} from "../../src/relay/relay-api.ts";

/** Where the server is and who logs in. */
export interface TestServer {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export interface TestRelayOptions {
  pooling?: "session" | "transaction";
  connectionsMax?: number;
  sessionsMax?: number;
  guard?: Partial<GuardRules>;
}

export interface TestRelay extends AsyncDisposable {
  relay: Relay;
  port: number;
  database: RelayDatabase;
  /** Changes the database's rules. */
  put(change: Partial<RelayDatabase>): Promise<void>;
}

/** The database is called as on the server. */
export async function startTestRelay(
  { host, port, user, password, database: name }: TestServer,
  {
    pooling = "session",
    connectionsMax = 2,
    sessionsMax = 1000,
    guard = {},
  }: TestRelayOptions = {},
): Promise<TestRelay> {
  const relay = startRelay({ port: 0 });
  let database: RelayDatabase = {
    name,
    app: "shop",
    branch: "main",
    role: user,
    password,
    server: {
      address: host.startsWith("/")
        ? { kind: "socket", folder: host, port }
        : { kind: "tcp", host, port, tls: null },
      database: name,
    },
    pooling,
    connectionsMax,
    sessionsMax,
    guard: { ...noGuard, ...guard },
  };
  await relay.put(database);
  return {
    relay,
    port: relay.port,
    get database() {
      return database;
    },
    async put(change) {
      database = { ...database, ...change };
      await relay.put(database);
    },
    [Symbol.asyncDispose]: () => relay.stop(),
  };
}
