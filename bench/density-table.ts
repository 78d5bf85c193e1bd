/** What a run of `density.ts` has measured, as tables for people. */
import type { PhaseResult } from "./density-phase.ts";

const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);
const percent = (share: number) => `${(share * 100).toFixed(share < 0.1 ? 2 : 0)} %`;

const SWAP_WORDS = { none: "none: frozen", zram: "zram: paged", file: "swap file: paged" } as const;

type Row = [what: string, value: (result: PhaseResult) => string];

const ROWS: readonly Row[] = [
  ["memory per app awake, MiB", ({ awakeBytes }) => mib(awakeBytes)],
  ["memory per app asleep, MiB", ({ asleepBytes }) => mib(asleepBytes)],
  ["… of awake", (one) => percent(costShare(one))],
  ["… after the wakes, all asleep again, MiB", ({ againBytes }) => mib(againBytes)],
  ["the same by its parts, awake, MiB", ({ awakePartsBytes }) => mib(awakePartsBytes)],
  ["… asleep, MiB", ({ asleepPartsBytes }) => mib(asleepPartsBytes)],
  ["… of awake", (one) => percent(partsShare(one))],
  ["private per app awake, MiB", ({ awakePrivateBytes }) => mib(awakePrivateBytes)],
  ["private per app asleep, MiB", ({ asleepPrivateBytes }) => mib(asleepPrivateBytes)],
  ["… of awake", (one) => percent(privateShare(one))],
  ["swapped per app, MiB", ({ swappedBytes, apps }) => mib(swappedBytes / apps)],
  ["… taking so much memory, MiB", ({ swapMemoryBytes, apps }) => mib(swapMemoryBytes / apps)],
  ["CPU time to put one to sleep, ms", ({ sleepCpuMs }) => sleepCpuMs.toFixed(1)],
  ["first answer of a sleeper, p50 ms", ({ wakeMs }) => wakeMs.p50.toFixed(2)],
  ["… p95", ({ wakeMs }) => wakeMs.p95.toFixed(2)],
  ["… p99", ({ wakeMs }) => wakeMs.p99.toFixed(2)],
  ["… max", ({ wakeMs }) => wakeMs.max.toFixed(2)],
  ["… p50 without waits for a core", ({ runningWakeMs }) => runningWakeMs.p50.toFixed(2)],
  ["… p99 without waits for a core", ({ runningWakeMs }) => runningWakeMs.p99.toFixed(2)],
  ["the loaded apps meanwhile, p99 ms", ({ load }) => load.p99Ms.toFixed(2)],
  ["… answers, errors", ({ load }) => `${load.requests}, ${load.errors}`],
  ["node at rest, share of a core", ({ restCpuShare }) => percent(restCpuShare)],
  ["node, resident MiB", ({ nodeBytes }) => mib(nodeBytes)],
  ["node, descriptors", ({ nodeDescriptors }) => String(nodeDescriptors)],
  ["node ready after, ms", ({ readyMs }) => readyMs.toFixed(0)],
  ["cold start of one, several at once, ms", ({ startMs }) => startMs.toFixed(1)],
];

/** Stands below the table. */
export const DENSITY_NOTE =
  "*Without waits* is a lower bound: the waits of client, node and app are added up and taken off, also where two of them " +
  "waited at the same time and the answer was held up only once.";

/** A column for each kind of swap. */
export function densityTable(results: readonly PhaseResult[]): string {
  return tableOf([
    ["", ...results.map(({ swap }) => SWAP_WORDS[swap])],
    ...ROWS.map(([what, value]) => [what, ...results.map(value)]),
  ]);
}

interface Target {
  name: string;
  of: PhaseResult["swap"][];
  value(result: PhaseResult): number;
  most: number;
  text(value: number): string;
}

const ms = (value: number) => `${value.toFixed(2)} ms`;

const TARGETS: readonly Target[] = [
  {
    name: "node at rest ≤ 1 % of a core",
    of: ["none", "zram", "file"],
    value: (one) => one.restCpuShare,
    most: 0.01,
    text: percent,
  },
  {
    name: "private memory after paging ≤ 10 %",
    of: ["zram", "file"],
    value: privateShare,
    most: 0.1,
    text: percent,
  },
  {
    name: "memory of a paged app ≤ 35 % of awake",
    of: ["zram", "file"],
    value: costShare,
    most: 0.35,
    text: percent,
  },
  {
    name: "memory of a paged app ≤ 35 % of awake, by its parts",
    of: ["zram", "file"],
    value: partsShare,
    most: 0.35,
    text: percent,
  },
  {
    name: "wake from paged, p99 ≤ 10 ms",
    of: ["zram"],
    value: (one) => one.wakeMs.p99,
    most: 10,
    text: ms,
  },
  {
    name: "wake from paged, p99 ≤ 10 ms, without waits for a core",
    of: ["zram"],
    value: (one) => one.runningWakeMs.p99,
    most: 10,
    text: ms,
  },
  {
    name: "no failed answer under load",
    of: ["none", "zram", "file"],
    value: (one) => one.load.errors,
    most: 0,
    text: String,
  },
];

/** Which of the targets that were measured were met. */
export function densityTargets(results: readonly PhaseResult[]): {
  table: string;
  areMet: boolean;
} {
  let areMet = true;
  const rows = TARGETS.flatMap(({ name, of, value, most, text }) =>
    results
      .filter(({ swap }) => of.includes(swap))
      .map((result) => {
        const isMet = value(result) <= most;
        areMet &&= isMet;
        return [name, result.swap, text(value(result)), isMet ? "met" : "**missed**"];
      }),
  );
  return { table: tableOf([["target", "swap", "measured", ""], ...rows]), areMet };
}

function costShare({ asleepBytes, awakeBytes }: PhaseResult): number {
  return asleepBytes / awakeBytes;
}

function partsShare({ asleepPartsBytes, awakePartsBytes }: PhaseResult): number {
  return asleepPartsBytes / awakePartsBytes;
}

function privateShare({ asleepPrivateBytes, awakePrivateBytes }: PhaseResult): number {
  return asleepPrivateBytes / awakePrivateBytes;
}

function tableOf([head, ...rows]: string[][]): string {
  const lines = [head!, head!.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
