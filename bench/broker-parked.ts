/**
 * Many idle runners at once: what one that waits costs in memory, how long dispatches take among them, and how fast they are
 * taken in again when the broker was killed and all come back at the same moment.
 *
 *   bun bench/broker-parked.ts            20,000, or as many as descriptors allow; about two minutes
 *   bun bench/broker-parked.ts --tiny     200: that it runs
 *   bun bench/broker-parked.ts --waiters=5000
 *   bun bench/broker-parked.ts --write    puts the table into bench/RESULTS.md
 */
import { join } from "node:path";
import { loadBroker } from "../src/perf/broker-load.ts";
import { Histogram } from "../src/perf/load/histogram.ts";
import { residentBytesOf, untilHeld } from "./broker-held.ts";
import { type BrokerPeer, bunServe, bunServePeer, levain } from "./broker-peers.ts";
import { descriptorsMax } from "./descriptors.ts";
import { Herd } from "./herd.ts";
import { machine, withSection } from "./report.ts";

const isTiny = process.argv.includes("--tiny");
const dispatchers = isTiny ? 2 : 50;
const keys = isTiny ? 4 : 100;
/** Of a broker, beside those of polls and dispatchers: what it keeps for others, and a process has anyway. Count. */
const otherDescriptors = 700;
const asked = Number(/--waiters=(\d+)/.exec(process.argv.join(" "))?.[1] ?? 20_000);
const wanted = isTiny ? 200 : asked;
const waitersMax = descriptorsMax() - otherDescriptors - dispatchers;
/** Each herd has the same number. */
const waiters = 2 * Math.floor(Math.min(wanted, waitersMax) / 2);
/** One process cannot open connections as fast as a fleet does. Count. */
const herds = isTiny ? 1 : 2;
/** Until all are there. Milliseconds. */
const settleTimeoutMs = 60_000;

interface Parked {
  name: string;
  /** Grown per waiter, before anything was dispatched. Bytes. */
  bytesPerWaiter: number;
  residentBytes: number;
  /** From the first connection to the last waiter parked, while a herd opens few at a time. Milliseconds. */
  openMs: number;
  /** Of dispatches among them. Milliseconds. */
  p50Ms: number;
  p99Ms: number;
  hitsPerS: number;
  problems: number;
  /** From when the new process listened until it had so many of them. Milliseconds. */
  backMs: { half: number; most: number; all: number };
}

// Polls last longer than the measurement, on the peer too.
const peers: [peer: BrokerPeer, restarted: (port: string) => BrokerPeer | null][] = [
  [levain("Levain", ...flags("0")), (port) => levain("Levain", ...flags(port))],
  [bunServe(bunServePeer, process.execPath), () => null],
];

function flags(port: string): string[] {
  const timeouts = ["--connection-timeout-ms", "240000", "--keepalive-ms", "600000"];
  return ["--port", port, ...timeouts, "--waiters-max", "100000"];
}

const before = machine();
const found: Parked[] = [];
for (const [peer, restarted] of peers) found.push(await measure(peer, restarted));

async function measure(
  peer: BrokerPeer,
  restarted: (port: string) => BrokerPeer | null,
): Promise<Parked> {
  let port: string;
  let memory: Pick<Parked, "bytesPerWaiter" | "residentBytes" | "openMs" | "backMs">;
  {
    const broker = await peer.start();
    port = new URL(broker.url).port;
    const emptyBytes = residentBytesOf(broker);
    const startMs = performance.now();
    const all = await Promise.all(
      Array.from({ length: herds }, () => Herd.start(broker.url, waiters / herds, keys)),
    );
    const there = await untilHeld(broker, ({ parked }) => parked >= waiters, settleTimeoutMs);
    const openMs = performance.now() - startMs;
    if (!there.isSo) throw new Error(`${peer.name}: ${there.parked} of ${waiters} were parked`);
    const residentBytes = residentBytesOf(broker);
    const bytesPerWaiter = (residentBytes - emptyBytes) / waiters;
    process.kill(broker.pid, "SIGKILL");
    await broker[Symbol.asyncDispose]();
    const again = restarted(port);
    const backMs =
      again === null
        ? { half: Number.NaN, most: Number.NaN, all: Number.NaN }
        : await comeBack(again, all);
    for (const herd of all) await herd.kill();
    memory = { bytesPerWaiter, residentBytes, openMs, backMs };
  }
  return { name: peer.name, ...memory, ...(await dispatchAmong(peer)) };
}

/** All at once, when the new process listens: nobody is as patient as this with real runners, which wait up to a second. */
async function comeBack(peer: BrokerPeer, all: readonly Herd[]): Promise<Parked["backMs"]> {
  await using broker = await peer.start();
  const coming = Promise.all(all.map((herd) => herd.tell("come")));
  const startMs = performance.now();
  const until = async (share: number) => {
    const count = Math.floor(waiters * share);
    const held = await untilHeld(broker, ({ parked }) => parked >= count, settleTimeoutMs);
    return held.isSo ? performance.now() - startMs : Number.NaN;
  };
  const backMs = { half: await until(0.5), most: await until(0.99), all: await until(1) };
  await coming;
  return backMs;
}

async function dispatchAmong(peer: BrokerPeer) {
  await using broker = await peer.start();
  const result = await loadBroker({
    url: broker.url,
    dispatchUrl: broker.dispatchUrl,
    dispatchToken: null,
    controllers: waiters,
    dispatchers,
    keys,
    payloadBytes: 2048,
    hitRatio: 1,
    warmUpMs: isTiny ? 50 : 2000,
    durationMs: isTiny ? 200 : 5000,
    seed: 1,
    serverPid: broker.pid,
  });
  const latencies = new Histogram();
  latencies.add(result.hits.histogram);
  const { lost, doubled, missesUnasked } = result;
  return {
    p50Ms: latencies.percentileMs(50),
    p99Ms: latencies.percentileMs(99),
    hitsPerS: (result.hits.count / result.durationMs) * 1000,
    problems: lost + doubled + missesUnasked,
  };
}

const text = [
  "## Many idle runners",
  "",
  before,
  "",
  `\`bun bench/broker-parked.ts\`: ${waiters} runners of ${keys} keys hold a poll${waiters < wanted ? `, as many as a process may have descriptors for (${descriptorsMax()})` : ""}. Memory is resident memory of the broker's process, grown since before they came; buffers of the kernel are not in it. Then the broker is killed and started again on its port, and all of them open a connection in the same moment. Dispatches are those of ${dispatchers} closed loops of 2,048 bytes among as many runners, with a fresh broker.`,
  "",
  "| broker | KiB per waiter | resident MiB | all parked after ms | back: half, ms | 99 % | all | … a second | dispatch p50 ms | p99 | hits/s | lost, doubled or missed |",
  "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
  ...found.map(row),
].join("\n");
console.log(text);
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "RESULTS.md");
  await Bun.write(path, withSection(await Bun.file(path).text(), "broker-parked", text));
}

function row({ name, backMs, ...one }: Parked): string {
  const whole = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(0));
  const cells = [
    name,
    (one.bytesPerWaiter / 1024).toFixed(1),
    (one.residentBytes / 2 ** 20).toFixed(0),
    whole(one.openMs),
    whole(backMs.half),
    whole(backMs.most),
    whole(backMs.all),
    whole((waiters / backMs.all) * 1000),
    one.p50Ms.toFixed(2),
    one.p99Ms.toFixed(2),
    whole(one.hitsPerS),
    String(one.problems),
  ];
  return `| ${cells.join(" | ")} |`;
}
