/**
 * Measures peers against each other: every sample is of fresh processes, all scenarios are gone through in each round, so
 * that a busy minute of the machine does not fall on one alone, and the order of the peers is turned round by round, so
 * that none always runs on a machine that another has just warmed or heated.
 */
import { join } from "node:path";
import type { Peer } from "./peers.ts";
import { cpuTimeMs } from "./processes.ts";
import type { RunningPeer } from "./running-peer.ts";
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
  scenario: string;
  peer: string;
  round: number;
  /** CPU time per request by role: `edge`, `app`, `wrk`. Microseconds. */
  cpuUs: Record<string, number>;
}

export interface Step {
  scenario: Scenario;
  peer: Peer;
  round: number;
}

/** What is measured in one round, in order. */
export function stepsOf(
  round: number,
  scenarios: readonly Scenario[],
  peers: readonly Peer[],
): Step[] {
  const taking = peers.filter(({ everyRounds }) => round % everyRounds === 0);
  return scenarios.flatMap((scenario) =>
    turned(taking, round)
      .filter(({ isEphemeral }) => isEphemeral || !scenario.isEphemeral)
      .map((peer) => ({ scenario, peer, round })),
  );
}

/** Forwards in even rounds, backwards in odd ones. */
export function turned<T>(items: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...items] : items.toReversed();
}

/** So many take wrk a while to open, which it counts as part of the time: they get a second more. Count. */
const manyConnections = 1000;

/** Starts the peer, asks it, and stops it. @throws when it does not start or cannot be asked. */
export async function sampleOf({ scenario, peer, round }: Step, effort: Effort): Promise<Sample> {
  const { app, isEphemeral } = scenario;
  await using running = await peer.start({
    module: join(import.meta.dir, "apps", app),
    isEphemeral,
  });
  const measured = await measure(running, scenario, {
    ...effort,
    seconds: effort.seconds + (scenario.connections >= manyConnections ? 1 : 0),
  });
  return { scenario: scenario.name, peer: peer.name, round, ...measured };
}

async function measure(
  { port, host, processes }: RunningPeer,
  { headers, bodyBytes, connections }: Scenario,
  { seconds, warmUpSeconds }: Effort,
): Promise<Omit<Sample, "scenario" | "peer" | "round">> {
  const url = `http://127.0.0.1:${port}/`;
  const run = { url, connections, bodyBytes, headers: [`Host: ${host}`, ...headers] };
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
