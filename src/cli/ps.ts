/** `levain ps`: the process of each version on this node. Looking never wakes an app. */
import { versionName } from "../base/version-spec.ts";
import type { InstanceInfo, OutputOf } from "../control/api.ts";
import { printableLine } from "./printable.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes, showCount } from "./units.ts";
import type { Call, Verb } from "./verb.ts";

export const ps: Verb = {
  name: "ps",
  group: "Observe",
  asksNode: true,
  summary: "List processes: state, memory, requests, age",
  description:
    "One line per version that this node has had to do with since it started, and one for each of " +
    "its processes where it has several. Looking never wakes an app. States: stopped (no process), " +
    "starting, warm, frozen (kept in memory, no CPU), paged (frozen, its memory in swap), failed (backs " +
    "off before it tries again; the line below says why); of one process also retired (finishes its " +
    "requests) and going (is asked to end). A line below names what keeps an app awake beside its " +
    "requests (waitUntil, keepAwake). static has no process: the node answers with its files. MEMORY is what is in RAM, with the app's part of what processes " +
    "share, as measured in the last seconds; SWAP is what was moved out. The last lines say how many " +
    "of the node's instances run, how many requests found one, warm or frozen, and how much of the " +
    "node's memory is used.",
  examples: [
    ["levain ps", "every version's process"],
    ["levain ps --json", "the same for a program, with every counter of each version"],
  ],
  async run(call) {
    const data = await call.client.call("ps");
    const failed = data.instances.find(({ state }) => state === "failed");
    return {
      data,
      next: [call.command(failed === undefined ? "levain apps" : `levain logs ${failed.app}`)],
      text: () => renderInstances(data, call),
    };
  },
};

function renderInstances(found: OutputOf<"ps">, call: Call): string {
  const { instances: list } = found;
  if (list.length === 0) return "No app has been asked for since the node started.";
  const { paint } = call;
  const colors: Partial<Record<Row["state"], (text: string) => string>> = {
    warm: paint.green,
    frozen: paint.cyan,
    paged: paint.cyan,
    starting: paint.yellow,
    failed: paint.red,
  };
  const swap: Column<Row> = {
    title: "SWAP",
    cell: ({ swapBytes }) => showBytes(swapBytes),
    align: "right",
  };
  const columns: Column<Row>[] = [
    { title: "APP", cell: (row) => row.app, cutTo: 16, paint: paint.bold },
    { title: "VERSION", cell: (row) => row.version },
    {
      title: "STATE",
      cell: (row) => row.state,
      paint: (text, row) => colors[row.state]?.(text) ?? text,
    },
    { title: "PID", cell: (row) => row.pid, align: "right" },
    { title: "MEMORY", cell: (row) => showBytes(row.memoryBytes), align: "right" },
    ...(list.some(({ swapBytes }) => swapBytes > 0) ? [swap] : []),
    { title: "REQUESTS", cell: (row) => row.requests, align: "right" },
    { title: "AGE", cell: (row) => showAge(row.ageMs), align: "right" },
    { title: "IDLE", cell: (row) => showAge(row.idleMs), align: "right" },
  ];
  const size = { columns: call.io.stdout.columns, paintTitle: paint.dim };
  const causes = list.flatMap(({ app, version, cause }) =>
    cause === null
      ? []
      : [`${paint.red("✘")} ${app} ${versionName(version)}: ${printableLine(cause)}`],
  );
  const holders = list.flatMap(holderLines).map((line) => `${paint.yellow("●")} ${line}`);
  const totals = paint.dim(showTotals(found));
  return [renderTable(list.flatMap(rowsOf), columns, size), ...causes, ...holders, totals].join(
    "\n",
  );
}

/** Holders of a process that are named, and characters of a name; `--json` has more. Count. */
const holdersNamedMax = 4;
const nameCharactersMax = 24;

/** `shop v7 is kept awake by waitUntil "receipt" 12s`, for each holder. */
function holderLines({ app, version, processes }: InstanceInfo): string[] {
  return processes.flatMap(({ pid, holders, holdersOpen }) => {
    const which = `${app} ${versionName(version)}${processes.length > 1 ? ` (${pid})` : ""}`;
    const lines = holders.slice(0, holdersNamedMax).map(({ kind, name, ageMs, isSpent }) => {
      const cut =
        name.length > nameCharactersMax ? `${name.slice(0, nameCharactersMax - 1)}…` : name;
      const label = cut === "" ? kind : `${kind} "${printableLine(cut)}"`;
      return `${which} is ${isSpent ? "no longer " : ""}kept awake by ${label} ${showAge(ageMs)}`;
    });
    const more = holdersOpen - lines.length;
    if (more > 0) lines.push(`${which} has ${more} more of these`);
    return lines;
  });
}

/** `3 of 100 instances; 98.2% hits; 4 starts, 0 failures, 1 eviction, 2 refused`, and how much memory is used */
function showTotals({ instances: list, instancesMax, memory }: OutputOf<"ps">): string {
  const sum = (count: (row: InstanceInfo) => number) =>
    list.reduce((total, row) => total + count(row), 0);
  const running = sum(({ processes }) => processes.length);
  const hits = sum((row) => row.hits);
  const asked = hits + sum(({ misses }) => misses);
  const rate = asked === 0 ? "no requests" : `${((100 * hits) / asked).toFixed(1)}% hits`;
  const starts = sum((row) => row.starts);
  const failures = sum((row) => row.failures);
  const evictions = sum((row) => row.evictions);
  const refused = sum(({ refusals }) => Object.values(refusals).reduce((all, one) => all + one, 0));
  const counts = [
    showCount(starts, "start"),
    showCount(failures, "failure"),
    showCount(evictions, "eviction"),
    `${refused} refused`,
  ];
  const used = `${showBytes(memory.usedBytes)} of ${showBytes(memory.budgetBytes)} of memory used`;
  const level = memory.level === "calm" ? "" : ` (${memory.level})`;
  return `${running} of ${instancesMax} instances; ${rate}; ${counts.join(", ")}\n${used}${level}`;
}

/** A version, or one of several processes of the version above it. */
interface Row {
  app: string;
  version: string;
  state: InstanceInfo["state"] | InstanceInfo["processes"][number]["state"];
  pid: string;
  memoryBytes: number | null;
  swapBytes: number;
  requests: string;
  ageMs: number | null;
  idleMs: number | null;
}

function rowsOf(info: InstanceInfo): Row[] {
  const { processes } = info;
  const isOne = processes.length < 2;
  const version: Row = {
    ...info,
    version: versionName(info.version),
    pid: isOne ? String(info.pid ?? "-") : `${processes.length} ×`,
    requests: showRequests(info),
  };
  if (isOne) return [version];
  const each = processes.map((process, index) => ({
    ...process,
    app: "",
    version: index === processes.length - 1 ? "└" : "├",
    pid: String(process.pid),
    requests: process.requestsInFlight === 0 ? "" : `(${process.requestsInFlight} now)`,
  }));
  return [version, ...each];
}

/** `412`, or `412 (3 now)` while some run. */
function showRequests({ requests, requestsInFlight }: InstanceInfo): string {
  return requestsInFlight === 0 ? String(requests) : `${requests} (${requestsInFlight} now)`;
}
