/** Brokers measured in turns: fresh processes for every sample, the order turned each round, ratios within a round. */
import { loadBroker } from "../src/perf/broker-load.ts";
import type { BrokerLoadResult } from "../src/perf/broker-plan.ts";
import { Histogram } from "../src/perf/load/histogram.ts";
import type { BrokerPeer } from "./broker-peers.ts";
import { turned } from "./measure.ts";
import { median, type RoundValue, ratiosOf, spread } from "./ratios.ts";

export interface BrokerEffort {
  rounds: number;
  warmUpMs: number;
  durationMs: number;
  controllers: number;
  dispatchers: number;
  payloadBytes: number;
}

/** The load that figures are given for. */
export const brokerEffort: BrokerEffort = {
  rounds: 5,
  warmUpMs: 5000,
  durationMs: 4000,
  controllers: 500,
  dispatchers: 50,
  payloadBytes: 2048,
};

/** That it runs. */
export const tinyBrokerEffort: BrokerEffort = {
  rounds: 1,
  warmUpMs: 50,
  durationMs: 200,
  controllers: 40,
  dispatchers: 4,
  payloadBytes: 2048,
};

export interface BrokerSample {
  peer: string;
  round: number;
  hitsPerS: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
  /** Of the broker, per hit. Microseconds. */
  cpuUs: number;
  clientCpuUs: number;
  residentBytes: number;
  redirectsPerHit: number;
  /** Messages lost or doubled, requests that failed, misses of keys that were polled for. Count. */
  problems: number;
}

/** @param keys those of `rounds` are gone through in order; a peer that is missing is left out */
export async function brokerRounds(
  peers: readonly BrokerPeer[],
  effort: BrokerEffort,
): Promise<BrokerSample[]> {
  const samples: BrokerSample[] = [];
  for (let round = 0; round < effort.rounds; round += 1) {
    for (const peer of turned(peers, round)) {
      if (peer.missing !== null) continue;
      samples.push(await sampleOf(peer, round, effort));
    }
  }
  return samples;
}

async function sampleOf(
  peer: BrokerPeer,
  round: number,
  { rounds: _rounds, ...effort }: BrokerEffort,
): Promise<BrokerSample> {
  await using broker = await peer.start();
  const { url, dispatchUrl, pid } = broker;
  const result = await loadBroker({
    ...effort,
    url,
    dispatchUrl,
    serverPid: pid,
    dispatchToken: null,
    keys: 20,
    hitRatio: 1,
    seed: round,
  });
  const { hits, misses, redirects, durationMs, serverCpuUs, clientCpuUs, serverMemory } = result;
  const latencies = new Histogram();
  latencies.add(hits.histogram);
  const dispatches = Math.max(hits.count + misses.count, 1);
  return {
    peer: peer.name,
    round,
    hitsPerS: (hits.count / durationMs) * 1000,
    p50Ms: latencies.percentileMs(50),
    p95Ms: latencies.percentileMs(95),
    p99Ms: latencies.percentileMs(99),
    maxMs: latencies.percentileMs(100),
    cpuUs: (serverCpuUs ?? Number.NaN) / dispatches,
    clientCpuUs: clientCpuUs / dispatches,
    residentBytes: serverMemory?.residentBytes ?? Number.NaN,
    redirectsPerHit: redirects / Math.max(hits.count, 1),
    problems: problemsIn(result),
  };
}

function problemsIn({ lost, doubled, missesUnasked, errors }: BrokerLoadResult): number {
  const { refused, reset, timeout, status, ended, dropped } = errors;
  const byStatus = [...Object.values(status), ...Object.values(ended)];
  const answers = byStatus.reduce((sum, count) => sum + count, 0);
  return lost + doubled + missesUnasked + refused + reset + timeout + dropped + answers;
}

type Figure = Exclude<keyof BrokerSample, "peer" | "round">;

export function valuesOf(
  samples: readonly BrokerSample[],
  peer: string,
  figure: Figure,
): RoundValue[] {
  return samples
    .filter((sample) => sample.peer === peer)
    .map(({ round, [figure]: value }) => ({ round, value }));
}

/** Ratios of two peers, each within a round. */
export function brokerRatios(
  samples: readonly BrokerSample[],
  figure: Figure,
  of: string,
  to: string,
): number[] {
  return ratiosOf(valuesOf(samples, of, figure), valuesOf(samples, to, figure));
}

/** A row per peer that was measured: medians, with ranges where they matter, and ratios to two of them. */
export function brokerTable(
  samples: readonly BrokerSample[],
  references: { hitsPerS: string; cpuUs: string },
): string {
  const head = [
    "broker",
    "hits/s, median (range)",
    `× ${references.hitsPerS}`,
    "CPU µs per hit",
    `× ${references.cpuUs}`,
    "p50 ms",
    "p95",
    "p99",
    "max",
    "redirects per hit",
    "resident MiB",
    "client's CPU µs",
    "problems",
  ];
  const names = [...new Set(samples.toSorted((a, b) => a.round - b.round).map(({ peer }) => peer))];
  const rows = names.map((name) => {
    const figures = (figure: Figure) => valuesOf(samples, name, figure).map(({ value }) => value);
    const middle = (figure: Figure, digits: number) => median(figures(figure)).toFixed(digits);
    return [
      name,
      spread(figures("hitsPerS"), 0),
      spread(brokerRatios(samples, "hitsPerS", name, references.hitsPerS), 2),
      spread(figures("cpuUs"), 1),
      spread(brokerRatios(samples, "cpuUs", name, references.cpuUs), 2),
      middle("p50Ms", 2),
      middle("p95Ms", 2),
      middle("p99Ms", 2),
      Math.max(...figures("maxMs")).toFixed(0),
      middle("redirectsPerHit", 2),
      (median(figures("residentBytes")) / 2 ** 20).toFixed(0),
      middle("clientCpuUs", 1),
      String(figures("problems").reduce((sum, count) => sum + count, 0)),
    ];
  });
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}
