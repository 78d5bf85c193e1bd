/**
 * The memory of a node: what it may use, who uses it, and the governor that keeps it within that.
 *
 * Apps, the node's own processes and PostgreSQL share one budget. Builds take from the same, up to a share of it.
 */
import type { Clock } from "./base/clock.ts";
import { PlatformError } from "./base/errors.ts";
import type { NodeStatus } from "./control/api.ts";
import { BuildMemory } from "./deploy/build-memory.ts";
import { buildShareMax } from "./deploy/limits.ts";
import type { Lane } from "./lane.ts";
import { appsMemory } from "./pool/memory-facts.ts";
import { MemoryGovernor } from "./pool/memory-governor.ts";
import { type HostMemory, HostMemoryReader, reserveBytes } from "./sandbox/host-memory.ts";
import { processMemory, treeMemory } from "./sandbox/process-memory.ts";

/** What the node knows before it has anything to govern. */
export interface MemoryBudget {
  /** What the node and all it runs may use together. Bytes. */
  budgetBytes: number;
  /** What it leaves to the rest of the machine. Bytes. */
  reserveBytes: number;
  host: HostMemoryReader;
  builds: BuildMemory;
}

export type NodeMemoryFacts = NodeStatus["memory"];

export interface NodeMemory {
  facts(): NodeMemoryFacts;
  /** A process of the node's own has come: it is measured soon. */
  remeasure(): void;
  stop(): Promise<void>;
}

/**
 * @param wantedBytes what the operator wants the node to use; undefined = all but a reserve
 * @throws {PlatformError} `NODE_CONFIG_INVALID` when that is more than there is
 */
export function memoryBudget(
  wantedBytes: number | undefined,
  host = new HostMemoryReader(),
): MemoryBudget {
  const totalBytes = host.look()?.totalBytes ?? Number.POSITIVE_INFINITY;
  if (wantedBytes !== undefined && wantedBytes > totalBytes) {
    const what = `${inGibibytes(wantedBytes)} is more than the ${inGibibytes(totalBytes)} that this machine, or the cgroup of the node, has`;
    throw new PlatformError("NODE_CONFIG_INVALID", ["memory", what]);
  }
  const keptBytes = Number.isFinite(totalBytes) ? reserveBytes(totalBytes) : 0;
  const budgetBytes = wantedBytes ?? totalBytes - keptBytes;
  return {
    budgetBytes,
    // Who gives the node nearly everything wants it used.
    reserveBytes: Math.min(keptBytes, totalBytes - budgetBytes),
    host,
    builds: new BuildMemory(budgetBytes * buildShareMax),
  };
}

/** What processes of the node's own take, as they were measured last. Bytes. */
interface OwnMemory {
  nodeBytes: number;
  edgesBytes: number;
  relayBytes: number;
  brokerBytes: number;
  postgresBytes: number;
  sparesBytes: number;
}

/** Processes of the node's own that it may be without; null: there is none now. */
export interface OwnPids {
  postgres: number | null;
  relay: number | null;
  broker: number | null;
}

export interface NodeMemoryOptions extends MemoryBudget {
  lane: Lane;
  clock: Clock;
  pids(): OwnPids;
  note(line: string): void;
}

/** Governs from now on; `stop` ends it. */
export function governMemory(options: NodeMemoryOptions): NodeMemory {
  const { lane, clock, builds, budgetBytes, pids, note } = options;
  const { room } = lane.pools;
  let own: OwnMemory = {
    nodeBytes: 0,
    edgesBytes: 0,
    relayBytes: 0,
    brokerBytes: 0,
    postgresBytes: 0,
    sparesBytes: 0,
  };
  const governor = new MemoryGovernor({
    room,
    clock,
    budgetBytes,
    reserveBytes: options.reserveBytes,
    host: () => options.host.look(),
    measure: treeMemory,
    async others() {
      own = await ownMemory(lane, pids());
      return Object.values(own).reduce((sum: number, bytes: number) => sum + bytes, 0);
    },
    builds: () => builds.usedBytes,
    note,
  });
  lane.pools.attend(governor);
  return {
    facts: () => ({
      budgetBytes,
      usedBytes: room.usedBytes,
      level: governor.level,
      ...own,
      buildsBytes: builds.usedBytes,
      zramBytes: governor.zramBytes,
      ...appsMemory(room.shares),
      startsWaiting: room.waiting,
      reliefs: { ...governor.reliefs },
      machine: machineFacts(governor.host),
    }),
    remeasure: () => governor.remeasureOthers(),
    stop: () => governor.stop(),
  };
}

async function ownMemory(lane: Lane, { postgres, relay, broker }: OwnPids): Promise<OwnMemory> {
  const edges = lane.edges().map(({ pid }) => pid);
  return {
    nodeBytes: await sumOf([process.pid]),
    edgesBytes: await sumOf(edges.filter((pid) => pid !== process.pid)),
    relayBytes: await sumOf(relay === null ? [] : [relay]),
    brokerBytes: await sumOf(broker === null ? [] : [broker]),
    postgresBytes: postgres === null ? 0 : ((await treeMemory(postgres))?.ramBytes ?? 0),
    sparesBytes: await sumOf(lane.spares.pids),
  };
}

async function sumOf(pids: readonly number[]): Promise<number> {
  let bytes = 0;
  for (const pid of pids) bytes += (await processMemory(pid))?.ramBytes ?? 0;
  return bytes;
}

function machineFacts(host: HostMemory | null): NodeMemoryFacts["machine"] {
  if (host === null) return null;
  const { pressure, ...amounts } = host;
  return {
    ...amounts,
    pressureSome: pressure?.some ?? null,
    pressureFull: pressure?.full ?? null,
  };
}

function inGibibytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
