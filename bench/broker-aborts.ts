/**
 * Polls that end without an answer, 100,000 of them: clients that close, break off, are killed, stop sending, keep silent until
 * their time is over, or are gone without a word. What the broker holds must be nothing afterwards, and its memory what it was.
 *
 *   bun bench/broker-aborts.ts                        about three minutes
 *   bun bench/broker-aborts.ts --tiny                 that it runs
 *   bun bench/broker-aborts.ts --runtime=bun@1.3.14   also plain Bun.serve on another Bun, fetched from npm's registry
 *   bun bench/broker-aborts.ts --polls=20000           of each broker
 *   bun bench/broker-aborts.ts --write                puts the table into bench/RESULTS.md
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeStore } from "../src/runtimes/runtime-store.ts";
import { type Held, residentBytesOf, untilHeld } from "./broker-held.ts";
import type { Leaving } from "./broker-herd.ts";
import { type BrokerPeer, bunServe, levain, type RunningBroker } from "./broker-peers.ts";
import { Herd } from "./herd.ts";
import { machine, withSection } from "./report.ts";

const isTiny = process.argv.includes("--tiny");
/** Of one herd. Count. */
const batch = isTiny ? 20 : 2500;
const keys = 20;
/** Of one broker at least. Count. */
const asked = Number(/--polls=(\d+)/.exec(process.argv.join(" "))?.[1] ?? 100_000);
/** Of a poll, for brokers that end those whose time is over. Milliseconds. */
const connectionTimeoutMs = 1000;
/** Until the broker has noticed a batch; a machine that is gone without a word takes a minute or more. Milliseconds. */
const noticeTimeoutMs = isTiny ? 15_000 : 30_000;

type Way = Leaving | "kill" | "silence";

/** What each way is in the table. */
const ways: Readonly<Record<Way, string>> = {
  end: "closed",
  reset: "broken off",
  kill: "killed",
  half: "half-closed",
  silence: "timed out",
  vanish: "gone without a word",
};
/** Those that a broker without time limits of its own can notice. */
const noticed: readonly Way[] = ["end", "reset", "kill", "half"];

interface Aborts {
  name: string;
  count: number;
  parked: number;
  pending: number;
  /** Resident memory after the first batches of each way, in the middle, and at the end. Bytes. */
  bytes: [first: number, middle: number, last: number];
  /** The longest that a batch took until it was noticed, by way. Milliseconds; null: not within `noticeTimeoutMs`. */
  tookMs: Partial<Record<Way, number | null>>;
}

const before = machine();
const found: Aborts[] = [];
const levainPeer = levain(
  "Levain",
  ...["--connection-timeout-ms", String(connectionTimeoutMs), "--waiters-max", "100000"],
);
const everyWay: readonly Way[] = isTiny ? ["end", "kill"] : [...noticed, "silence", "vanish"];
found.push(await measure(levainPeer, everyWay));
for (const [runtime, program] of await runtimes()) {
  for (const onAbort of ["settle", "drop", "keep"]) {
    const peer = bunServe(`Bun.serve, ${onAbort}, ${runtime}`, program, `--on-abort=${onAbort}`);
    found.push(await measure(peer, isTiny ? ["end"] : noticed));
  }
}

/** Name and program of each Bun. */
async function runtimes(): Promise<[name: string, program: string][]> {
  const own: [string, string] = [`Bun ${Bun.version}`, process.execPath];
  const name = /--runtime=(\S+)/.exec(process.argv.join(" "))?.[1];
  if (name === undefined) return [own];
  const store = new RuntimeStore({ dir: join(tmpdir(), "levain-bench-runtimes") });
  return [own, [name.replace("@", " ").replace("bun", "Bun"), (await store.ensure(name)).program]];
}

async function measure(peer: BrokerPeer, all: readonly Way[]): Promise<Aborts> {
  await using broker = await peer.start();
  const wanted = isTiny ? 2 * batch * all.length : asked;
  const measured: Aborts = {
    name: peer.name,
    count: 0,
    parked: 0,
    pending: 0,
    bytes: [0, 0, 0],
    tookMs: {},
  };
  // What one broker cannot notice stays: later batches wait for no more than what is theirs.
  let left = 0;
  for (let round = 0; measured.count < wanted; round += 1) {
    for (const way of all) {
      left = await oneBatch(broker, way, left, measured);
      measured.count += batch;
    }
    const bytes = residentBytesOf(broker);
    if (round === 0) measured.bytes[0] = bytes;
    if (measured.count <= wanted / 2 || round === 0) measured.bytes[1] = bytes;
    measured.bytes[2] = bytes;
  }
  const { parked, pending } = await untilHeld(broker, isNothing, 2000);
  return { ...measured, parked, pending };
}

function isNothing({ parked, pending }: Held): boolean {
  return parked === 0 && pending === 0;
}

/** @returns how many of what was held before and came with the batch are still there */
async function oneBatch(
  broker: RunningBroker,
  way: Way,
  left: number,
  measured: Aborts,
): Promise<number> {
  await using herd = await Herd.start(broker.url, batch, keys);
  // Silent ones may be over before the last has come.
  if (way !== "silence") {
    await untilHeld(broker, ({ parked }) => parked >= batch, noticeTimeoutMs);
  }
  if (way === "kill") await herd.kill();
  else if (way === "vanish") await herd.tell(way).catch(() => {});
  else if (way !== "silence") await herd.tell(way);
  const isOver = ({ parked, pending }: Held) => parked === 0 && pending <= left;
  const { isSo, tookMs, pending } = await untilHeld(
    broker,
    isOver,
    // What leaks is known after a moment.
    peerLeaks(measured) ? 1000 : noticeTimeoutMs,
  );
  const most = measured.tookMs[way];
  measured.tookMs[way] = isSo && most !== null ? Math.max(most ?? 0, tookMs) : null;
  return isSo ? left : pending;
}

function peerLeaks({ tookMs }: Aborts): boolean {
  return Object.values(tookMs).includes(null);
}

const text = [
  "## Polls that end without an answer",
  "",
  before,
  "",
  `\`bun bench/broker-aborts.ts --runtime=bun@1.3.14\`: clients of ${batch} polls each, ended in turns by ${Object.values(ways).join(", ")}; Levain's runners are told that a poll lasts ${connectionTimeoutMs / 1000} s. *settle*: the promise of a poll is settled when its client goes; *drop*: forgotten without that; *keep*: its resolver is in a map as well. *Still held* is what the broker says of itself, after a collection: requests without an answer, polls without a client. Memory is resident, after the first batches, in the middle and at the end.`,
  "",
  "| broker | aborted polls | still pending | still parked | MiB: first | middle | last | longest until noticed, ms |",
  "| --- | --- | --- | --- | --- | --- | --- | --- |",
  ...found.map(row),
].join("\n");
console.log(text);
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "RESULTS.md");
  await Bun.write(path, withSection(await Bun.file(path).text(), "broker-aborts", text));
}
process.exit(0);

function row({ name, count, pending, parked, bytes, tookMs }: Aborts): string {
  const took = Object.entries(tookMs).map(
    ([way, ms]) => `${ways[way as Way]} ${ms === null ? "never" : ms.toFixed(0)}`,
  );
  const mebibytes = bytes.map((value) => (value / 2 ** 20).toFixed(0));
  return `| ${[name, count, pending, parked, ...mebibytes, took.join(", ")].join(" | ")} |`;
}
