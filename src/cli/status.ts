/** `levain status`: whether a node runs on the data directory, and how it is. */
import type { NodeStatus } from "../control/api.ts";
import type { Paint } from "./paint.ts";
import { showAge, showBytes, showCount } from "./units.ts";
import type { Verb } from "./verb.ts";

export const status: Verb = {
  name: "status",
  group: "Node",
  asksNode: true,
  summary: "Show the node: addresses, store, load",
  description: "Where it listens, how its store is, what it serves and what memory that takes.",
  exits: [[1, "NODE_NOT_RUNNING: no node runs on the data directory; or another failure"]],
  examples: [
    ["levain status", "the node of the default data directory"],
    ["levain status --json", "the same for a program"],
  ],
  async run(call) {
    const data = await call.client.call("status");
    return {
      data,
      next: [call.command(data.apps === 0 ? "levain deploy" : "levain apps")],
      text: () => renderStatus(data, Date.now(), call.paint),
    };
  },
};

/** A row when there are several. */
function edgesOf({ edges }: NodeStatus): [string, string][] {
  if (edges.length < 2) return [];
  const each = edges.map(({ pid, connections }) => `process ${pid} (${connections} open)`);
  return [["edges", each.join(", ")]];
}

/** Where other machines reach them. */
function databasesOf({ databases }: NodeStatus, paint: Paint): [string, string][] {
  if (databases === null) return [];
  const { host, port, isTls } = databases;
  const how = isTls ? "over TLS" : paint.yellow("without TLS");
  return [["databases", `${host}:${port} for other machines, ${how}`]];
}

/** None for a node without one. */
function brokerOf({ broker }: NodeStatus, paint: Paint): [string, string][] {
  if (broker === null) return [];
  const { hits, misses, waiters, port, dispatchPort, isRunning, isOn, restarts } = broker;
  const ports = port === dispatchPort ? `port ${port}` : `ports ${port} and ${dispatchPort}`;
  const state = isRunning ? (isOn ? paint.green("on") : paint.yellow("off")) : paint.red("ended");
  const rate = hits + misses === 0 ? "" : `, ${hits} of ${hits + misses} dispatches hit`;
  const again =
    restarts === 0 ? "" : paint.yellow(`, started again ${showCount(restarts, "time")}`);
  return [["broker", `${state}, ${ports}, ${showCount(waiters, "runner")} waiting${rate}${again}`]];
}

/** What is used of the budget, by whom, and how the machine is. */
function memoryOf({ memory }: NodeStatus, paint: Paint): [string, string][] {
  const { level, machine, startsWaiting } = memory;
  const shown = level === "calm" ? "" : `, ${paint.yellow(level)}`;
  const waits = startsWaiting === 0 ? "" : `; ${showCount(startsWaiting, "start")} waiting`;
  const own: [string, number][] = [
    ["node", memory.nodeBytes],
    ["edges", memory.edgesBytes],
    ["relay", memory.relayBytes],
    ["broker", memory.brokerBytes],
  ];
  const others: [string, number][] = [
    ["PostgreSQL", memory.postgresBytes],
    ["spares", memory.sparesBytes],
    ["builds", memory.buildsBytes],
    ["zram", memory.zramBytes],
  ];
  const apps: [string, number][] = [
    ["warm", memory.warmBytes],
    ["frozen", memory.frozenBytes],
    ["paged", memory.pagedBytes],
    ["in swap", memory.swapBytes],
  ];
  const parts = (list: [string, number][]) =>
    list.filter(([, bytes]) => bytes > 0).map(([name, bytes]) => `${name} ${showBytes(bytes)}`);
  const rows: [string, string][] = [
    [
      "memory",
      `${showBytes(memory.usedBytes)} of ${showBytes(memory.budgetBytes)} used${shown}${waits}`,
    ],
    ...[own, others].flatMap((users): [string, string][] => {
      const shown = parts(users);
      return shown.length === 0 ? [] : [["", shown.join(", ")]];
    }),
    ["", `apps ${parts(apps).join(", ") || "none"}`],
  ];
  if (machine !== null) rows.push(["machine", machineOf(machine)]);
  return rows;
}

/** None for a node that has never made one and is not told to. */
function backupsOf({ backups }: NodeStatus, wallMs: number, paint: Paint): [string, string][] {
  const { to, running, nextAtMs, lastGood, lastFailure, isOverdue } = backups;
  if (to === null && lastGood === null && lastFailure === null && running === null) return [];
  const last =
    lastGood === null
      ? "none yet"
      : `${showAge(wallMs - lastGood.startedAtMs)} ago (${showBytes(lastGood.bytes)})`;
  const next =
    running !== null
      ? `; ${running} is being made`
      : nextAtMs === null
        ? ""
        : `; next ${nextAtMs <= wallMs ? "now" : `in ${showAge(nextAtMs - wallMs)}`}`;
  const rows: [string, string][] = [
    ["backup", `${last}${isOverdue ? `, ${paint.red("overdue")}` : ""}${next}`],
  ];
  if (lastFailure !== null) {
    const ago = showAge(wallMs - lastFailure.atMs);
    rows.push(["", `${paint.red("failed")} ${ago} ago: ${lastFailure.message}`]);
  }
  return rows;
}

/** `9.0 GiB of 10.0 GiB free, swap 1.0 GiB of 2.0 GiB free, pressure 0 %` */
function machineOf(machine: NonNullable<NodeStatus["memory"]["machine"]>): string {
  const free = (free: number, total: number) => `${showBytes(free)} of ${showBytes(total)} free`;
  const { swapFreeBytes, swapTotalBytes, pressureSome } = machine;
  return [
    free(machine.availableBytes, machine.totalBytes),
    swapTotalBytes === 0 ? "no swap" : `swap ${free(swapFreeBytes, swapTotalBytes)}`,
    ...(pressureSome === null ? [] : [`pressure ${Math.round(pressureSome * 100)} %`]),
  ].join(", ");
}

/** @param wallMs now, for the age. */
function renderStatus(node: NodeStatus, wallMs: number, paint: Paint): string {
  const store =
    node.store.state === "ready"
      ? paint.green("ready")
      : `${paint.yellow(node.store.state)}${node.store.cause === null ? "" : `: ${node.store.cause}`}`;
  const rows: [string, string][] = [
    [
      "node",
      `${paint.green("running")}, process ${node.pid}, for ${showAge(wallMs - node.startedAtMs)}`,
    ],
    ["apps at", paint.cyan(node.appsUrl)],
    ["admin", node.adminUrl],
    ["data", node.dataDir],
    ["store", `${node.store.kind} PostgreSQL, ${store}`],
    ["apps", `${node.apps}; ${node.instances} of ${node.instancesMax} instances run`],
    ["requests", `${node.requests} since the start, ${node.connections} connections open`],
    ...edgesOf(node),
    ...memoryOf(node, paint),
    ...databasesOf(node, paint),
    ...brokerOf(node, paint),
    ...backupsOf(node, wallMs, paint),
    ...node.databaseAlerts.map((line): [string, string] => ["database", paint.red(line)]),
    ["version", `Levain ${node.version}, Bun ${node.bun}`],
  ];
  return rows.map(([name, value]) => `${paint.dim(name.padEnd(9))} ${value}`).join("\n");
}
