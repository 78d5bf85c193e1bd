/**
 * What one warm request costs the lane, counted and not timed: system calls of the node and of the app's process, frames
 * and writes of the wire, timers, bytes copied. Clients with a connection each ask at once; at depth 50 the node is
 * stopped while they do, so that it finds all of them in one turn, as under load.
 *
 *   bun bench/budget.ts          prints the table
 *   bun bench/budget.ts --write  puts it into ARCHITECTURE.md
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FRAME_HEADER_BYTES, FrameType } from "../src/wire/frames.ts";
import { BatchClient } from "./batch-client.ts";
import { type Started, start } from "./processes.ts";
import { withSection } from "./report.ts";
import { countsOf, type SystemCall, traceCalls, traceMissing } from "./syscalls.ts";
import type { Work } from "./work-counter.ts";

/** One process's share of one request. */
export interface ProcessCost extends Work {
  recv: number;
  send: number;
  epoll: number;
  /** Calls that are none of these and belong to no clock: looks at memory, and what gives it back, are left out. */
  other: number;
  /** The names of `other`, for messages. */
  others: Record<string, number>;
}

export interface Cost {
  method: string;
  depth: number;
  requests: number;
  node: ProcessCost;
  app: ProcessCost;
  /** Frames per request, both ways, without PING and PONG. */
  frames: number;
  /** Frames per write, from the node. */
  framesPerWrite: number;
}

/** Everything that is asked, in the order of the table. */
export const questions = [
  { method: "GET", depth: 1 },
  { method: "GET", depth: 50 },
  { method: "POST", depth: 1 },
  { method: "POST", depth: 50 },
] as const;

/** What `budget-lane.ts` prints. */
interface Ports {
  port: number;
  /** Of the app. */
  pid: number;
  countsPort: number;
}

const POST_BODY = "x".repeat(1024);

/**
 * Not for a request: the node looks at each app's memory once a second, by all of these but the last, with which freed memory
 * goes back to the kernel, after a while and many pieces at once. Asking for memory (`mmap`) counts.
 */
const CLOCKWORK = new Set(["openat", "newfstatat", "read", "close", "restart_syscall", "madvise"]);

/** Counts `batches` batches of each question. */
export async function measureBudget(batches: number): Promise<Cost[]> {
  await using lane = await start([process.execPath, join(import.meta.dir, "budget-lane.ts")], "{");
  const costs: Cost[] = [];
  for (const { method, depth } of questions) costs.push(await costOf(lane, method, depth, batches));
  return costs;
}

async function costOf(
  lane: Started,
  method: string,
  depth: number,
  batches: number,
): Promise<Cost> {
  const { port, pid, countsPort } = JSON.parse(lane.line) as Ports;
  using client = await BatchClient.open(port, requestOf(method), depth);
  const together = (write: () => void) => stopped(lane.pid, write);
  // What is compiled late or allocated once is over before anything is counted.
  for (let batch = 0; batch < 1000 / depth; batch++) await client.ask();

  await using nodeTrace = await traceCalls(lane.pid);
  await using appTrace = await traceCalls(pid);
  for (let batch = 0; batch < batches; batch++) await client.ask(depth > 1 ? together : undefined);
  const nodeCalls = await nodeTrace.stop();
  const appCalls = await appTrace.stop();

  const work = await workOf(port, countsPort, async () => {
    for (let batch = 0; batch < batches; batch++)
      await client.ask(depth > 1 ? together : undefined);
  });
  const requests = batches * depth;
  const frames = framesOf(appCalls);
  const toApp = nodeCalls.filter(isWireWrite);
  return {
    method,
    depth,
    requests,
    node: { ...shareOf(nodeCalls, requests), ...perRequest(work.node, requests) },
    app: { ...shareOf(appCalls, requests), ...perRequest(work.app, requests) },
    frames: frames.all / requests,
    framesPerWrite: frames.received / toApp.length,
  };
}

function requestOf(method: string): Buffer {
  const body = method === "POST" ? POST_BODY : "";
  const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
  return Buffer.from(`${method} / HTTP/1.1\r\nHost: app.localhost\r\n${length}\r\n${body}`);
}

/** Runs `write` while the process stands still. */
async function stopped(pid: number, write: () => void): Promise<void> {
  process.kill(pid, "SIGSTOP");
  try {
    const stateOf = () => readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]![0]!;
    while (!"Tt".includes(stateOf())) await new Promise((resolve) => setImmediate(resolve));
    write();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

// --- what was counted ---

function shareOf(calls: readonly SystemCall[], requests: number): Omit<ProcessCost, keyof Work> {
  const counts = countsOf(calls);
  const sum = (pattern: RegExp) =>
    Object.entries(counts).reduce((all, [name, n]) => all + (pattern.test(name) ? n : 0), 0);
  const others = Object.fromEntries(
    Object.entries(counts).filter(
      ([name]) => !/^(recv|send|epoll_p?wait)/.test(name) && !CLOCKWORK.has(name),
    ),
  );
  return {
    recv: sum(/^recv/) / requests,
    send: sum(/^send/) / requests,
    epoll: sum(/^epoll_p?wait/) / requests,
    other: Object.values(others).reduce((all, n) => all + n, 0) / requests,
    others,
  };
}

function isWireWrite({ name, bytes }: SystemCall): boolean {
  return name === "sendto" && bytes.length > 0 && !bytes.latin1Slice(0, 7).startsWith("HTTP/1.");
}

/** Frames on the app's descriptor 3, in both directions. */
function framesOf(calls: readonly SystemCall[]): { all: number; received: number } {
  const wire = calls.filter(({ fd, result }) => fd === 3 && result > 0);
  const count = (name: string) =>
    countFrames(Buffer.concat(wire.filter((call) => call.name === name).map(({ bytes }) => bytes)));
  const received = count("recvfrom");
  return { all: received + count("sendto"), received };
}

/** Whole frames in the bytes, without PING and PONG. */
function countFrames(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + FRAME_HEADER_BYTES <= bytes.length; ) {
    const type = bytes[at + 4]!;
    if (type !== FrameType.PING && type !== FrameType.PONG) count += 1;
    at += FRAME_HEADER_BYTES + bytes.readUInt32LE(at);
  }
  return count;
}

/** What both processes did during `run`. */
async function workOf(port: number, countsPort: number, run: () => Promise<void>) {
  const counts = async (from: number): Promise<Work> => {
    const headers = { host: "app.localhost" };
    return (await fetch(`http://127.0.0.1:${from}/work`, { headers })).json() as Promise<Work>;
  };
  const look = async () => ({ node: await counts(countsPort), app: await counts(port) });
  const before = await look();
  await run();
  const after = await look();
  return { node: difference(after.node, before.node), app: difference(after.app, before.app) };
}

const difference = (after: Work, before: Work): Work => ({
  timers: after.timers - before.timers,
  turns: after.turns - before.turns,
  copiedBytes: after.copiedBytes - before.copiedBytes,
  textBytes: after.textBytes - before.textBytes,
});

const perRequest = (work: Work, requests: number): Work => ({
  timers: work.timers / requests,
  turns: work.turns / requests,
  copiedBytes: work.copiedBytes / requests,
  textBytes: work.textBytes / requests,
});

// --- the table ---

/** Markdown: a row per question and process. */
export function budgetTable(costs: readonly Cost[]): string {
  const count = (value: number) => value.toFixed(2);
  const rows = costs.flatMap(({ method, depth, frames, framesPerWrite, ...roles }) =>
    (["node", "app"] as const).map((role) => {
      const of = roles[role];
      const wire = role === "node" ? [count(frames), framesPerWrite.toFixed(0)] : ["", ""];
      return [
        `${method} ×${depth}`,
        role,
        ...[of.recv, of.send, of.epoll, of.other, of.timers].map(count),
        // The runner asks for its turns where an app cannot look.
        role === "node" ? count(of.turns) : "",
        ...[of.copiedBytes, of.textBytes].map((bytes) => bytes.toFixed(0)),
        ...wire,
      ];
    }),
  );
  const names =
    "per request|process|recv|send|epoll|other calls|timers|turns|bytes copied|bytes of text";
  const head = [...names.split("|"), "frames", "frames per write"];
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

if (import.meta.main) {
  const missing = await traceMissing();
  if (missing !== null) {
    console.log(`Cannot count: ${missing}`);
    process.exit(1);
  }
  const costs = await measureBudget(200);
  const table = budgetTable(costs);
  console.log(table);
  for (const { method, depth, node, app } of costs) {
    console.log(`${method} ×${depth}: other calls`, { node: node.others, app: app.others });
  }
  if (process.argv.includes("--write")) {
    const file = Bun.file(join(import.meta.dir, "../ARCHITECTURE.md"));
    await Bun.write(file, withSection(await file.text(), "budget", table));
  }
}
