/** `levain status`: whether a node runs on the data directory, and how it is. */
import type { NodeStatus } from "../control/api.ts";
import type { Paint } from "./paint.ts";
import { showAge, showBytes } from "./units.ts";
import type { Verb } from "./verb.ts";

export const status: Verb = {
  name: "status",
  group: "Node",
  asksNode: true,
  summary: "Show the node: addresses, store, load",
  description: "Exits with 1 and NODE_NOT_RUNNING when no node runs on the data directory.",
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

/** @param wallMs now, for the age. */
export function renderStatus(node: NodeStatus, wallMs: number, paint: Paint): string {
  const store =
    node.store.state === "ready"
      ? paint.green("ready")
      : `${paint.yellow(node.store.state)}${node.store.cause === null ? "" : `: ${node.store.cause}`}`;
  const rows: [string, string][] = [
    [
      "node",
      `${paint.green("running")}, process ${node.pid}, for ${showAge(wallMs - node.startedAtMs)}`,
    ],
    ["apps at", paint.cyan(`http://<app>.${node.domain}:${node.edgePort}`)],
    ["admin", `http://127.0.0.1:${node.adminPort}`],
    ["data", node.dataDir],
    ["store", `${node.store.kind} PostgreSQL, ${store}`],
    ["apps", `${node.apps}; ${node.instances} of ${node.instancesMax} instances run`],
    ["requests", `${node.requests} since the start, ${node.connections} connections open`],
    ...edgesOf(node),
    ["memory", showBytes(node.memoryBytes)],
    ["version", `Levain ${node.version}, Bun ${node.bun}`],
  ];
  return rows.map(([name, value]) => `${paint.dim(name.padEnd(9))} ${value}`).join("\n");
}
