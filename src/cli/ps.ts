/** `levain ps`: the process of each version on this node. Looking never wakes an app. */
import { versionName } from "../base/version-spec.ts";
import type { InstanceInfo } from "../control/api.ts";
import { printableLine } from "./printable.ts";
import { type Column, renderTable } from "./table.ts";
import { showAge, showBytes } from "./units.ts";
import type { Call, Verb } from "./verb.ts";

export const ps: Verb = {
  name: "ps",
  group: "Observe",
  summary: "List processes: state, memory, requests, age",
  description:
    "One line per version that this node has had to do with since it started. Looking never wakes " +
    "an app. States: stopped (no process), starting, warm, frozen (kept in memory, no CPU), failed " +
    "(backs off before it tries again; the line below says why).",
  examples: [
    ["levain ps", "every version's process"],
    ["levain ps --json", "the same for a program, with pids, starts and failures"],
  ],
  async run(call) {
    const data = await call.client.call("ps");
    const failed = data.instances.find(({ state }) => state === "failed");
    return {
      data,
      next: [call.command(failed === undefined ? "levain apps" : `levain logs ${failed.app}`)],
      text: () => renderInstances(data.instances, call),
    };
  },
};

function renderInstances(list: readonly InstanceInfo[], call: Call): string {
  if (list.length === 0) return "No app has been asked for since the node started.";
  const { paint } = call;
  const colors: Partial<Record<InstanceInfo["state"], (text: string) => string>> = {
    warm: paint.green,
    frozen: paint.cyan,
    starting: paint.yellow,
    failed: paint.red,
  };
  const columns: Column<InstanceInfo>[] = [
    { title: "APP", cell: (row) => row.app, cutTo: 16, paint: paint.bold },
    { title: "VERSION", cell: (row) => versionName(row.version) },
    {
      title: "STATE",
      cell: (row) => row.state,
      paint: (text, row) => colors[row.state]?.(text) ?? text,
    },
    { title: "PID", cell: (row) => (row.pid === null ? "-" : String(row.pid)), align: "right" },
    { title: "MEMORY", cell: (row) => showBytes(row.memoryBytes), align: "right" },
    { title: "REQUESTS", cell: showRequests, align: "right" },
    { title: "AGE", cell: (row) => showAge(row.ageMs), align: "right" },
    { title: "IDLE", cell: (row) => showAge(row.idleMs), align: "right" },
  ];
  const size = { columns: call.io.stdout.columns, paintTitle: paint.dim };
  const causes = list.flatMap(({ app, version, cause }) =>
    cause === null
      ? []
      : [`${paint.red("✘")} ${app} ${versionName(version)}: ${printableLine(cause)}`],
  );
  return [renderTable(list, columns, size), ...causes].join("\n");
}

/** `412`, or `412 (3 now)` while some run. */
function showRequests({ requests, requestsInFlight }: InstanceInfo): string {
  return requestsInFlight === 0 ? String(requests) : `${requests} (${requestsInFlight} now)`;
}
