/** What a node listens with: the lane for requests, the admin server for those who run it. */
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { startAdminServer } from "./control/admin-server.ts";
import { ensureAdminToken } from "./control/admin-token.ts";
import type { AdminDeps } from "./control/deps.ts";
import { bindError, type NodeConfig } from "./control/node-config.ts";
import type { ArtifactStore } from "./deploy/artifact-store.ts";
import type { LoadedHook } from "./hooks/loaded-hook.ts";
import { type Lane, type LaneOptions, startLane, startLaneWithEdges } from "./lane.ts";
import { type NodeRelay, type NodeRelayOptions, startNodeRelay } from "./node-relay.ts";
import type { RunnerSandbox } from "./pool/runner-sandbox.ts";
import { adminRemoteOf } from "./remote-use.ts";
import type { RouteTable } from "./router/route-table.ts";

/** @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN` */
export async function openLane(
  config: NodeConfig,
  routeTable: RouteTable,
  artifacts: ArtifactStore,
  given: Pick<LaneOptions, "log" | "requests" | "runtimes" | "openEnv">,
  hooks: readonly LoadedHook[],
  sandbox: RunnerSandbox,
  note: (line: string) => void,
): Promise<Lane> {
  try {
    const options: LaneOptions = {
      dataDir: config.dataDir,
      hostname: config.host,
      port: config.port,
      domain: config.domain,
      trustedProxies: config.trustedProxies,
      hooks,
      note,
      sparesMax: config.sparesMax,
      bundlesDir: join(config.dataDir, "runner"),
      instancesMax: config.instancesMax,
      sandbox,
      routeTable,
      artifactPath: (digest) => artifacts.path(digest),
      ...given,
      clock: systemClock,
    };
    if (config.edges === 1) return startLane(options);
    const { edges, hooks: hookSources } = config;
    return await startLaneWithEdges({ ...options, edges, hookSources });
  } catch (error) {
    throw bindError(error, "port", config.port);
  }
}

/** @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN` */
export async function openAdmin(config: NodeConfig, deps: AdminDeps) {
  try {
    ensureAdminToken(config.dataDir);
    return await startAdminServer({
      dataDir: config.dataDir,
      socketPath: join(config.dataDir, "admin.sock"),
      hostname: "127.0.0.1",
      port: config.adminPort,
      remote: adminRemoteOf(config),
      names: config.adminNames,
      trustedProxies: config.trustedProxies,
      deps,
    });
  } catch (error) {
    throw bindError(error, "adminPort", config.adminPort);
  }
}

/** @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN` */
export async function openRelay(options: NodeRelayOptions): Promise<NodeRelay> {
  try {
    return await startNodeRelay(options);
  } catch (error) {
    throw bindError(error, "databasePort", options.port);
  }
}
