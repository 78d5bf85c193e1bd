/** How clients reach the server in a test: straight, or by the node's relay. Either leads over a path that can go bad. */
import type { Scene } from "../../src/qualify/sql-recovery/pauses.ts";
import { appName, appPassword, type TestServer } from "./recovery-server.ts";

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

export function databaseUrl(port: number): string {
  return `postgres://${appName}:${appPassword}@127.0.0.1:${port}/${appName}`;
}

export const WAYS: Record<string, (server: TestServer) => Promise<Way>> = { direct: directWay };
