/** What one process was really given, as rows for `levain inspect`. Pure. */
import type { Inspection } from "../control/api.ts";
import type { Group } from "./inspection-text.ts";
import { showAge, showBytes } from "./units.ts";

type Process = Inspection["processes"][number];

export function processGroup({ id, pid, state, ...process }: Process): Group {
  const { sandbox, memoryBytes, swapBytes, ageMs, idleMs } = process;
  const memory = `${showBytes(memoryBytes)}${swapBytes > 0 ? ` and ${showBytes(swapBytes)} in swap` : ""}`;
  const idle = idleMs === null ? "" : `, idle for ${showAge(idleMs)}`;
  const { read, write, connectPorts } = sandbox;
  return {
    title: `Process ${pid}, ${state}`,
    rows: [
      ["instance", `${id}, for ${showAge(ageMs)}${idle}`],
      ["memory", memory],
      ["level", sandbox.level],
      ["user", `${sandbox.uid}, ${sandbox.isOwnUser ? "its own" : "the node's"}`],
      ...(sandbox.isOwnUser && sandbox.gid !== sandbox.uid
        ? [["group", `${sandbox.gid}, the app's`] as [string, string]]
        : []),
      ["files", sandbox.landlock === 0 ? "as its user" : `by Landlock level ${sandbox.landlock}`],
      ["read", showPaths(read)],
      ["write", showPaths(write)],
      ["TCP", `connect to ${showPorts(connectPorts)}; listen: ${yesOrNo(sandbox.listen)}`],
      ["UDP", yesOrNo(sandbox.udp)],
      ["signals", sandbox.holdsSignals ? "to its own processes" : "as its user"],
      ["system calls", sandbox.filter ? "filtered" : "all"],
      ["cgroup", showGroup(sandbox.cgroup)],
      ["rlimits", showLimits(sandbox.rlimits)],
    ],
    gaps: sandbox.notHeld,
  };
}

export function yesOrNo(is: boolean): string {
  return is ? "yes" : "no";
}

function showPaths(paths: readonly string[] | null): string {
  if (paths === null) return "whatever its user may";
  return paths.length === 0 ? "nothing" : paths.join(", ");
}

function showPorts(ports: readonly number[] | null): string {
  if (ports === null) return "any port";
  const sorted = ports.toSorted((left, right) => left - right).join(", ");
  return ports.length === 0 ? "none" : `${ports.length > 1 ? "ports" : "port"} ${sorted}`;
}

function showGroup(group: Process["sandbox"]["cgroup"]): string {
  if (group === null) return "none";
  const { memoryBytesMax, cpuCoresMax, processesMax } = group;
  const parts = [
    ...(memoryBytesMax === null ? [] : [`memory ${showBytes(memoryBytesMax)}`]),
    cpuCoresMax === null ? "no quota of CPU time" : `CPU ${cpuCoresMax} cores`,
    ...(processesMax === null ? [] : [`${processesMax} processes and threads`]),
  ];
  return parts.join(", ");
}

/** Those that Levain sets; with `--json` all of them. */
const SHOWN = ["open files", "processes", "file size", "core file size"];

function showLimits(limits: Process["sandbox"]["rlimits"]): string {
  const shown = limits.filter(({ name }) => SHOWN.includes(name));
  if (shown.length === 0) return "not known: it has just ended";
  return shown
    .map(({ name, soft, unit }) => {
      if (soft === null) return `${name} any`;
      return `${name} ${unit === "bytes" ? showBytes(soft) : soft}`;
    })
    .join(", ");
}
