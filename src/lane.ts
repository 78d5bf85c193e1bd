/**
 * The request lane, put together: edge, router, pools and the runners that stand ready. A part of the composition root
 * that also runs alone, without a store, for tests and benchmarks.
 */
import { join } from "node:path";
import type { Clock } from "./base/clock.ts";
import { PlatformError } from "./base/errors.ts";
import { TurnClock } from "./base/turn-clock.ts";
import { type VersionSpec, versionName } from "./base/version-spec.ts";
import { type Edge, type EdgeOptions, startEdge } from "./edge/edge.ts";
import type { LoadedHook } from "./hooks/loaded-hook.ts";
import { Pools } from "./pool/pools.ts";
import { sweepRunFolders } from "./pool/run-folder.ts";
import { Spares } from "./pool/spares.ts";
import type { RouteTable } from "./router/route-table.ts";
import { Router } from "./router/router.ts";
import { RunnerBundle } from "./runner/bundle.ts";
import type { LogSink } from "./telemetry/log-record.ts";
import { RequestLog } from "./telemetry/request-log.ts";

export interface LaneOptions {
  dataDir: string;
  hostname: string;
  port: number;
  domain: string;
  trustedProxies: readonly string[];
  /** See `EdgeOptions`. */
  connectionsMax?: number;
  /** See `EdgeOptions`. */
  hooks?: readonly LoadedHook[];
  /** See `EdgeOptions`. */
  note?(line: string): void;
  sparesMax: number;
  /** See `RunnerBundle`. */
  bundlesDir: string;
  /** See `Pools`. */
  instancesMax: number;
  /** What is served from the first connection on. */
  routeTable: RouteTable;
  artifactPath(digest: string): string;
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
  requestLog: RequestLog;
  /** Answers what is under way within `drainTimeoutMs`, then ends everything. */
  stop(drainTimeoutMs: number): Promise<void>;
}

/** Starts the lane, and ends what a killed node left in `dataDir`. Throws what `startEdge` throws; nothing is left then. */
export function startLane(options: LaneOptions): Lane {
  const { dataDir, domain, log, sparesMax, instancesMax, artifactPath } = options;
  const clock = new TurnClock(options.clock);
  const requestLog = new RequestLog({ sink: options.requests, clock });
  const runDir = join(dataDir, "run");
  const swept = sweepRunFolders(runDir);
  const runner = new RunnerBundle(options.bundlesDir);
  const spares = new Spares({ runDir, runner, clock, sparesMax });
  const pools = new Pools({
    artifactPath,
    environment: platformEnvironment,
    spares,
    log,
    clock,
    instancesMax,
    requestLog,
  });
  const draining = new PlatformError("NODE_DRAINING", []);
  const router = new Router({
    domain,
    pools,
    onRemoved: (spec) => {
      const gone = new PlatformError("VERSION_UNKNOWN", [spec.app, versionName(spec.number)]);
      void pools.remove(spec, spec.limits.requestTimeoutMs, gone);
    },
  });
  router.publish(options.routeTable);
  const edge = openEdge({ ...options, clock }, router, () => void pools.stop(0, draining));
  void runner.make();
  spares.refill();
  return {
    edge,
    router,
    pools,
    spares,
    runner,
    requestLog,
    async stop(drainTimeoutMs) {
      await edge.stop(drainTimeoutMs);
      await Promise.all([pools.stop(0, draining), spares.stop(), runner.make(), swept]);
      requestLog.close();
    },
  };
}

function openEdge(
  options: Omit<EdgeOptions, "router">,
  router: Router,
  onFailed: () => void,
): Edge {
  try {
    return startEdge({ ...options, router });
  } catch (error) {
    onFailed();
    throw error;
  }
}

/** What Levain adds to an app's environment; documented in docs/configuration.md. */
function platformEnvironment(spec: VersionSpec): Record<string, string> {
  return {
    NODE_ENV: spec.env["NODE_ENV"] ?? "production",
    LEVAIN_APP: spec.app,
    LEVAIN_BRANCH: spec.branch,
    LEVAIN_VERSION: versionName(spec.number),
  };
}
