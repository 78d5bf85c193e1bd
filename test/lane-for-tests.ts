/**
 * The request lane without store, deploy and control: apps are folders, each its own artifact. For tests and benchmarks
 * of what a request meets.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../src/base/clock.ts";
import type { VersionLimits, VersionSpec } from "../src/base/version-spec.ts";
import { testSpec } from "../src/base/version-spec-for-tests.ts";
import type { LoadedHook } from "../src/hooks/loaded-hook.ts";

import { type Lane, type LaneOptions, startLane, startLaneWithEdges } from "../src/lane.ts";
import { RunnerSandbox } from "../src/pool/runner-sandbox.ts";
import type { RouteTable } from "../src/router/route-table.ts";
import type { RuntimeStore } from "../src/runtimes/runtime-store.ts";
import type { LogRecord } from "../src/telemetry/log-record.ts";

export interface TestApp {
  /** Folder of the app. */
  folder: string;
  /** Module in it; null: only assets. */
  entry: string | null;
  /** Path of its asset manifest in the folder. Default: none. */
  assets?: string;
  ephemeral?: boolean;
  /** Default: the node's own. */
  runtime?: string | null;
  env?: Record<string, string>;
  limits?: Partial<VersionLimits>;
  idleFreezeMs?: number;
  idleStopMs?: number;
  instances?: VersionSpec["instances"];
  createdAtMs?: number;
  /** `off` for an app that finds its packages outside of its folder. Default: as a version that names none. */
  sandbox?: VersionSpec["sandbox"];
}

export interface TestLane extends AsyncDisposable {
  lane: Lane;
  port: number;
  host: string;
  /** Everything that was logged, oldest first. */
  records: LogRecord[];
  /** With `keepsRequests`: records of answered requests; `lane.requestLog.flush()` makes those that are due. */
  requests: LogRecord[];
  dataDir: string;
  /** `http://<app>.localhost:<port>` with the loopback address, and the Host header to send. */
  fetch(app: string, path: string, init?: RequestInit): Promise<Response>;
  spec(app: string): VersionSpec;
  stop(): Promise<void>;
}

export interface TestLaneOptions {
  /** Default 1. */
  sparesMax?: number;
  /** Default 100. */
  instancesMax?: number;
  trustedProxies?: string[];
  connectionsMax?: number;
  hooks?: readonly LoadedHook[];
  /** Default: see `LaneOptions`. */
  runtimes?: RuntimeStore;
  /** Where notes for the operator are put without the one about a machine that has no swap. */
  notes?: string[];
  /** Keep the records of answered requests. Default false. */
  keepsRequests?: boolean;
  /** Default: the system's. */
  clock?: Clock;
}

/** Starts a lane that serves `apps` at `<name>.localhost`. Dispose it, or call `stop`. */
export function startTestLane(
  apps: Record<string, TestApp>,
  options: TestLaneOptions = {},
): TestLane {
  const { specs, records, requests, lane } = optionsOf(apps, options);
  return testLaneOf(startLane(lane), lane.dataDir, specs, records, requests);
}

/** The same with several edges in processes of their own. */
export async function startTestLaneWithEdges(
  apps: Record<string, TestApp>,
  edges: number,
  options: TestLaneOptions = {},
): Promise<TestLane> {
  const { specs, records, requests, lane } = optionsOf(apps, options);
  const started = await startLaneWithEdges({ ...lane, edges, hookSources: [] });
  return testLaneOf(started, lane.dataDir, specs, records, requests);
}

function optionsOf(apps: Record<string, TestApp>, options: TestLaneOptions) {
  const records: LogRecord[] = [];
  const requests: LogRecord[] = [];
  const specs = new Map(Object.entries(apps).map(([name, app]) => [name, specOf(name, app)]));
  const lane: LaneOptions = {
    dataDir: mkdtempSync(join(tmpdir(), "levain-lane-")),
    hostname: "127.0.0.1",
    port: 0,
    domain: "localhost",
    trustedProxies: options.trustedProxies ?? [],
    sparesMax: options.sparesMax ?? 1,
    bundlesDir: join(import.meta.dir, "../node_modules/.cache/levain/runner"),
    instancesMax: options.instancesMax ?? 100,
    routeTable: tableOf([...specs.values()]),
    artifactPath: (digest) => digest,
    sandbox: new RunnerSandbox({ users: null, sandboxMin: "off" }),
    log: { write: (record) => void records.push(record) },
    requests: {
      write(record) {
        if (options.keepsRequests) requests.push(record);
      },
    },
    clock: options.clock ?? systemClock,
    hooks: options.hooks ?? [],
    ...(options.runtimes === undefined ? {} : { runtimes: options.runtimes }),
    note(line) {
      if (!line.startsWith("Idle apps keep their memory")) options.notes?.push(line);
    },
    ...(options.connectionsMax === undefined ? {} : { connectionsMax: options.connectionsMax }),
  };
  return { specs, records, requests, lane };
}

function testLaneOf(
  lane: Lane,
  dataDir: string,
  specs: ReadonlyMap<string, VersionSpec>,
  records: LogRecord[],
  requests: LogRecord[],
): TestLane {
  const { port } = lane.edge;
  let stopped: Promise<void> | null = null;
  const stop = () => {
    stopped ??= lane.stop(1000).finally(() => rmSync(dataDir, { recursive: true, force: true }));
    return stopped;
  };
  return {
    lane,
    port,
    host: "127.0.0.1",
    records,
    requests,
    dataDir,
    spec: (app) => specs.get(app)!,
    fetch: (app, path, init = {}) => {
      const headers = new Headers(init.headers);
      headers.set("host", `${app}.localhost:${port}`);
      return fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

export function specOf(name: string, { folder, ...change }: TestApp): VersionSpec {
  return testSpec({
    app: name,
    digest: folder,
    ...change,
    limits: { concurrencyMax: 2000, queueMax: 1000, ...change.limits },
  });
}

export function tableOf(specs: readonly VersionSpec[]): RouteTable {
  return {
    revision: 1,
    apps: Object.fromEntries(
      specs.map((spec) => [
        spec.app,
        {
          branches: { main: { label: "main", live: spec.number } },
          versions: { [spec.number]: spec },
        },
      ]),
    ),
  };
}
