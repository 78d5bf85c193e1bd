/** How clients reach the server in a test: straight, or by the node's relay. Either leads over a path that can go bad. */
import type { Scene } from "../../src/qualify/sql-recovery/pauses.ts";
import { startRelay } from "../../src/relay/relay.ts";
import { noGuard, type Relay, type RelayDatabase } from "../../src/relay/relay-api.ts";
import { appName, appPassword, type TestServer } from "./recovery-server.ts";

/** Connections of the server that others than the relay need: tests themselves, the server's reserve. Count. */
const connectionsKept = 20;

export interface Way extends AsyncDisposable {
  scene: Scene;
  /** What clients connect to. */
  databaseUrl: string;
}

export async function directWay(server: TestServer): Promise<Way> {
  const path = await server.path();
  return {
    scene: { server, path, role: appName },
    databaseUrl: databaseUrl(path.port),
    [Symbol.asyncDispose]: () => path.close(),
  };
}

export interface RelayWay extends Way {
  relay: Relay;
}

/** @param changes to the database as the relay is told of it */
export async function relayWay(
  server: TestServer,
  changes: Partial<RelayDatabase> = {},
): Promise<RelayWay> {
  const path = await server.path();
  const [row] = await server.sql("SHOW max_connections");
  const relay = startRelay({ port: 0 });
  await relay.put({
    name: appName,
    app: appName,
    branch: "main",
    role: appName,
    password: appPassword,
    server: {
      address: { kind: "tcp", host: "127.0.0.1", port: path.port, tls: null },
      database: appName,
    },
    pooling: "session",
    connectionsMax: Number(row!["max_connections"]) - connectionsKept,
    sessionsMax: 200,
    guard: noGuard,
    ...changes,
  });
  return {
    scene: { server, path, role: appName },
    databaseUrl: databaseUrl(relay.port),
    relay,
    async [Symbol.asyncDispose]() {
      await relay.stop();
      await path.close();
    },
  };
}

export function databaseUrl(port: number): string {
  return `postgres://${appName}:${appPassword}@127.0.0.1:${port}/${appName}`;
}

export const WAYS: Record<string, (server: TestServer) => Promise<Way>> = {
  direct: directWay,
  relay: relayWay,
};
