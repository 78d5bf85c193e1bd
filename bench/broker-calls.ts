/**
 * System calls of a broker per warm start, counted by strace: the event loop's thread alone. Counts are the same on a busy
 * machine; how many events one wait brings is not.
 *
 *   bun bench/broker-calls.ts            a few seconds
 *   bun bench/broker-calls.ts --tiny     that it runs
 *   bun bench/broker-calls.ts --write    puts the table into bench/RESULTS.md
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerStatus } from "../src/broker/status-api.ts";
import { loadBroker } from "../src/perf/broker-load.ts";
import { levain, levainDirect, levainOffer, type RunningBroker } from "./broker-peers.ts";
import { machine, withSection } from "./report.ts";
import { traceMissing } from "./syscalls.ts";

const isTiny = process.argv.includes("--tiny");
const durationMs = isTiny ? 200 : 3000;
/** Of the load around what is traced. Milliseconds. */
const roomMs = isTiny ? 500 : 1500;

/** What each row shows; the rest is one sum. */
const shown = ["recvfrom", "sendto", "epoll_pwait2", "epoll_ctl"];

const missing = await traceMissing();
if (missing !== null) {
  console.log(`missing: ${missing}`);
  process.exit(0);
}

const rows: string[] = [];
const before = machine();
for (const peer of [levain(levainDirect, "--direct-within-ms", "60000"), levain(levainOffer)]) {
  for (const dispatchers of isTiny ? [1] : [1, 50]) {
    await using broker = await peer.start();
    const calls = await callsPerHit(broker, dispatchers);
    const others = Object.entries(calls).filter(([name]) => !shown.includes(name));
    const rest = others.reduce((sum, [, perHit]) => sum + perHit, 0);
    const cells = [...shown.map((name) => calls[name] ?? 0), rest].map((value) => value.toFixed(2));
    const most = others.toSorted((left, right) => right[1] - left[1]).slice(0, 3);
    const named = most.map(([name, perHit]) => `${name} ${perHit.toFixed(2)}`).join(", ");
    rows.push(`| ${peer.name} ×${dispatchers} | ${cells.join(" | ")} | ${named} |`);
  }
}

/** While it is loaded. */
async function callsPerHit(broker: RunningBroker, dispatchers: number) {
  const folder = mkdtempSync(join(tmpdir(), "levain-broker-calls-"));
  try {
    const load = loadBroker({
      url: broker.url,
      dispatchUrl: broker.dispatchUrl,
      dispatchToken: null,
      controllers: 200,
      dispatchers,
      keys: 20,
      payloadBytes: 2048,
      hitRatio: 1,
      warmUpMs: 0,
      durationMs: durationMs + roomMs,
      seed: 1,
      serverPid: null,
    });
    // Until all are connected and the load is on.
    while ((await hitsOf(broker)) === 0) await Bun.sleep(20);
    const file = join(folder, "calls.txt");
    const hitsBefore = await hitsOf(broker);
    const trace = Bun.spawn(["strace", "-c", "-o", file, "-p", String(broker.pid)], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    await Bun.sleep(durationMs);
    trace.kill("SIGINT");
    await trace.exited;
    const hits = (await hitsOf(broker)) - hitsBefore;
    await load;
    return countsIn(readFileSync(file, "utf8"), hits);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function hitsOf({ dispatchUrl }: RunningBroker): Promise<number> {
  const { dispatches } = (await (await fetch(`${dispatchUrl}/status`)).json()) as BrokerStatus;
  return dispatches.direct + dispatches.claimed;
}

/** Of strace's table: `% time, seconds, usecs/call, calls, errors, syscall`. */
function countsIn(table: string, hits: number): Record<string, number> {
  const lines = table.split("\n").map((line) => line.trim().split(/\s+/));
  const counts = lines.flatMap((cells): [string, number][] => {
    const name = cells.at(-1) ?? "";
    const calls = Number(cells[3]);
    return cells.length >= 5 && calls > 0 && name !== "total" ? [[name, calls / hits]] : [];
  });
  return Object.fromEntries(counts);
}

const text = [
  "## System calls of a warm start",
  "",
  before,
  "",
  "`bun bench/broker-calls.ts`: calls of the broker's main thread per hit, by strace; ×1 is one dispatcher, ×50 fifty in closed loops, among 200 controllers that poll again at once. A hit is at least a poll and a dispatch read and answered, with offer and claim two polls.",
  "",
  `| broker | ${shown.join(" | ")} | others | of these |`,
  `| --- | ${shown.map(() => "---").join(" | ")} | --- | --- |`,
  ...rows,
].join("\n");
console.log(text);
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "RESULTS.md");
  await Bun.write(path, withSection(await Bun.file(path).text(), "broker-calls", text));
}
