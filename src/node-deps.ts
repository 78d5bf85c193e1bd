/** What the admin API is given to work with, out of the parts of a running node. */

import type { Backups } from "./backup/backups.ts";
import type { Clock } from "./base/clock.ts";
import { asPlatformError } from "./base/errors.ts";
import type { NodeStatus } from "./control/api.ts";
import type { AdminDeps } from "./control/deps.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { platformVersion } from "./control/platform-version.ts";
import type { Publisher } from "./control/publisher.ts";
import type { ArtifactStore } from "./deploy/artifact-store.ts";
import type { Deployer } from "./deploy/deployer.ts";
import { runsOf } from "./inspect.ts";
import { instancesOf } from "./instances.ts";
import type { Lane } from "./lane.ts";
import { nodeMetrics } from "./metrics.ts";
import type { NodeBroker } from "./node-broker.ts";
import type { openCollector } from "./node-collector.ts";
import type { NodeDatabases } from "./node-databases.ts";
import { removeLogs } from "./node-logs.ts";
import type { governMemory } from "./node-memory.ts";
import type { NodeReach } from "./node-reach.ts";
import type { openSecrets } from "./node-secrets.ts";
import type { startNodeStore } from "./node-store.ts";
import type { RelayOnDemand } from "./relay-on-demand.ts";
import type { openRemoteUse } from "./remote-use.ts";
import type { openRequestStore } from "./request-store.ts";
import type { LogStore } from "./telemetry/log-store.ts";
import { adminUrlOf, type urlsOf } from "./urls.ts";

export interface NodeParts {
  config: NodeConfig;
  startedAtMs: number;
  /** The admin server is started with these, so its port is asked for late. */
  adminPort: () => number;
  lane: Lane;
  store: Awaited<ReturnType<typeof startNodeStore>>;
  memory: ReturnType<typeof governMemory>;
  remote: ReturnType<typeof openRemoteUse>;
  branches: NodeDatabases;
  relay: RelayOnDemand;
  reach: NodeReach;
  /** Null: the node has none. */
  broker: NodeBroker | null;
  deployer: Deployer;
  environments: ReturnType<typeof openSecrets>["environments"];
  rotation: ReturnType<typeof openSecrets>["rotation"];
  log: LogStore;
  requests: ReturnType<typeof openRequestStore>;
  artifacts: ArtifactStore;
  collector: ReturnType<typeof openCollector>;
  backups: Backups;
  dumps: AdminDeps["dumps"];
  clock: Clock;
  publisher: Publisher;
  shutdown: () => void;
  urls: ReturnType<typeof urlsOf>;
  note: (line: string) => void;
}

export function nodeDeps(parts: NodeParts): { status: () => NodeStatus; deps: AdminDeps } {
  const { config, startedAtMs, adminPort, lane, store, memory, remote, deployer } = parts;
  const { environments, rotation, log, requests, artifacts, collector, clock } = parts;
  const { backups, dumps } = parts;
  const { publisher, shutdown, note, branches, relay, reach, broker } = parts;
  const { urlOf, urlOfHost } = parts.urls;
  const { dataDir } = config;

  const status = (): NodeStatus => ({
    pid: process.pid,
    version: platformVersion(),
    bun: Bun.version,
    dataDir,
    domain: config.domain,
    edgePort: lane.edge.port,
    adminPort: adminPort(),
    appsUrl: urlOfHost(`<app>.${config.domain}`),
    adminUrl: adminUrlOf(config, adminPort()),
    databases:
      reach.served === null
        ? null
        : {
            host: config.databaseHost,
            port: relay.port,
            isTls: reach.served.isCertified !== null,
          },
    startedAtMs,
    store: store.state(),
    apps: Object.keys(lane.router.table.apps).length,
    instances: lane.pools.places.taken,
    instancesMax: config.instancesMax,
    edges: lane.edges(),
    connections: lane.edge.counters.connections,
    requests: lane.edge.counters.requests,
    memoryBytes: process.memoryUsage.rss(),
    memory: memory.facts(),
    backups: backups.facts(),
    databaseAlerts: branches.alerts(),
    broker: brokerOf(broker),
  });
  const deps: AdminDeps = {
    status,
    instances: () => instancesOf(lane, clock.nowMs()),
    metrics: () =>
      nodeMetrics(lane, status(), clock.nowMs(), {
        wrongTokens: remote.audit.wrongTokens,
        databasesUse: branches.uses,
        broker: broker?.status ?? null,
      }),
    hasApp: (app) => Object.hasOwn(lane.router.table.apps, app),
    hasVersion: (app, version) =>
      Object.hasOwn(lane.router.table.apps, app) &&
      lane.router.table.apps[app]?.versions[version] !== undefined,
    routesOf: (app) =>
      Object.hasOwn(lane.router.table.apps, app) ? (lane.router.table.apps[app] ?? null) : null,
    runsOf: (spec) => runsOf(lane, spec, clock.nowMs()),
    store: store.store,
    tokens: remote.tokens,
    audit: remote.audit,
    domains: remote.domains,
    databases: {
      branches: branches.databases,
      port: relay.port,
      served: reach.served,
      facts: () => relay.facts(),
      locks: () => branches.locks.waits,
    },
    deployer,
    rebinder: deployer,
    environments,
    rotateKey: () => rotation.rotate(),
    logs: {
      read: log.read.bind(log),
      follow: log.follow.bind(log),
      remove: (app) => removeLogs(app, lane, [log, requests]),
    },
    requestLogs: {
      read: (app, query) => {
        lane.requestLog.flush();
        return requests.read(app, query);
      },
      follow: (app, query, signal) => {
        lane.requestLog.flush();
        return requests.follow(app, query, signal);
      },
    },
    artifacts,
    backups,
    dumps,
    collect: (isDryRun) => collector.collect(isDryRun),
    removeArtifacts: (digests) => deployer.removeArtifacts(digests),
    clock,
    publish: () => publisher.publish(),
    shutdown,
    urlOf: (app, target) => urlOf(app, "version" in target ? target.version : target.branch),
    note,
    report: (thrown) => note(describeUnforeseen(thrown)),
  };
  return { status, deps };
}

function brokerOf(broker: NodeBroker | null): NodeStatus["broker"] {
  const status = broker?.status ?? null;
  if (broker === null || status === null) return null;
  const { pid, port, dispatchPort, isOn, dispatches, waiters, memory } = status;
  return {
    pid,
    port,
    dispatchPort,
    isRunning: broker.isRunning,
    restarts: broker.restarts,
    isOn,
    hits: dispatches.direct + dispatches.claimed,
    misses: Object.values(dispatches.misses).reduce((sum, count) => sum + count, 0),
    waiters: waiters.parked,
    memoryBytes: memory.residentBytes,
  };
}

/** For the person who runs the node: our own words, or the stack of what nobody foresaw. */
export function describeUnforeseen(thrown: unknown): string {
  const error = asPlatformError(thrown);
  return error.code === "INTERNAL" && thrown instanceof Error
    ? (thrown.stack ?? thrown.message)
    : error.message;
}
