/**
 * A node, put together: the request lane, the store, the deploys and the admin API, from start to stop.
 *
 *   lock ─▶ lane (serves the table on disk) ─▶ store ─▶ admin ─▶ ready ─▶ signal ─▶ drain ─▶ gone
 *
 * Traffic does not wait for the store: a node that was killed serves again before PostgreSQL has recovered.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { assertRestored } from "./backup/restore.ts";
import { systemClock } from "./base/clock.ts";
import { messageOf, PlatformError } from "./base/errors.ts";
import { onSignals } from "./base/stop-signals.ts";
import type { VersionSpec } from "./base/version-spec.ts";
import type { NodeWatcher } from "./cli/run-node.ts";
import { closeDataDir } from "./control/data-dir-modes.ts";
import type { NodeConfig } from "./control/node-config.ts";
import { acquireNodeLock } from "./control/node-lock.ts";
import { platformVersion } from "./control/platform-version.ts";
import { Publisher } from "./control/publisher.ts";
import { ArtifactStore } from "./deploy/artifact-store.ts";
import { AppBuilder } from "./deploy/build.ts";
import { Deployer } from "./deploy/deployer.ts";
import { passRuntimeGate } from "./deploy/runtime-gate.ts";
import { unpackSource } from "./deploy/unpack.ts";
import { loadHooks } from "./hooks/load.ts";
import { manifestPath } from "./lane.ts";
import { openBackups } from "./node-backups.ts";
import { startNodeBroker } from "./node-broker.ts";
import { openCollector } from "./node-collector.ts";
import { openDatabases } from "./node-databases.ts";
import { describeUnforeseen, nodeDeps } from "./node-deps.ts";
import { openDumps } from "./node-dumps.ts";
import { writeNodeFile } from "./node-file.ts";
import { openAdmin, openLane, openRelay } from "./node-listeners.ts";
import { removeLogs } from "./node-logs.ts";
import { governMemory, memoryBudget } from "./node-memory.ts";
import { openReach } from "./node-reach.ts";
import { openSandbox } from "./node-sandbox.ts";
import { openSecrets } from "./node-secrets.ts";
import { startNodeStore } from "./node-store.ts";
import { RelayOnDemand } from "./relay-on-demand.ts";
import { openRemoteUse } from "./remote-use.ts";
import { openRequestStore } from "./request-store.ts";
import { emptyRouteTable, type RouteTable } from "./router/route-table.ts";
import { RuntimeStore } from "./runtimes/runtime-store.ts";
import { thisQualifyMachine } from "./runtimes/verdict.ts";
import { closeToOthers } from "./sandbox/own-process.ts";
import type { PostgresConnection } from "./store/postgres-server.ts";
import { LogStore } from "./telemetry/log-store.ts";
import { TrialLog } from "./telemetry/trial-log.ts";
import { urlsOf } from "./urls.ts";
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
  assertRestored(dataDir);
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

  const runtimes = new RuntimeStore({ dir: join(dataDir, "runtimes"), note: watcher.note });
  // The table on disk is served from the first connection on; the store may take its time.
  const publisher = new Publisher({
    dataDir,
    store: { routeTable: () => store.store.routeTable() },
    apply: (table) => lane.publish(table),
    note: watcher.note,
  });
  const table = (await publisher.loadFromDisk()) ?? emptyRouteTable;
  const { environments, rotation, keyring } = openSecrets({
    config,
    table,
    store: () => store.store,
    publisher,
    sealOthers: (unreadable) => branches.databases.reseal(unreadable),
    clock,
    note: watcher.note,
  });
  const reach = openReach({
    config,
    onRenewed: (tls) => relay.renewTls(tls),
    note: watcher.note,
  });
  cleanup.defer(() => reach.close());
  const relay = new RelayOnDemand(config.databasePort, (port) =>
    openRelay({ port, reach: reach.now(), socketFolder: null, log, clock, note: watcher.note }),
  );
  let connection: PostgresConnection | null = null;
  const branches = openDatabases({
    config,
    connection: () => connection,
    store: () => store.store,
    relay,
    keyring,
    clock,
    log,
    onDropped: (app, branch) => lane.pools.databaseDropped(app, branch),
    report: (thrown) => watcher.note(describeUnforeseen(thrown)),
    note: watcher.note,
  });
  await branches.databases.open();
  const lane = await openLane(
    config,
    table,
    artifacts,
    {
      log: trials,
      requests,
      runtimes,
      openEnv: (spec) => branches.environmentOf(spec, environments),
    },
    requestHooks,
    await openSandbox(config, relay.port),
    watcher.note,
  );
  cleanup.defer(() => lane.stop(drainTimeoutMs));
  let postgresPid: () => number | null = () => null;
  let brokerPid: () => number | null = () => null;
  const { note } = watcher;
  const pids = () => ({ postgres: postgresPid(), relay: relay.pid, broker: brokerPid() });
  const memory = governMemory({ ...budget, lane, clock, pids, note });
  cleanup.defer(() => memory.stop());
  const store = await startNodeStore(config, budget.budgetBytes, clock, note, (found) => {
    connection = found;
    branches.connect();
  });
  cleanup.defer(() => store.stop());
  cleanup.defer(() => relay.stop());
  cleanup.defer(() => branches.stop());
  postgresPid = () => store.pid();
  const broker =
    config.broker === null
      ? null
      : await startNodeBroker({ config: config.broker, version: platformVersion(), clock, note });
  brokerPid = () => broker?.pid ?? null;
  cleanup.defer(() => broker?.stop());
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
    runtimes,
    runtimeGate: (step) =>
      passRuntimeGate(
        {
          store: store.store,
          platformVersion: platformVersion(),
          machine: thisQualifyMachine(),
        },
        step,
      ),
    environments,
    databases: branches.databases,
    migrations: { databaseOf: branches.databaseOf, runs: store.store.migrationRuns },
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
    runtimes,
    lane,
    publish: () => publisher.publish(),
    removeLogs: (app) => removeLogs(app, lane, [log, requests]),
    report: (thrown) => watcher.note(describeUnforeseen(thrown)),
  });
  cleanup.defer(() => collector.close());

  const backups = openBackups({
    config,
    store,
    keyring,
    deployer,
    env: process.env,
    clock,
    note: watcher.note,
  });
  cleanup.defer(() => backups.stop());

  const { status, deps } = nodeDeps({
    config,
    startedAtMs,
    adminPort: () => admin.port,
    lane,
    store,
    memory,
    remote,
    branches,
    relay,
    reach,
    broker,
    deployer,
    environments,
    rotation,
    log,
    requests,
    artifacts,
    collector,
    backups,
    dumps: openDumps(branches.databases),
    clock,
    publisher,
    shutdown: () => stopped.resolve(),
    urls: { urlOf, urlOfHost },
    note: watcher.note,
  });
  const admin = await openAdmin(config, deps);
  cleanup.defer(() => admin.stop());

  writeNodeFile(dataDir, status());
  cleanup.defer(() => rmSync(join(dataDir, "node.json"), { force: true }));
  // The store may be on its way; what it holds is published when it is there. Databases first: an app that is served before
  // the relay listens would be refused by it.
  const published = store.ready.then(async () => {
    try {
      await branches.begin();
    } finally {
      await publisher.publish();
    }
  });
  void published
    .then(async () => {
      await rotation.resume();
      backups.start();
      await deployer.removeUnreferenced(async () => digestsOf(await store.store.routeTable()));
    })
    .catch((error) => watcher.note(messageOf(error)));
  let isStopping = false;
  void stopped.promise.then(() => {
    isStopping = true;
  });
  // A store that cannot be reached does not keep the node from serving, nor from saying so.
  await Promise.race([published.catch(() => {}), stopped.promise, Bun.sleep(storeGraceMs)]);
  if (!isStopping) watcher.ready(status());
  const { state, cause } = store.state();
  if (!isStopping && state !== "ready") watcher.note(`The store cannot be used yet: ${cause}`);
  await stopped.promise;
  watcher.note("Stopping: requests under way are finished first");
  // The admin API goes last, so that `levain status` and `levain ps` can be asked meanwhile.
  await Promise.all([lane.stop(drainTimeoutMs), broker?.stop()]);
}

/** How long a node waits for what its store holds before it says that it runs without. Milliseconds. */
const storeGraceMs = 10_000;

function hostOf(url: string): string {
  return new URL(url).host;
}

/** Artifacts that some version needs. */
function digestsOf(table: RouteTable): Set<string> {
  const versions = Object.values(table.apps).flatMap((app) => Object.values(app.versions));
  return new Set(
    versions.flatMap(({ digest, migrations }) =>
      migrations === null ? [digest] : [digest, migrations.kit],
    ),
  );
}
