/** `levain bench broker`: a broker, a load generator, and what came of them as a report. */

import { listenerOf } from "./broker-listener.ts";
import { loadBroker } from "./broker-load.ts";
import { processMemory } from "./broker-memory.ts";
import type { BrokerBenchOptions } from "./broker-options.ts";
import type { BrokerAnswers, BrokerLoadResult, BrokerMemory } from "./broker-plan.ts";
import type { BrokerReport } from "./broker-report.ts";
import { Histogram } from "./load/histogram.ts";
import { machineFacts } from "./machine.ts";
import { startOwnBroker } from "./own-broker.ts";

export interface BrokerBenchDeps {
  /** Of Levain. */
  version: string;
  /** Starts Levain: `["bun", "src/main.ts"]`. */
  selfCommand: readonly string[];
  progress(line: string): void;
  signal: AbortSignal;
}

/** @throws {PlatformError} `PERF_TARGET_FAILED`, `LOAD_GENERATOR_FAILED`; nothing is left running. */
export async function runBrokerBench(
  options: BrokerBenchOptions,
  { version, selfCommand, progress, signal }: BrokerBenchDeps,
): Promise<BrokerReport> {
  const machine = machineFacts();
  await using own = options.url === null ? await startOwn(options, selfCommand) : null;
  const url = own?.url ?? options.url!;
  const serverPid = own?.pid ?? listenerOf(new URL(url));
  const before = serverPid === null ? null : processMemory(serverPid);
  const { directWithinMs, ...plan } = options;
  const { controllers, dispatchers, durationMs } = plan;
  progress(`${url}: ${controllers} controllers, ${dispatchers} dispatchers, ${durationMs} ms`);
  const result = await loadBroker(
    { ...plan, url, dispatchUrl: own?.dispatchUrl ?? options.dispatchUrl, serverPid },
    signal,
  );
  const { hits, misses, missesUnasked, redirects, lost, doubled, errors } = result;
  return {
    format: 1,
    version,
    bun: Bun.version,
    machine,
    options: reportedOptions(options),
    hits: answersOf(hits, result.durationMs),
    misses: answersOf(misses, result.durationMs),
    ...{ missesUnasked, redirects, lost, doubled, errors },
    cpuUsPerDispatch: cpuOf(result),
    memoryBytes: memoryOf(before, result.serverMemory, controllers),
  };
}

/** Without a line of log for each dispatch, which would measure the log. */
function startOwn({ directWithinMs }: BrokerBenchOptions, selfCommand: readonly string[]) {
  return startOwnBroker([
    ...[...selfCommand, "broker", "--json", "--host", "127.0.0.1", "--port", "0"],
    ...["--log-level", "warn", "--direct-within-ms", String(directWithinMs)],
  ]);
}

function reportedOptions(options: BrokerBenchOptions): BrokerReport["options"] {
  const { dispatchUrl: _dispatchUrl, dispatchToken: _dispatchToken, ...shown } = options;
  return { ...shown, directWithinMs: options.url === null ? options.directWithinMs : null };
}

function answersOf({ count, histogram }: BrokerAnswers, durationMs: number): BrokerReport["hits"] {
  const all = new Histogram();
  all.add(histogram);
  return { count, ratePerS: (count / durationMs) * 1000, latencyMs: all.summary() };
}

function cpuOf({ hits, misses, serverCpuUs, clientCpuUs }: BrokerLoadResult) {
  const dispatches = Math.max(1, hits.count + misses.count);
  return {
    broker: serverCpuUs === null ? null : serverCpuUs / dispatches,
    client: clientCpuUs / dispatches,
  };
}

function memoryOf(
  before: BrokerMemory | null,
  after: BrokerMemory | null,
  controllers: number,
): BrokerReport["memoryBytes"] {
  if (before === null || after === null) return null;
  const grownBytes = Math.max(0, after.residentBytes - before.residentBytes);
  return {
    resident: after.residentBytes,
    share: after.shareBytes,
    perController: controllers === 0 ? 0 : grownBytes / controllers,
  };
}
