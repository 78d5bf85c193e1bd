/**
 * What `levain perf` measures: the request lane with its logs, in a process of its own, told what to do by its parent.
 * A part of the composition root. Ends with its parent.
 *
 *   started ──open──▶ serving ──close, parent gone──▶ drained ──▶ exit 0
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "./base/clock.ts";
import { messageOf } from "./base/errors.ts";
import { defaultPermissions } from "./base/permissions.ts";
import {
  nothingDeclared,
  resourceLimitsDefault,
  retentionOfNode,
  type VersionSpec,
} from "./base/version-spec.ts";
import { loadHooks } from "./hooks/load.ts";
import { type Lane, type LaneOptions, startLane, startLaneWithEdges } from "./lane.ts";
import { leverPollMs, logTail } from "./perf/limits.ts";
import type { LoadPhase } from "./perf/load/plan.ts";
import { runInMemory } from "./perf/load/run-in-memory.ts";
import type { FixtureApp } from "./perf/scenarios.ts";
import {
  type FromTarget,
  type TargetAnswer,
  type TargetCommand,
  type TargetConfig,
  type TargetFacts,
  type ToTarget,
  targetProtocol,
} from "./perf/target-protocol.ts";
import type { Pool } from "./pool/pool.ts";
import { openRequestStore } from "./request-store.ts";
import type { RouteTable } from "./router/route-table.ts";
import { RuntimeStore } from "./runtimes/runtime-store.ts";
import { LogStore } from "./telemetry/log-store.ts";

interface OpenTarget {
  config: TargetConfig;
  lane: Lane;
  log: LogStore;
  requests: LogStore;
}

let target: OpenTarget | null = null;

process.on("message", (message: ToTarget) => void answer(message));
// The parent is gone, and with it the reason to live.
process.on("disconnect", () => void close().finally(() => process.exit(0)));

async function answer({ id, command }: ToTarget): Promise<void> {
  try {
    send({ id, answer: await carryOut(id, command) });
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown };
    send({ id, failure: messageOf(error), ...(typeof code === "string" ? { code } : {}) });
  }
}

function send(message: FromTarget): void {
  process.send?.(message);
}

async function carryOut(id: number, command: TargetCommand): Promise<TargetAnswer> {
  if (command.kind === "open") {
    target = await open(command.config);
    // A node has it from its first start on.
    await target.lane.runner.make();
    return { kind: "opened", protocol: targetProtocol, port: target.lane.edge.port };
  }
  if (command.kind === "close") {
    await close();
    return { kind: "done" };
  }
  if (target === null) throw new Error("nothing was opened");
  switch (command.kind) {
    case "facts":
      return { kind: "facts", facts: factsOf(target.lane) };
    case "lever":
      await pull(target, command.lever, command.app);
      return { kind: "done" };
    case "log":
      return { kind: "log", lines: await logLines(target.log, command.app) };
    case "run": {
      const { edge } = target.lane;
      const onPhase = (phase: LoadPhase) => send({ id, phase });
      const result = await runInMemory(command.plan, (socket) => edge.accept(socket), { onPhase });
      return { kind: "result", result };
    }
  }
}

async function open(config: TargetConfig): Promise<OpenTarget> {
  const { dataDir, port, poolSize, sparesMax, fixtureDir, apps, edges } = config;
  const { nowMs } = systemClock;
  const log = new LogStore({ dir: join(dataDir, "logs"), clock: systemClock });
  const requests = openRequestStore(dataDir, systemClock);
  const options: LaneOptions = {
    dataDir,
    hostname: "127.0.0.1",
    port,
    domain: "localhost",
    trustedProxies: [],
    sparesMax,
    bundlesDir: join(dataDir, "runner"),
    instancesMax: poolSize,
    routeTable: tableOf(apps.map((app) => specOf(app, config))),
    artifactPath: (digest) => join(fixtureDir, digest),
    log,
    requests,
    clock: systemClock,
    ...(config.runtime == null ? {} : { runtimes: new RuntimeStore({ dir: config.runtime.dir }) }),
  };
  const lane =
    edges > 1
      ? await startLaneWithEdges({ ...options, edges, hookSources: config.hooks })
      : startLane({
          ...options,
          hooks: await loadHooks(config.hooks, { nowMs, env: process.env }),
        });
  return { config, lane, log, requests };
}

/** What an app printed as errors, and why the node answered for it: the hook's or the app's own words. */
async function logLines(log: LogStore, app: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { stream, event, message, fields } of log.read(app, { tail: logTail })) {
    if (stream === "stderr") lines.push(message);
    if (event !== "verdict") continue;
    const { hook, stack, cause } = fields ?? {};
    lines.push(hook === undefined ? message : `hook ${hook}:`);
    const why = stack ?? cause;
    if (typeof why === "string") lines.push(...why.split("\n"));
  }
  return lines.slice(-logTail);
}

/** Twice is safe. */
async function close(): Promise<void> {
  if (target === null) return;
  const { lane, log, requests, config } = target;
  target = null;
  await lane.stop(0);
  await Promise.all([log.close(), requests.close()]);
  rmSync(config.dataDir, { recursive: true, force: true });
}

/** Brings an instance to where the next request is to find it. Resolves when it is there. */
async function pull({ lane, config }: OpenTarget, lever: "stop" | "freeze", app: string) {
  const pool = poolOf(lane, app);
  // Stopped by its own idle time, which is the shortest there is.
  const isThere = () =>
    lever === "freeze" ? pool.freeze() : !pool.hasProcess && lane.spares.ready >= config.sparesMax;
  while (!isThere()) await Bun.sleep(leverPollMs);
}

function poolOf(lane: Lane, app: string): Pool {
  for (const pool of lane.pools.all()) if (pool.spec.app === app) return pool;
  throw new Error(`there is no app "${app}"`);
}

function factsOf(lane: Lane): TargetFacts {
  const facts: TargetFacts = {
    active: 0,
    hits: 0,
    misses: 0,
    creations: 0,
    failures: 0,
    evictions: 0,
    nodePids: lane
      .edges()
      .map(({ pid }) => pid)
      .filter((pid) => pid !== process.pid),
  };
  const nowMs = systemClock.nowMs();
  for (const pool of lane.pools.all()) {
    const { hits, misses, starts, failures, evictions, processes } = pool.facts(nowMs);
    facts.active += processes.length;
    facts.hits += hits;
    facts.misses += misses;
    facts.creations += starts;
    facts.failures += failures;
    facts.evictions += evictions;
  }
  return facts;
}

/** Limits are those of an app that was deployed without any, and room for all that the load can have open at once. */
function specOf(app: FixtureApp, { concurrency, entry, runtime }: TargetConfig): VersionSpec {
  return {
    app: app.name,
    number: 1,
    branch: "main",
    digest: app.name,
    entry,
    args: [],
    assets: null,
    ephemeral: app.ephemeral ?? false,
    env: {},
    healthPath: "/",
    limits: {
      ...resourceLimitsDefault,
      memoryBytesMax: 512 * 1024 * 1024,
      requestTimeoutMs: 30_000,
      streamIdleMs: 60_000,
      concurrencyMax: Math.max(100, concurrency),
      queueMax: 100,
      bodyBytesMax: 100 * 1024 * 1024,
      bootTimeoutMs: 30_000,
      requestsMax: 0,
    },
    permissions: defaultPermissions,
    sandbox: null,
    instances: { min: 1, max: app.instancesMax ?? 1 },
    idleFreezeMs: 0,
    idlePageMs: 0,
    idleStopMs: app.stopsWhenIdle === true ? 1 : 0,
    standby: "keep-memory",
    declares: nothingDeclared,
    retention: retentionOfNode,
    database: null,
    migrations: null,
    runtime: runtime?.name ?? null,
    buildFacts: null,
    createdAtMs: 0,
  };
}

function tableOf(specs: readonly VersionSpec[]): RouteTable {
  return {
    revision: 1,
    apps: Object.fromEntries(
      specs.map((spec) => [
        spec.app,
        { branches: { main: { label: "main", live: 1 } }, versions: { 1: spec } },
      ]),
    ),
  };
}
