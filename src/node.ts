/**
 * A node, put together: the request lane, the store, the deploys and the admin API, from start to stop.
 *
 *   lock ─▶ lane (serves the table on disk) ─▶ store ─▶ admin ─▶ ready ─▶ signal ─▶ drain ─▶ gone
 *
 * Traffic does not wait for the store: a node that was killed serves again before PostgreSQL has recovered.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { asPlatformError, messageOf, PlatformError } from "./base/errors.ts";
import type { VersionSpec } from "./base/version-spec.ts";
import type { NodeWatcher } from "./cli/run-node.ts";
import { startAdminServer } from "./control/admin-server.ts";
import { ensureAdminToken } from "./control/admin-token.ts";
import type { NodeStatus } from "./control/api.ts";
import { closeDataDir } from "./control/data-dir-modes.ts";
import type { AdminDeps } from "./control/deps.ts";
import { bindError, type NodeConfig } from "./control/node-config.ts";
import { acquireNodeLock } from "./control/node-lock.ts";
import { platformVersion } from "./control/platform-version.ts";
import { Publisher } from "./control/publisher.ts";
import { ArtifactStore } from "./deploy/artifact-store.ts";
import { AppBuilder } from "./deploy/build.ts";
import { Deployer } from "./deploy/deployer.ts";
import { unpackSource } from "./deploy/unpack.ts";
import { loadHooks } from "./hooks/load.ts";
import type { LoadedHook } from "./hooks/loaded-hook.ts";
import { runsOf } from "./inspect.ts";
import { instancesOf } from "./instances.ts";
import {
  type Lane,
  type LaneOptions,
  manifestPath,
  startLane,
  startLaneWithEdges,
} from "./lane.ts";
import { nodeMetrics } from "./metrics.ts";
import { openCollector } from "./node-collector.ts";
import { governMemory, memoryBudget } from "./node-memory.ts";
import { openSandbox } from "./node-sandbox.ts";
import { openSecrets } from "./node-secrets.ts";
import { startNodeStore } from "./node-store.ts";
import type { RunnerSandbox } from "./pool/runner-sandbox.ts";
import { adminRemoteOf, openRemoteUse } from "./remote-use.ts";
import { openRequestStore } from "./request-store.ts";
import { emptyRouteTable, type RouteTable } from "./router/route-table.ts";
import { closeToOthers } from "./sandbox/own-process.ts";
import { LogStore } from "./telemetry/log-store.ts";
import { TrialLog } from "./telemetry/trial-log.ts";
import { adminUrlOf, urlsOf } from "./urls.ts";
import { checkVersion } from "./version-check.ts";

/**
 * Runs a node in this process; resolves when it has stopped (SIGTERM, SIGINT, SIGHUP or the admin API) and everything of it is
 * gone.
 *
 * @throws {PlatformError} when it cannot start; nothing of it is left then.
 */
export async function runNode(config: NodeConfig, watcher: NodeWatcher): Promise<void> {
  // It will hold what no app may have: the store's password, the operator's environment, everybody's requests.
  closeToOthers();
  await using cleanup = new AsyncDisposableStack();
  const stopped = Promise.withResolvers<void>();
  const { dataDir, drainTimeoutMs } = config;
  const clock = systemClock;
  const startedAtMs = clock.wallMs();

  const budget = memoryBudget(config.memory);
  const lock = await acquireNodeLock(dataDir);
  cleanup.defer(() => lock.release());
  for (const line of closeDataDir(dataDir, process.getuid?.() === 0)) watcher.note(line);
  const stop = onSignals(() => stopped.resolve());
  cleanup.defer(() => stop());

  const { nowMs } = clock;
  const requestHooks = await loadHooks(config.hooks, { nowMs, env: process.env });
  const artifacts = new ArtifactStore({ dir: join(dataDir, "artifacts") });
  await artifacts.sweep();
  const log = new LogStore({ dir: join(dataDir, "logs"), clock });
  cleanup.defer(() => log.close());
  const trials = new TrialLog(log, clock);
  cleanup.defer(() => trials.close());
  const requests = openRequestStore(dataDir, clock);
  cleanup.defer(() => requests.close());

  // The table on disk is served from the first connection on; the store may take its time.
  const publisher = new Publisher({
    dataDir,
    store: { routeTable: () => store.store.routeTable() },
    apply: (table) => lane.publish(table),
    note: watcher.note,
  });
  const table = (await publisher.loadFromDisk()) ?? emptyRouteTable;
  const { environments, rotation } = openSecrets({
    config,
    table,
    store: () => store.store,
    publisher,
    clock,
    note: watcher.note,
  });
  const lane = await openLane(
    config,
    table,
    artifacts,
    { log: trials, requests, openEnv: (spec) => environments.openRun(spec) },
    requestHooks,
    await openSandbox(config),
    watcher.note,
  );
  cleanup.defer(() => lane.stop(drainTimeoutMs));
  let postgresPid: () => number | null = () => null;
  const { note } = watcher;
  const memory = governMemory({ ...budget, lane, clock, postgresPid: () => postgresPid(), note });
  cleanup.defer(() => memory.stop());
  const store = await startNodeStore(config, clock, watcher.note);
  cleanup.defer(() => store.stop());
  postgresPid = () => store.pid();
  void store.ready.then(() => memory.remeasure()).catch(() => {});
  cleanup.defer(() => publisher.close());

  const { urlOf, urlOfHost } = urlsOf(config, lane);
  const remote = openRemoteUse(config, { store: store.store, clock, note, lane, urlOfHost });
  cleanup.defer(() => remote.close());
  const deployer = new Deployer({
    dataDir,
    builder: new AppBuilder({
      dataDir,
      ...config.build,
      memory: budget.builds,
      sandboxMin: config.sandboxMin,
    }),
    unpack: (upload, folder, signal) => unpackSource(upload, folder, { signal }),
    platformVersion: platformVersion(),
    store: store.store,
    artifacts,
    environments,
    clock,
    log,
    publish: () => publisher.publish(),
    bootCheck(spec, signal) {
      trials.begin(spec);
      const host = hostOf(urlOf(spec.app, spec.number));
      const { pools } = lane;
      const path = (of: VersionSpec) => manifestPath(of, (digest) => artifacts.path(digest));
      return checkVersion(spec, { pools, manifestPath: path, host, signal });
    },
    kept: (spec) => trials.keep(spec),
    ended: (app) => collector.afterDeploy(app),
    async discard(spec) {
      await lane.pools.remove(spec, 0, new PlatformError("NODE_DRAINING", []));
      trials.disown(spec);
    },
    urlOf,
  });
  await deployer.sweep();
  const collector = openCollector({
    config,
    store: store.store,
    artifacts,
    deployer,
    lane,
    publish: () => publisher.publish(),
    removeLogs: (app) => removeLogs(app, lane, [log, requests]),
    report: (thrown) => watcher.note(describeUnforeseen(thrown)),
  });
  cleanup.defer(() => collector.close());

  const status = (): NodeStatus => ({
    pid: process.pid,
    version: platformVersion(),
    bun: Bun.version,
    dataDir,
    domain: config.domain,
    edgePort: lane.edge.port,
    adminPort: admin.port,
    appsUrl: urlOfHost(`<app>.${config.domain}`),
    adminUrl: adminUrlOf(config, admin.port),
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
  });
  const deps: AdminDeps = {
    status,
    instances: () => instancesOf(lane, clock.nowMs()),
    metrics: () => nodeMetrics(lane, status(), clock.nowMs(), remote.audit.wrongTokens),
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
    collect: (isDryRun) => collector.collect(isDryRun),
    removeArtifacts: (digests) => deployer.removeArtifacts(digests),
    clock,
    publish: () => publisher.publish(),
    shutdown: () => stopped.resolve(),
    urlOf: (app, target) => urlOf(app, "version" in target ? target.version : target.branch),
    note: watcher.note,
    report: (thrown) => watcher.note(describeUnforeseen(thrown)),
  };
  const admin = await openAdmin(config, deps);
  cleanup.defer(() => admin.stop());

  writeNodeFile(dataDir, status());
  cleanup.defer(() => rmSync(join(dataDir, "node.json"), { force: true }));
  // The store may be on its way; what it holds is published when it is there.
  void store.ready
    .then(async () => {
      await publisher.publish();
      await rotation.resume();
      await deployer.removeUnreferenced(async () => digestsOf(await store.store.routeTable()));
    })
    .catch((error) => watcher.note(messageOf(error)));
  let isStopping = false;
  void stopped.promise.then(() => {
    isStopping = true;
  });
  // A store that cannot be reached does not keep the node from serving, nor from saying so.
  await Promise.race([store.ready.catch(() => {}), stopped.promise, Bun.sleep(storeGraceMs)]);
  if (!isStopping) watcher.ready(status());
  const { state, cause } = store.state();
  if (!isStopping && state !== "ready") watcher.note(`The store cannot be used yet: ${cause}`);
  await stopped.promise;
  watcher.note("Stopping: requests under way are finished first");
  // The admin API goes last, so that `levain status` and `levain ps` can be asked meanwhile.
  await lane.stop(drainTimeoutMs);
}

/** @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN` */
async function openLane(
  config: NodeConfig,
  routeTable: RouteTable,
  artifacts: ArtifactStore,
  given: Pick<LaneOptions, "log" | "requests" | "openEnv">,
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

async function openAdmin(config: NodeConfig, deps: AdminDeps) {
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

/** How long a node waits for its store before it says that it runs without. Milliseconds. */
const storeGraceMs = 10_000;

/** How long a command waits for processes that are on their way out before it goes on without them. Milliseconds. */
const leavingWaitMs = 1000;

/** A process that ends writes a last record, which must not bring the log of a deleted app back. */
async function removeLogs(app: string, lane: Lane, stores: readonly LogStore[]): Promise<void> {
  const gone = lane.pools.gone(app);
  await Promise.race([gone, Bun.sleep(leavingWaitMs)]);
  const remove = async () => {
    lane.requestLog.forget(app);
    lane.edge.forget(app);
    await Promise.all(stores.map((store) => store.remove(app)));
  };
  await remove();
  void gone.then(() => (lane.router.table.apps[app] === undefined ? remove() : undefined));
}

/** Artifacts that some version needs. */
function digestsOf(table: RouteTable): Set<string> {
  const versions = Object.values(table.apps).flatMap((app) => Object.values(app.versions));
  return new Set(versions.map(({ digest }) => digest));
}

function hostOf(url: string): string {
  return new URL(url).host;
}

/** A terminal that closes hangs up on what runs in it: that is a stop like the others. */
const STOP_SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;

/** Calls `stop` at the first signal that asks for it; a second one ends the process. Returns what undoes it. */
function onSignals(stop: () => void): () => void {
  let asked = false;
  const listener = () => {
    if (asked) process.exit(130);
    asked = true;
    stop();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, listener);
  };
}

/** For whoever looks at the folder: where this node listens. */
function writeNodeFile(dataDir: string, { pid, edgePort, adminPort, domain }: NodeStatus): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(
    join(dataDir, "node.json"),
    `${JSON.stringify({ pid, port: edgePort, adminPort, domain }, null, 2)}\n`,
    { mode: 0o600 },
  );
}

function describeUnforeseen(thrown: unknown): string {
  const error = asPlatformError(thrown);
  return error.code === "INTERNAL" && thrown instanceof Error
    ? (thrown.stack ?? thrown.message)
    : error.message;
}
