/** One side of a measurement: what is asked, who asks, and what has been counted so far. */
import { rm } from "node:fs/promises";
import { PlatformError } from "../base/errors.ts";
import type { HookSource } from "../hooks/loaded-hook.ts";
import { type Driver, loadDriver, type Piece, shotDriver } from "./drivers.ts";
import { builtEntry } from "./fixtures.ts";
import { removeAtExit } from "./leftovers.ts";
import { LoadProcess } from "./load/load-process.ts";
import type { LoadPlan, PreparedRequest } from "./load/plan.ts";
import type { MeasureContext } from "./measure.ts";
import type { PerfOptions } from "./options.ts";
import { type Address, probe } from "./probe.ts";
import { sampleProcesses } from "./process-sample.ts";
import { ProcessWatch } from "./process-watch.ts";
import { RunTotals } from "./run-totals.ts";
import type { Drive, FixtureApp, ProbeAnswer, Scenario, ScenarioRequest } from "./scenarios.ts";
import type { MeasuredRun } from "./summary.ts";
import { ownCheckout, Target } from "./target.ts";

/** What is measured: of two that take turns, one. Not used with `--url`. */
export interface Side {
  /** Root of the Levain to measure. */
  checkout: string;
  hooks: readonly HookSource[];
}

/** Connections that a scenario is driven with. Count. */
export function concurrencyOf({ drive }: Scenario, { concurrency }: PerfOptions): number {
  if (drive.kind === "shots") return 1;
  return Math.min(concurrency, drive.concurrencyMax ?? concurrency);
}

/** Starts what is needed; the caller disposes it. @throws {PlatformError} see `measure`; nothing is left then. */
export async function startRunner(
  scenario: Scenario,
  side: Side,
  context: MeasureContext,
): Promise<MeasuredRunner> {
  const apps = scenario.apps(context.options.apps);
  const { url } = context.options;
  await using parts = new AsyncDisposableStack();
  const driven =
    url === null
      ? await driveTarget(scenario, side, apps, context, parts)
      : await driveUrl(scenario, apps, url, context, parts);
  return new MeasuredRunner({ ...driven, signal: context.signal, parts: parts.move() });
}

interface RunnerParts {
  driver: Driver;
  /** Null with `--url`. */
  watch: ProcessWatch | null;
  signal: AbortSignal;
  /** Everything that has to end with it. */
  parts: AsyncDisposableStack;
}

export class MeasuredRunner implements AsyncDisposable {
  readonly #parts: RunnerParts;
  readonly #totals = new RunTotals();

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Whole answers that were counted so far. Count. */
  get requests(): number {
    return this.#totals.requests;
  }

  /** Load that is not counted. */
  async warmUp(durationMs: number): Promise<void> {
    await this.#drive({ durationMs, warmUpMs: 0, requestsMax: null });
  }

  async count(piece: Piece): Promise<void> {
    const { counted, window } = await this.#drive(piece);
    this.#totals.add(counted, window);
  }

  /** All that was counted. */
  measured(): MeasuredRun {
    return this.#totals.measured(this.#parts.watch?.holdings() ?? null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.parts.disposeAsync();
  }

  #drive(piece: Piece) {
    const { driver, signal } = this.#parts;
    return uninterrupted(driver.drive(piece), signal);
  }
}

async function driveTarget(
  scenario: Scenario,
  side: Side,
  apps: readonly FixtureApp[],
  { options, fixtures, signal }: MeasureContext,
  parts: AsyncDisposableStack,
) {
  const { drive, name } = scenario;
  await fixtures.write(apps);
  const dataDir = await fixtures.dataDir();
  // The node removes it, unless it never came up or was killed.
  parts.defer(removeAtExit(dataDir));
  parts.defer(() => rm(dataDir, { recursive: true, force: true }));
  const target = await Target.start(side.checkout, {
    dataDir,
    fixtureDir: fixtures.dir,
    entry: builtEntry,
    apps,
    port: options.port,
    poolSize: options.poolSize,
    sparesMax: drive.kind === "shots" ? drive.sparesMax : 1,
    edges: options.edges,
    runtime: options.runtime,
    hooks: side.hooks,
    concurrency: concurrencyOf(scenario, options),
  });
  parts.use(target);
  const address: Address = {
    hostname: "127.0.0.1",
    port: target.port,
    hostOf: (app) => `${app}.localhost:${target.port}`,
    target: null,
  };
  const answer = await ask(scenario, apps, address, options);
  const mistake = scenario.mistakeIn(answer);
  if (mistake !== null) {
    // The log is evidence: without it the answer still says what is wrong.
    const isOwn = side.checkout === ownCheckout;
    const log = isOwn ? await target.log(apps[0]!.name).catch(() => []) : [];
    const evidence = log.length === 0 ? {} : { detail: { log } };
    throw new PlatformError("PERF_PROBE_FAILED", [name, mistake], evidence);
  }
  const { nodePids } = await target.facts();
  const watch = new ProcessWatch(() => sampleProcesses([target.pid, ...nodePids]));
  parts.use(watch);
  const read = async () => {
    const sample = watch.look();
    return { sample, facts: await target.facts() };
  };
  if (drive.kind === "load") {
    const plan = planOf(drive, scenario, apps, answer, address, options);
    const generator = options.mode === "http" ? parts.use(await LoadProcess.start()) : target;
    const driver = loadDriver(plan, (piece, how) => generator.run(piece, how), read);
    return { driver, watch };
  }
  const app = apps[0]!.name;
  const shot = {
    hostname: address.hostname,
    port: address.port,
    request: prepared({ app, ...scenario.probe }, address),
    connection: "fresh",
    clientTimeoutMs: options.clientTimeoutMs,
  } as const;
  const driver = shotDriver({
    plan: shot,
    generator: parts.use(await LoadProcess.start()),
    prepare: () => target.pull(drive.before, app),
    nowMs: () => performance.now(),
    read,
    signal,
  });
  return { driver, watch };
}

async function driveUrl(
  scenario: Scenario,
  apps: readonly FixtureApp[],
  url: URL,
  { options }: MeasureContext,
  parts: AsyncDisposableStack,
) {
  const address: Address = {
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: Number(url.port || 80),
    hostOf: () => url.host,
    target: url.pathname + url.search,
  };
  const answer = await ask(scenario, apps, address, options);
  if (answer.status < 200 || answer.status >= 400) {
    const why = `at ${url.host} answered ${answer.status}`;
    throw new PlatformError("PERF_PROBE_FAILED", [scenario.name, why]);
  }
  const { drive } = scenario;
  if (drive.kind !== "load") throw new Error("only load reaches an address");
  const plan = planOf(drive, scenario, apps, answer, address, options);
  const generator = parts.use(await LoadProcess.start());
  const driver = loadDriver(plan, (piece, how) => generator.run(piece, how), null);
  return { driver, watch: null };
}

function ask(
  { name, probe: request }: Scenario,
  apps: readonly FixtureApp[],
  address: Address,
  { clientTimeoutMs }: PerfOptions,
): Promise<ProbeAnswer> {
  return probe(name, { app: apps[0]!.name, ...request }, address, clientTimeoutMs);
}

function planOf(
  drive: Drive & { kind: "load" },
  scenario: Scenario,
  apps: readonly FixtureApp[],
  answer: ProbeAnswer,
  address: Address,
  options: PerfOptions,
): LoadPlan {
  const { durationMs, warmUpMs, clientTimeoutMs, ratePerS, seed, requestsMax } = options;
  return {
    hostname: address.hostname,
    port: address.port,
    requests: drive.requests({ apps, probe: answer }).map((request) => prepared(request, address)),
    transport: drive.transport,
    concurrency: concurrencyOf(scenario, options),
    maxRequests: requestsMax,
    ...{ durationMs, warmUpMs, clientTimeoutMs, ratePerS, seed },
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
