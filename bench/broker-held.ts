/** What a broker holds, as it says itself, and waiting for it. */
import type { BrokerStatus } from "../src/broker/status-api.ts";
import { processMemory } from "../src/perf/broker-memory.ts";
import type { RunningBroker } from "./broker-peers.ts";

export interface Held {
  /** Polls that wait. */
  parked: number;
  /** Beside those: connections and dispatches, or promises that were never settled. */
  pending: number;
}

/** Between two looks. Milliseconds. */
const lookMs = 20;

/** Asks Levain's `/status`, or `/facts` of a peer. @throws when it says neither */
export async function heldBy({ dispatchUrl }: RunningBroker): Promise<Held> {
  // A connection of its own, which is the one that is not counted.
  const headers = { connection: "close" };
  const status = await fetch(`${dispatchUrl}/status`, { headers });
  if (status.ok) {
    const { waiters, dispatches, server } = (await status.json()) as BrokerStatus;
    const pending = dispatches.pending + Math.max(0, server.connections - 1 - waiters.parked);
    return { parked: waiters.parked, pending };
  }
  const facts = await fetch(`${dispatchUrl}/facts`, { headers });
  const { parked, pendingRequests } = (await facts.json()) as Record<string, number>;
  return { parked: parked!, pending: pendingRequests! - parked! };
}

/** Looks until it is so, or the time is over. @returns what there was at the last look, and how long it took */
export async function untilHeld(
  broker: RunningBroker,
  isSo: (held: Held) => boolean,
  timeoutMs: number,
): Promise<Held & { isSo: boolean; tookMs: number }> {
  const startMs = performance.now();
  for (;;) {
    const held = await heldBy(broker);
    const tookMs = performance.now() - startMs;
    if (isSo(held) || tookMs > timeoutMs) return { ...held, isSo: isSo(held), tookMs };
    await Bun.sleep(lookMs);
  }
}

/** Resident memory of the broker. Bytes; NaN when it is gone. */
export function residentBytesOf({ pid }: RunningBroker): number {
  return processMemory(pid)?.residentBytes ?? Number.NaN;
}
