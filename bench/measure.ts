/**
 * Measures peers against each other. Every round starts every peer afresh; the order is turned round by round, so that
 * no peer always runs on a machine that another has just warmed or heated.
 */
import { missing, type Peer, type RunningPeer } from "./peers.ts";
import { cpuTimeMs } from "./processes.ts";
import type { Scenario } from "./scenarios.ts";
import { type WrkResult, wrk } from "./wrk.ts";

export interface Effort {
  rounds: number;
  /** Measured, per peer and round. Whole seconds. */
  seconds: number;
  /** Before it, not measured. Whole seconds; 0 = none. */
  warmUpSeconds: number;
}

export interface Sample extends WrkResult {
  peer: string;
  round: number;
  /** CPU time per request by role: `edge`, `app`, `wrk`. Microseconds. */
  cpuUs: Record<string, number>;
}

/** Runs one scenario; peers that are not installed are left out. `report` hears of each sample. */
export async function measure(
  scenario: Scenario,
  peers: readonly Peer[],
  module: string,
  effort: Effort,
  report: (sample: Sample) => void,
): Promise<Sample[]> {
  const present = peers.filter((peer) => missing(peer) === null);
  const samples: Sample[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    for (const peer of turned(present, round)) {
      await using running = await peer.start(module);
      const sample = { peer: peer.name, round, ...(await sampleOf(running, scenario, effort)) };
      samples.push(sample);
      report(sample);
    }
  }
  return samples;
}

/** Forwards in even rounds, backwards in odd ones. */
export function turned<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : items.toReversed();
}

async function sampleOf(
  { port, host, processes }: RunningPeer,
  { path, headers, connections }: Scenario,
  { seconds, warmUpSeconds }: Effort,
): Promise<Omit<Sample, "peer" | "round">> {
  const url = `http://127.0.0.1:${port}${path}`;
  const run = { url, connections, headers: [`Host: ${host}`, ...headers] };
  if (warmUpSeconds > 0) await wrk({ ...run, seconds: warmUpSeconds });

  const roles = Object.entries(processes);
  const before = roles.map(([, pid]) => cpuTimeMs(pid));
  const result = await wrk({ ...run, seconds });
  const spentUs = roles.map(([, pid], index) => (cpuTimeMs(pid) - before[index]!) * 1000);

  const requests = Math.max(result.requests, 1);
  const cpuUs = Object.fromEntries(
    roles.map(([role], index) => [role, spentUs[index]! / requests]),
  );
  return { ...result, cpuUs: { ...cpuUs, wrk: (result.cpuMs * 1000) / requests } };
}
