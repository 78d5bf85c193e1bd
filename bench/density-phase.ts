/** One life of a node with many apps: all woken, all asleep, some woken under load; and what each of these costs. */
import { LoadProcess } from "../src/perf/load/load-process.ts";
import type { PreparedRequest } from "../src/perf/load/plan.ts";
import { descriptorCount, residentMemoryBytes } from "../src/sandbox/process-facts.ts";
import type { DensityNode } from "./density-node.ts";
import { steadyAvailableBytes } from "./machine-memory.ts";
import { waitedMs } from "./processes.ts";
import { percentile } from "./ratios.ts";
import type { Swap } from "./swap.ts";

export interface PhaseOptions {
  /** What the apps are meant to end up as. */
  asleep: "frozen" | "paged";
  /** Sleeping apps that are asked, one after the other. Count. */
  wakes: number;
  /** How long the node's CPU time is counted when all sleep. Milliseconds. */
  restMs: number;
  /** Before it: what has just happened is cleaned up. Milliseconds. */
  settleMs: number;
  random: () => number;
}

export interface PhaseResult {
  swap: Swap["kind"];
  apps: number;
  /** From the node's start until it was ready, with the versions of all apps on disk. Milliseconds. */
  readyMs: number;
  /** For the first answer of each, several at once. Milliseconds per app. */
  startMs: number;
  /** What the machine has less than with the node alone. Bytes per app. */
  awakeBytes: number;
  asleepBytes: number;
  /** After `wakes` of them were asked and all sleep again. Bytes per app. */
  againBytes: number;
  /** The same as a sum of parts: shares of pages (PSS), page tables, and what swap takes in memory. Bytes per app. */
  awakePartsBytes: number;
  asleepPartsBytes: number;
  /** Private memory in RAM: the mean of all apps. Bytes. */
  awakePrivateBytes: number;
  asleepPrivateBytes: number;
  /** Of all apps together: what was written to swap, and what it takes in memory there. Bytes. */
  swappedBytes: number;
  swapMemoryBytes: number;
  /** Of the node when all sleep. Share of one core. */
  restCpuShare: number;
  /** CPU time of the node and what it has started to bring one app from awake to asleep. Milliseconds per app. */
  sleepCpuMs: number;
  nodeBytes: number;
  nodeDescriptors: number;
  /** Whole answers of sleeping apps while others are under load. Milliseconds. */
  wakeMs: WakeTimes;
  /** The same less the time in which client, node and app stood in the run queue of a core. Milliseconds. */
  runningWakeMs: WakeTimes;
  /** Answers of the apps under load meanwhile. */
  load: { requests: number; p50Ms: number; p99Ms: number; errors: number };
}

export interface WakeTimes {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** Apps under load while others are woken. Count. */
const loadedMax = 4;
/** What they are asked together, paced. Per second: some 5 % of a core. */
const loadPerS = 400;
/** Between two wakes. Milliseconds. */
const wakePauseMs = 20;
/** Memory of processes that have ended is free by then. Milliseconds. */
const giveBackMs = 2000;
/** How long all apps may take to fall asleep; paging works through them one by one. Milliseconds per app, and at least. */
const asleepMs = { perApp: 2000, least: 60_000 };
/** Bound of one request. Milliseconds. */
const answerTimeoutMs = 10_000;

export async function phase(
  node: DensityNode,
  swap: Swap,
  options: PhaseOptions,
): Promise<PhaseResult> {
  const apps = node.names.length;
  const asleepTimeoutMs = Math.max(asleepMs.least, apps * asleepMs.perApp);
  const perApp = async (base: number) => (base - (await steadyAvailableBytes())) / apps;
  const readyMs = await node.restart();
  // What the node before it had is given back first.
  await Bun.sleep(Math.min(giveBackMs, options.settleMs));
  const base = await steadyAvailableBytes();

  const startedAtMs = performance.now();
  await node.hold();
  const startMs = (performance.now() - startedAtMs) / apps;
  const awakeBytes = await perApp(base);
  const awakePrivateBytes = await node.privateBytes();
  const awakePartsBytes = await node.partsBytes();
  const cpuMs = node.treeCpuMs();
  node.release();
  await node.reached(options.asleep, asleepTimeoutMs);
  const sleepCpuMs = (node.treeCpuMs() - cpuMs) / apps;
  const asleepBytes = await perApp(base);
  const asleepPrivateBytes = await node.privateBytes();
  const swappedBytes = swap.usedBytes();
  const swapMemoryBytes = swap.memoryBytes();
  const asleepPartsBytes = (await node.partsBytes()) + swapMemoryBytes / apps;
  await Bun.sleep(options.settleMs);
  const restCpuShare = await restShare(node, options.restMs);
  const nodeBytes = residentMemoryBytes(node.pid) ?? 0;
  const nodeDescriptors = descriptorCount(node.pid) ?? 0;

  const { wakeMs, runningWakeMs, load } = await wakes(node, options);
  await node.reached(options.asleep, asleepTimeoutMs);
  const againBytes = await perApp(base);
  return {
    swap: swap.kind,
    apps,
    readyMs,
    startMs,
    awakeBytes,
    asleepBytes,
    againBytes,
    awakePartsBytes,
    asleepPartsBytes,
    awakePrivateBytes,
    asleepPrivateBytes,
    swappedBytes,
    swapMemoryBytes,
    restCpuShare,
    sleepCpuMs,
    nodeBytes,
    nodeDescriptors,
    wakeMs,
    runningWakeMs,
    load,
  };
}

async function restShare(node: DensityNode, restMs: number): Promise<number> {
  const startedAtMs = performance.now();
  const cpuMs = node.cpuMs();
  await Bun.sleep(restMs);
  return (node.cpuMs() - cpuMs) / (performance.now() - startedAtMs);
}

/** Asks sleeping apps in random order, each once, while a few others are under load. */
async function wakes(node: DensityNode, { wakes: count, random }: PhaseOptions) {
  const loaded = node.names.slice(0, Math.min(loadedMax, Math.ceil(node.names.length / 4)));
  const sleepers = shuffled(node.names.slice(loaded.length), random).slice(0, count);
  await using generator = await LoadProcess.start();
  await using shooter = await LoadProcess.start();
  const at = { hostname: "127.0.0.1", port: node.port, clientTimeoutMs: answerTimeoutMs };
  const durationMs = sleepers.length * (wakePauseMs + 15) + 500;
  const run = generator.run({
    ...at,
    requests: loaded.map((app) => request(node.host(app))),
    transport: "http",
    concurrency: 4 * loaded.length,
    ratePerS: loadPerS,
    durationMs,
    warmUpMs: 500,
    seed: Math.floor(random() * 2 ** 32),
  });
  // The apps under load are awake before the first of the others is asked.
  await Bun.sleep(600);
  const pidOf = new Map((await node.rows()).map(({ app, pid }) => [app, pid ?? 0]));
  const tookMs: number[] = [];
  const runningMs: number[] = [];
  for (const app of sleepers) {
    await Bun.sleep(wakePauseMs);
    const pids = [shooter.pid, node.pid, pidOf.get(app)!];
    const before = pids.map(waitedMs);
    const shot = await shooter.shoot({
      ...at,
      request: request(node.host(app)),
      connection: "kept",
    });
    if (shot.status !== 200) throw new Error(`${app} answered ${shot.status ?? shot.error}`);
    tookMs.push(shot.latencyMs);
    const waited = pids.reduce((sum, pid, at) => sum + waitedMs(pid) - before[at]!, 0);
    // What they wait for while another of the three runs is not lost.
    runningMs.push(Math.max(0, shot.latencyMs - waited));
  }
  const { requests, latency, errors } = await run;
  const broken = errors.timeout + errors.reset + errors.refused + errors.protocol;
  const bad = Object.values(errors.status).reduce((sum, one) => sum + one, broken);
  return {
    wakeMs: timesOf(tookMs),
    runningWakeMs: timesOf(runningMs),
    load: { requests, p50Ms: latency.p50, p99Ms: latency.p99, errors: bad },
  };
}

function timesOf(tookMs: readonly number[]): WakeTimes {
  const at = (share: number) => percentile(tookMs, share);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

function request(host: string): PreparedRequest {
  return { method: "GET", target: "/", host, headerLines: [], body: null };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const left = [...items];
  const taken: T[] = [];
  while (left.length > 0) taken.push(...left.splice(Math.floor(random() * left.length), 1));
  return taken;
}
