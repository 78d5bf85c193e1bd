/**
 * The request lane, put together: edge, router, pools and the runners that stand ready. A part of the composition root
 * that also runs alone, without a store, for tests and benchmarks.
 */
import { join } from "node:path";
import { appEnvironment } from "./app-environment.ts";
import { Sites } from "./assets/sites.ts";
import type { Clock } from "./base/clock.ts";
import { PlatformError } from "./base/errors.ts";
import { TurnClock } from "./base/turn-clock.ts";
import { type VersionSpec, versionName } from "./base/version-spec.ts";
import { connectionsWithin } from "./edge/connection-room.ts";
import { type Edge, startEdge } from "./edge/edge.ts";
import { type EdgeFacts, Edges } from "./edges.ts";
import type { HookSource, LoadedHook } from "./hooks/loaded-hook.ts";

import { pinnedRuntimes } from "./pinned-runtimes.ts";
import { Pools } from "./pool/pools.ts";
import { sweepRunFolders } from "./pool/run-folder.ts";
import { RunnerSandbox } from "./pool/runner-sandbox.ts";
import { Spares } from "./pool/spares.ts";
import type { RouteTable } from "./router/route-table.ts";
import { Router } from "./router/router.ts";
import { RunnerBundle } from "./runner/bundle.ts";
import { RuntimeStore } from "./runtimes/runtime-store.ts";
import { Cgroups } from "./sandbox/cgroups.ts";
import { openFilesMax } from "./sandbox/open-files.ts";
import { Pager } from "./sandbox/pager.ts";
import { pagingObstacle, pagingSources } from "./sandbox/paging-way.ts";
import type { LogSink } from "./telemetry/log-record.ts";
import { RequestLog } from "./telemetry/request-log.ts";

export interface LaneOptions {
  dataDir: string;
  hostname: string;
  port: number;
  domain: string;
  /** See `RouterOptions`. */
  domainApp?: string;
  trustedProxies: readonly string[];
  /** Of all edges together. Default: what the descriptors of this process leave room for. */
  connectionsMax?: number;
  /** See `EdgeOptions`. */
  hooks?: readonly LoadedHook[];
  /** See `EdgeOptions`. */
  note?(line: string): void;
  sparesMax: number;
  /** See `RunnerBundle`. */
  bundlesDir: string;
  /** Runtimes that versions name. Default: kept in `dataDir`, and fetched from npm's registry. */
  runtimes?: RuntimeStore;
  /** See `Pools`. */
  instancesMax: number;
  /** How processes are held. Default: as the node's own user. */
  sandbox?: RunnerSandbox;
  /** What is served from the first connection on. */
  routeTable: RouteTable;
  artifactPath(digest: string): string;
  /** Opens what a version's environment has sealed. Default: it is plain. @throws {PlatformError} */
  openEnv?(spec: VersionSpec): Record<string, string>;
  log: LogSink;
  /** Gets the records of answered requests. Not that of `log`, so that requests do not push out what apps print. */
  requests: LogSink;
  clock: Clock;
}

export interface Lane {
  edge: Edge;
  router: Router;
  pools: Pools;
  spares: Spares;
  runner: RunnerBundle;
  /** Files of versions, as the edge in this process has them. */
  sites: Sites;
  requestLog: RequestLog;
  /** Each process that accepts connections. */
  edges(): EdgeFacts[];
  /** Resolves when every request that comes from then on is routed by the table. */
  publish(table: RouteTable): Promise<void>;
  /** Answers what is under way within `drainTimeoutMs`, then ends everything. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** Starts the lane, and ends what a killed node left in `dataDir`. Throws what `startEdge` throws; nothing is left then. */
export function startLane(options: LaneOptions): Lane {
  const parts = startParts(options, false);
  const { router, sites, clock } = parts;
  router.publish(options.routeTable);
  try {
    const { connectionsMax = connectionsWithin(openFilesMax()) } = options;
    const edge = startEdge({ ...options, connectionsMax, clock, router, sites });
    const facts = () => {
      const { connections, requests } = edge.counters;
      return [{ pid: process.pid, connections, requests }];
    };
    return finish(parts, edge, facts, async (table) => router.publish(table));
  } catch (error) {
    void parts.stop();
    throw error;
  }
}

export interface SeveralEdgesOptions extends LaneOptions {
  /** Processes that share the port. Count, 2 or more. */
  edges: number;
  /** Where each of them finds its hooks; `hooks` is not used. */
  hookSources: readonly HookSource[];
}

/** The same with edges in processes of their own. Rejects with what `startEdge` throws; nothing is left then. */
export async function startLaneWithEdges(options: SeveralEdgesOptions): Promise<Lane> {
  const { routeTable, hookSources, connectionsMax = connectionsWithin(openFilesMax()) } = options;
  const parts = startParts(options, true);
  const { router, pools } = parts;
  router.publish(routeTable);
  try {
    const { note = () => {} } = options;
    const edges = await Edges.start({
      ...options,
      note,
      connectionsMax,
      hooks: hookSources,
      table: routeTable,
      pools,
      manifestPath: (spec) => manifestPath(spec, options.artifactPath),
    });
    const facts = () => edges.each;
    return finish(parts, edges, facts, async (table) => {
      // Edges may ask for a version as soon as they have the table, and for an old one until all have it.
      for (const { versions } of Object.values(table.apps)) {
        for (const spec of Object.values(versions)) pools.of(spec);
      }
      await edges.publish(table);
      router.publish(table);
    });
  } catch (error) {
    await parts.stop();
    throw error;
  }
}

type Parts = ReturnType<typeof startParts>;

/** Everything behind the edge. */
function startParts(options: LaneOptions, takesWires: boolean) {
  const { dataDir, domain, log, sparesMax, instancesMax, artifactPath } = options;
  const { openEnv = ({ env }) => env } = options;
  const { sandbox = new RunnerSandbox({ users: null }) } = options;
  const clock = new TurnClock(options.clock);
  const requestLog = new RequestLog({ sink: options.requests, clock });
  const runDir = join(dataDir, "run");
  const cgroups = Cgroups.open(join(dataDir, "cgroups.json"));
  const swept = sweepRunFolders(runDir);
  const runner = new RunnerBundle(options.bundlesDir);
  const { runtimes = new RuntimeStore({ dir: join(dataDir, "runtimes") }) } = options;
  const spares = new Spares({
    ...{ runDir, runner, clock, sparesMax, takesWires, sandbox, cgroups },
    runtimes: pinnedRuntimes(runtimes, runner),
  });
  const obstacle = pagingObstacle(pagingSources());
  const { note = () => {} } = options;
  if (obstacle !== null) note(`Idle apps keep their memory: ${obstacle.text}`);
  const mayPage = obstacle === null || obstacle.kind === "no-swap";
  const pager = new Pager({ clock, mayPage, note });
  const pools = new Pools({
    artifactPath,
    environment: (spec) => appEnvironment(spec, openEnv(spec)),
    spares,
    log,
    clock,
    instancesMax,
    requestLog,
    pager,
  });
  const sites = new Sites({ manifestPath: (spec) => manifestPath(spec, artifactPath) });
  const router = new Router({
    domain,
    ...(options.domainApp === undefined ? {} : { domainApp: options.domainApp }),
    pools,
    onRemoved: (spec) => {
      sites.forget(spec);
      const gone = new PlatformError("VERSION_UNKNOWN", [spec.app, versionName(spec.number)]);
      void pools.remove(spec, spec.limits.requestTimeoutMs, gone);
    },
  });
  const draining = new PlatformError("NODE_DRAINING", []);
  const stop = async () => {
    await Promise.all([pools.stop(0, draining), spares.stop(), runner.make(), swept]);
    await pager.stop();
    sites.close();
    requestLog.close();
    await cgroups?.close();
  };
  return { clock, requestLog, router, pools, sites, spares, runner, stop };
}

function finish(parts: Parts, edge: Edge, edges: Lane["edges"], publish: Lane["publish"]): Lane {
  void parts.runner.make();
  parts.spares.refill();
  return {
    ...parts,
    edge,
    edges,
    publish,
    async stop(drainTimeoutMs) {
      await edge.stop(drainTimeoutMs);
      await parts.stop();
    },
  };
}

/** Where a version's assets are listed. Only for one that has some. Throws what `artifactPath` throws. */
export function manifestPath(spec: VersionSpec, artifactPath: LaneOptions["artifactPath"]): string {
  return join(artifactPath(spec.digest), spec.assets ?? "");
}
