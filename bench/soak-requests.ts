/**
 * Asks a lane a million times, in every shape that requests have, and looks at what the node and the app hold meanwhile:
 * memory, objects, descriptors, threads. Fails when any of it grows steadily, or when an answer was not as it should be.
 *
 *   bun bench/soak-requests.ts [--requests 1000000] [--only "warm GET"] [--write]
 *
 * `--requests` is for a warm GET and an ephemeral one; the slower shapes get a share of it. `--write` puts the table into
 * bench/RESULTS.md.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { growthOf } from "./growth.ts";
import { holdingsOf } from "./process-tree.ts";
import { start } from "./processes.ts";
import { machine, withSection } from "./report.ts";
import { SoakClient } from "./soak-client.ts";
import { type Shape, shapes } from "./soak-shapes.ts";

/** What one process holds. */
interface Held {
  residentBytes: number;
  heapBytes: number;
  objects: number;
  fds: number;
  threads: number;
}

export interface Look {
  /** Asked so far. */
  requests: number;
  node: Held;
  app: Held;
}

export interface ShapeSoak {
  shape: string;
  requests: number;
  /** Answers that were not as they should be. */
  wrong: number;
  seconds: number;
  /** Before, then after each twentieth. */
  looks: Look[];
  /** What grows, in words; empty when all is well. */
  growing: string[];
}

/** Looks after the first one. */
const looksMax = 20;
/** How long what is going may take to be gone. Milliseconds. */
const settleTimeoutMs = 10_000;

/**
 * Growth over the last half that is no leak. Memory that the allocator keeps comes and goes in steps of megabytes; a leak
 * of 100 bytes in each of a million requests would be 50 MB. The other bounds find smaller ones.
 */
const growthMax: Record<keyof Held, number> = {
  residentBytes: 12 * 1024 * 1024,
  heapBytes: 1024 * 1024,
  objects: 4000,
  fds: 2,
  threads: 2,
};

/** Soaks every shape in turn on one lane; `report` hears of each. */
export async function soakRequests(
  requests: number,
  chosen: readonly Shape[],
  report: (soak: ShapeSoak) => void,
): Promise<ShapeSoak[]> {
  await using lane = await start([process.execPath, join(import.meta.dir, "soak-lane.ts")], "{");
  const { port, holdingsPort } = JSON.parse(lane.line) as { port: number; holdingsPort: number };
  const soaks: ShapeSoak[] = [];
  for (const shape of chosen) {
    const total = Math.max(Math.round(requests * shape.share), looksMax);
    const look = (asked: number) => lookAt(asked, lane.pid, holdingsPort, port, shape);
    const soak = await soakShape(shape, total, port, look);
    soaks.push(soak);
    report(soak);
  }
  return soaks;
}

async function soakShape(
  shape: Shape,
  total: number,
  port: number,
  look: (asked: number) => Promise<Look>,
): Promise<ShapeSoak> {
  const startedAtMs = performance.now();
  const looks = [await look(0)];
  let asked = 0;
  let wrong = 0;
  for (let part = 1; part <= looksMax; part++) {
    const until = Math.round((total * part) / looksMax);
    const work = async () => {
      using client = new SoakClient(port);
      while (asked < until) {
        asked += 1;
        if (!(await shape.ask(client, port))) wrong += 1;
      }
    };
    // Connections of their own in each part: none is open while we look.
    await Promise.all(Array.from({ length: shape.clients }, work));
    looks.push(await look(asked));
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  return { shape: shape.name, requests: total, wrong, seconds, looks, growing: growing(looks) };
}

/** What is held when every connection is gone. */
async function lookAt(
  requests: number,
  nodePid: number,
  holdingsPort: number,
  port: number,
  { app }: Shape,
): Promise<Look> {
  const endMs = performance.now() + settleTimeoutMs;
  for (;;) {
    const node = await json(holdingsPort, "/", "node");
    if (node.connections > 0 && performance.now() < endMs) {
      await Bun.sleep(10);
      continue;
    }
    const appPid = node.pids[app];
    const heap = await json(port, "/heap", `${app}.localhost`);
    return { requests, node: heldBy(nodePid, node), app: heldBy(appPid, heap) };
  }
}

interface Told {
  heapBytes: number;
  objects: number;
  connections: number;
  pids: Record<string, number | null>;
}

async function json(port: number, path: string, host: string): Promise<Told> {
  const headers = { host, connection: "close" };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers, keepalive: false });
  return (await response.json()) as Told;
}

function heldBy(pid: number | null | undefined, { heapBytes, objects }: Told): Held {
  if (pid == null) throw new Error("the app does not run");
  const { fds, residentBytes } = holdingsOf(pid);
  const threads = readdirSync(`/proc/${pid}/task`).length;
  return { residentBytes, heapBytes, objects, fds, threads };
}

/** What grew over the last half of the looks by more than is no leak. */
export function growing(looks: readonly Look[]): string[] {
  const found: string[] = [];
  for (const role of ["node", "app"] as const) {
    for (const what of Object.keys(growthMax) as (keyof Held)[]) {
      const points = looks.map((look) => ({ requests: look.requests, value: look[role][what] }));
      const growth = growthOf(points);
      if (growth <= growthMax[what]) continue;
      const amount = what.endsWith("Bytes") ? `${mib(growth)} MiB` : growth.toFixed(0);
      found.push(`${what} of the ${role} grew by ${amount} in the last half`);
    }
  }
  return found;
}

// --- the table ---

const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(1);

/** Markdown: what was held before, after the first tenth, and at the end. */
export function soakTable(soaks: readonly ShapeSoak[]): string {
  const three = (looks: readonly Look[], value: (look: Look) => string) =>
    [looks[0]!, looks[Math.ceil(looksMax / 10)]!, looks.at(-1)!].map(value).join(" → ");
  const held = (looks: readonly Look[], role: "node" | "app") => [
    three(looks, (look) => mib(look[role].residentBytes)),
    three(looks, (look) => mib(look[role].heapBytes)),
    three(looks, (look) => `${look[role].fds}/${look[role].threads}`),
  ];
  const rows = soaks.map(({ shape, requests, wrong, seconds, looks, growing: grows }) => [
    shape,
    requests.toLocaleString("en"),
    String(wrong),
    seconds.toFixed(0),
    ...held(looks, "node"),
    ...held(looks, "app"),
    grows.length === 0 ? "flat" : grows.join("; "),
  ]);
  const head =
    "shape|requests|wrong|s|node: resident MiB|heap MiB|fds/threads|app: resident MiB|heap MiB|fds/threads|last half";
  const lines = [head.split("|"), head.split("|").map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function print({ shape, requests, wrong, seconds, looks, growing: grows }: ShapeSoak): void {
  const [before, last] = [looks[0]!, looks.at(-1)!];
  const resident = (role: "node" | "app") =>
    `${role} ${mib(before[role].residentBytes)} → ${mib(last[role].residentBytes)} MiB`;
  console.log(
    `${shape}: ${requests} requests in ${seconds.toFixed(0)} s, ${wrong} wrong; ${resident("node")}, ${resident("app")}`,
  );
  for (const line of grows) console.log(`  ${line}`);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "1000000" },
      only: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const only = values.only?.split(",");
  const chosen = shapes.filter(({ name }) => only?.includes(name) ?? true);
  const before = machine();
  const soaks = await soakRequests(Number(values.requests), chosen, print);
  const table = soakTable(soaks);
  console.log(`\n${table}`);
  if (values.write) {
    const file = Bun.file(join(import.meta.dir, "RESULTS.md"));
    const about =
      `${before} ` +
      `\`bun bench/soak-requests.ts --requests ${values.requests}\`: before → after a tenth → at the end, garbage collected ` +
      "and every connection closed before each look.";
    const text = `### A million requests of every shape\n\n${about}\n\n${table}`;
    await Bun.write(file, withSection(await file.text(), "soak", text));
  }
  process.exit(soaks.some(({ wrong, growing: grows }) => wrong > 0 || grows.length > 0) ? 1 : 0);
}
