/**
 * One run of one scenario, from a fresh process to its numbers.
 *
 *   apps written ─▶ node started ─▶ asked once ─▶ warm-up ─▶ counted ─▶ node stopped
 *                                                 └─ shots: lever, one request, lever, one request …
 */
import { PlatformError } from "../base/errors.ts";
import type { HookSource } from "../hooks/loaded-hook.ts";
import type { Fixtures } from "./fixtures.ts";
import { shotsMin, warmUpShots } from "./limits.ts";
import { Histogram } from "./load/histogram.ts";
import { LoadProcess } from "./load/load-process.ts";
import type { LoadPhase, LoadPlan, LoadResult, PreparedRequest } from "./load/plan.ts";
import { errorCount, noErrors } from "./load/tally.ts";
import type { PerfOptions } from "./options.ts";
import { type Address, probe } from "./probe.ts";
import { type ProcessSample, sampleProcesses } from "./process-sample.ts";
import { ProcessWatch } from "./process-watch.ts";
import type { PerfRun } from "./report.ts";
import type { Drive, FixtureApp, ProbeAnswer, Scenario, ScenarioRequest } from "./scenarios.ts";
import { hitRateOf, type MeasuredRun } from "./summary.ts";
import { Target } from "./target.ts";
import type { TargetFacts } from "./target-protocol.ts";

export interface MeasureContext {
  options: PerfOptions;
  fixtures: Fixtures;
  /** Aborted when the person has had enough. */
  signal: AbortSignal;
}

/** Connections that a scenario is driven with. Count. */
export function concurrencyOf({ drive }: Scenario, { concurrency }: PerfOptions): number {
  if (drive.kind === "shots") return 1;
  return Math.min(concurrency, drive.concurrencyMax ?? concurrency);
}

/** What is measured: of two that take turns, one. Not used with `--url`. */
export interface Side {
  /** For a person; empty when there is only one. */
  name: string;
  /** Root of the Levain to measure. */
  checkout: string;
  hooks: readonly HookSource[];
}

/**
 * @throws {PlatformError} `PERF_TARGET_FAILED`, `PERF_PROBE_FAILED`, `LOAD_GENERATOR_FAILED`, `INTERRUPTED`
 */
export async function measure(
  scenario: Scenario,
  side: Side,
  context: MeasureContext,
): Promise<MeasuredRun> {
  const { options, fixtures } = context;
  const apps = scenario.apps(options.apps);
  if (options.url !== null) return await measureUrl(scenario, apps, options.url, context);
  await fixtures.write(apps);
  await using target = await Target.start(side.checkout, {
    dataDir: await fixtures.dataDir(),
    fixtureDir: fixtures.dir,
    apps,
    port: options.port,
    poolSize: options.poolSize,
    sparesMax: scenario.drive.kind === "shots" ? scenario.drive.sparesMax : 1,
    hooks: side.hooks,
    concurrency: concurrencyOf(scenario, options),
  });
  const address: Address = {
    hostname: "127.0.0.1",
    port: target.port,
    hostOf: (app) => `${app}.localhost:${target.port}`,
    target: null,
  };
  const answer = await ask(scenario, apps, address, options);
  const mistake = scenario.mistakeIn(answer);
  if (mistake !== null) throw new PlatformError("PERF_PROBE_FAILED", [scenario.name, mistake]);
  const { nodePids } = await target.facts();
  const look = () => sampleProcesses([target.pid, ...nodePids]);
  const run: TargetRun = { scenario, apps, address, answer, target, look, context };
  const { drive } = scenario;
  return drive.kind === "load" ? await loadTarget(run, drive) : await shootTarget(run, drive);
}

/** One scenario under way against a node of ours. */
interface TargetRun {
  scenario: Scenario;
  apps: readonly FixtureApp[];
  address: Address;
  answer: ProbeAnswer;
  target: Target;
  look(): ProcessSample;
  context: MeasureContext;
}

/** What was read at one moment. */
interface Reading {
  sample: ProcessSample;
  facts: TargetFacts;
}

async function measureUrl(
  scenario: Scenario,
  apps: readonly FixtureApp[],
  url: URL,
  { options, signal }: MeasureContext,
): Promise<MeasuredRun> {
  const address: Address = {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 80),
    hostOf: () => url.host,
    target: url.pathname + url.search,
  };
  const answer = await ask(scenario, apps, address, options);
  if (answer.status < 200 || answer.status >= 400) {
    const why = `${url} answered ${answer.status}`;
    throw new PlatformError("PERF_PROBE_FAILED", [scenario.name, why]);
  }
  const { drive } = scenario;
  if (drive.kind !== "load") throw new Error("only load reaches an address");
  await using generator = await LoadProcess.start();
  const plan = planOf(drive, scenario, apps, answer, address, options);
  const result = await uninterrupted(generator.run(plan), signal);
  return measuredOf(result, null, null);
}

function ask(
  { name, probe: request }: Scenario,
  apps: readonly FixtureApp[],
  address: Address,
  { clientTimeoutMs }: PerfOptions,
): Promise<ProbeAnswer> {
  return probe(name, { app: apps[0]!.name, ...request }, address, clientTimeoutMs);
}

async function loadTarget(
  { scenario, apps, address, answer, target, look, context }: TargetRun,
  drive: Drive & { kind: "load" },
): Promise<MeasuredRun> {
  const { options, signal } = context;
  const plan = planOf(drive, scenario, apps, answer, address, options);
  using watch = new ProcessWatch(look);
  const before = watch.look();
  const readings: Partial<Record<LoadPhase, Promise<Reading>>> = {};
  const onPhase = (phase: LoadPhase) => {
    if (phase !== "counting" && phase !== "draining") return;
    const sample = watch.look();
    readings[phase] = target.facts().then((facts) => ({ sample, facts }));
    // Whoever waits for it hears of it; nobody does when the run itself fails.
    readings[phase].catch(() => {});
  };
  await using generator = options.mode === "http" ? await LoadProcess.start() : null;
  const running = generator?.run(plan, { onPhase }) ?? target.run(plan, { onPhase });
  const result = await uninterrupted(running, signal);
  const first = await readings.counting!;
  const last = await readings.draining!;
  return measuredOf(result, { first, last }, { before, watch, after: watch.look() });
}

async function shootTarget(
  { scenario, apps, address, target, look, context }: TargetRun,
  drive: Drive & { kind: "shots" },
): Promise<MeasuredRun> {
  const { options, signal } = context;
  const { durationMs, requestsMax, clientTimeoutMs } = options;
  const app = apps[0]!.name;
  await using generator = await LoadProcess.start();
  const shot = {
    hostname: address.hostname,
    port: address.port,
    request: prepared({ app, ...scenario.probe }, address),
    connection: "fresh",
    clientTimeoutMs,
  } as const;
  const shoot = async () => {
    signal.throwIfAborted();
    await target.pull(drive.before, app);
    return await generator.shoot(shot);
  };
  using watch = new ProcessWatch(look);
  const before = watch.look();
  for (let count = 0; count < warmUpShots; count++) await shoot();

  const histogram = new Histogram();
  const errors = noErrors();
  const read = async (): Promise<Reading> => ({ sample: look(), facts: await target.facts() });
  const first = await read();
  const beginMs = performance.now();
  const isOver = (count: number) =>
    count >= (requestsMax ?? Number.POSITIVE_INFINITY) ||
    (count >= shotsMin && performance.now() - beginMs >= durationMs);
  for (let count = 0; !isOver(count); count++) {
    const { latencyMs, status, error } = await shoot();
    if (status !== null) histogram.record(latencyMs);
    if (error === "status")
      errors.status[String(status)] = (errors.status[String(status)] ?? 0) + 1;
    else if (error !== null) errors[error] += 1;
  }
  const last = await read();
  const result = {
    requests: histogram.count,
    ratePerS: null,
    errors,
    late: 0,
    unsent: 0,
    latency: histogram.summary(),
    histogram: histogram.encode(),
  };
  return measuredOf(result, { first, last }, { before, watch, after: watch.look() });
}

function planOf(
  drive: Drive & { kind: "load" },
  scenario: Scenario,
  apps: readonly FixtureApp[],
  answer: ProbeAnswer,
  address: Address,
  options: PerfOptions,
): LoadPlan {
  return {
    hostname: address.hostname,
    port: address.port,
    requests: drive.requests({ apps, probe: answer }).map((request) => prepared(request, address)),
    transport: drive.transport,
    concurrency: concurrencyOf(scenario, options),
    ratePerS: options.ratePerS,
    durationMs: options.durationMs,
    warmUpMs: options.warmUpMs,
    clientTimeoutMs: options.clientTimeoutMs,
    seed: options.seed,
    maxRequests: options.requestsMax,
  };
}

function prepared(request: ScenarioRequest, { hostOf, target }: Address): PreparedRequest {
  return {
    method: request.method,
    target: target ?? request.target,
    host: hostOf(request.app),
    headerLines: [...(request.headerLines ?? [])],
    body: request.body ?? null,
    weight: request.weight ?? 1,
  };
}

/** What a run has counted, however it was driven. */
type Counted = Pick<
  LoadResult,
  "requests" | "errors" | "late" | "unsent" | "latency" | "histogram"
> & {
  ratePerS: number | null;
};

function measuredOf(
  result: Counted,
  readings: { first: Reading; last: Reading } | null,
  memory: { before: ProcessSample; watch: ProcessWatch; after: ProcessSample } | null,
): MeasuredRun {
  const { requests, ratePerS, errors, late, unsent, latency, histogram } = result;
  const run: PerfRun = {
    requests,
    ratePerS,
    errors: { total: errorCount(errors), ...errors },
    late,
    unsent,
    latencyMs: latency,
    cpuUsPerRequest: null,
    memoryBytes: null,
    pool: null,
  };
  if (readings !== null) {
    const { first, last } = readings;
    const perRequest = (name: "nodeCpuUs" | "appsCpuUs") =>
      Math.max(0, last.sample[name] - first.sample[name]) / Math.max(1, requests);
    run.cpuUsPerRequest = { node: perRequest("nodeCpuUs"), apps: perRequest("appsCpuUs") };
    run.pool = poolBetween(first.facts, last.facts);
  }
  if (memory !== null) {
    const { before, watch, after } = memory;
    run.memoryBytes = {
      node: { before: before.nodeBytes, peak: watch.nodeBytesPeak, after: after.nodeBytes },
      apps: { before: before.appsBytes, peak: watch.appsBytesPeak, after: after.appsBytes },
    };
  }
  return { run, histogram };
}

function poolBetween(first: TargetFacts, last: TargetFacts): PerfRun["pool"] {
  const hits = last.hits - first.hits;
  const misses = last.misses - first.misses;
  return {
    active: last.active,
    hits,
    misses,
    hitRate: hitRateOf(hits, misses),
    creations: last.creations - first.creations,
    failures: last.failures - first.failures,
    evictions: last.evictions - first.evictions,
  };
}

/** The run's result, or the signal's reason as soon as it is aborted. */
async function uninterrupted<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  running.catch(() => {});
  try {
    signal.throwIfAborted();
    return await Promise.race([running, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
