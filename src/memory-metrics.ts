/** The families of `GET /metrics` about the node's memory: its budget, who uses it, and what was done to make room. */
import type { MetricsSource } from "./metrics.ts";
import { labelSet, type MetricFamily } from "./telemetry/exposition.ts";

type Memory = MetricsSource["status"]["memory"];

const LEVELS: readonly Memory["level"][] = ["calm", "short", "over"];

/** RAM by who uses it; together what is used of the budget. */
const PARTS: Readonly<Record<string, (memory: Memory) => number>> = {
  node: ({ nodeBytes }) => nodeBytes,
  edges: ({ edgesBytes }) => edgesBytes,
  relay: ({ relayBytes }) => relayBytes,
  broker: ({ brokerBytes }) => brokerBytes,
  postgres: ({ postgresBytes }) => postgresBytes,
  spares: ({ sparesBytes }) => sparesBytes,
  builds: ({ buildsBytes }) => buildsBytes,
  warm: ({ warmBytes }) => warmBytes,
  frozen: ({ frozenBytes }) => frozenBytes,
  paged: ({ pagedBytes }) => pagedBytes,
  zram: ({ zramBytes }) => zramBytes,
};

function single(
  name: string,
  help: string,
  read: (memory: Memory) => number | null,
): MetricFamily<MetricsSource> {
  return {
    name,
    type: "gauge",
    help,
    labels: [],
    *samples({ status }) {
      const value = read(status.memory);
      if (value !== null) yield { labels: "", value };
    },
  };
}

export const memoryFamilies: readonly MetricFamily<MetricsSource>[] = [
  single(
    "levain_memory_budget_bytes",
    "What the node and all it runs may use together.",
    ({ budgetBytes }) => budgetBytes,
  ),
  {
    name: "levain_memory_used_bytes",
    type: "gauge",
    help: "What is used of it in RAM, by whom; apps by what their processes do.",
    labels: ["part"],
    *samples({ status }) {
      for (const [part, read] of Object.entries(PARTS)) {
        yield { labels: labelSet({ part }), value: read(status.memory) };
      }
    },
  },
  single(
    "levain_memory_level",
    "0 while memory is calm, 1 while it is short and room is made, 2 while it is over.",
    ({ level }) => LEVELS.indexOf(level),
  ),
  single(
    "levain_memory_awaited",
    "Starts that wait for memory.",
    ({ startsWaiting }) => startsWaiting,
  ),
  {
    name: "levain_reliefs_total",
    type: "counter",
    help: "What was done to idle instances to make room.",
    labels: ["kind"],
    *samples({ status }) {
      for (const [kind, value] of Object.entries(status.memory.reliefs)) {
        yield { labels: labelSet({ kind }), value };
      }
    },
  },
  single(
    "levain_machine_memory_available_bytes",
    "What the machine, or the node's cgroup, could still give without swapping.",
    ({ machine }) => machine?.availableBytes ?? null,
  ),
  single(
    "levain_machine_swap_free_bytes",
    "Room in swap.",
    ({ machine }) => machine?.swapFreeBytes ?? null,
  ),
  single(
    "levain_machine_memory_pressure",
    "Part of the last ten seconds in which some work waited for memory; absent when the kernel does not say.",
    ({ machine }) => machine?.pressureSome ?? null,
  ),
];
