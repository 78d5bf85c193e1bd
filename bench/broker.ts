/**
 * What a warm start costs a broker: Levain's, with a direct answer and with offer and claim, beside brokers on Node with
 * SQLite or a map and on plain `Bun.serve`. 500 runners that poll again at once, 50 dispatchers in closed loops, 20 keys.
 *
 *   bun bench/broker.ts            several rounds, about four minutes
 *   bun bench/broker.ts --tiny     one short round: that it runs
 *   bun bench/broker.ts --write    puts the table into bench/RESULTS.md
 *   bun bench/broker.ts --rounds=3 --only=Levain     peers whose name has that in it
 */
import { join } from "node:path";
import {
  brokerPeers,
  bunServePeer,
  levainDirect,
  levainOffer,
  sqlitePeer,
} from "./broker-peers.ts";
import {
  type BrokerSample,
  brokerEffort,
  brokerRatios,
  brokerRounds,
  brokerTable,
  tinyBrokerEffort,
  valuesOf,
} from "./broker-rounds.ts";
import { median, spread } from "./ratios.ts";
import { machine, withSection } from "./report.ts";

const isTiny = process.argv.includes("--tiny");
const asked = isTiny ? tinyBrokerEffort : brokerEffort;
const rounds = Number(/--rounds=(\d+)/.exec(process.argv.join(" "))?.[1] ?? asked.rounds);
const effort = { ...asked, rounds };
const only = /--only=(\S+)/.exec(process.argv.join(" "))?.[1] ?? "";
const peers = brokerPeers.filter(({ name }) => name.includes(only));

interface BrokerTarget {
  name: string;
  bound: "least" | "most";
  value: number;
  of(samples: readonly BrokerSample[]): number[];
}

const figures = (peer: string, figure: "p99Ms") => (samples: readonly BrokerSample[]) =>
  valuesOf(samples, peer, figure).map(({ value }) => value);
const ratio =
  (figure: "hitsPerS" | "cpuUs", of: string, to: string) => (samples: readonly BrokerSample[]) =>
    brokerRatios(samples, figure, of, to);

const targets: readonly BrokerTarget[] = [
  {
    name: "hits/s with offer and claim ≥ 10 × Node + SQLite",
    bound: "least",
    value: 10,
    of: ratio("hitsPerS", levainOffer, sqlitePeer),
  },
  {
    name: "CPU per direct hit ≤ 0.8 × Bun.serve + Map",
    bound: "most",
    value: 0.8,
    of: ratio("cpuUs", levainDirect, bunServePeer),
  },
  {
    name: "CPU per claimed hit ≤ 1.6 × Bun.serve + Map",
    bound: "most",
    value: 1.6,
    of: ratio("cpuUs", levainOffer, bunServePeer),
  },
  {
    name: "p99 of direct hits ≤ 10 ms",
    bound: "most",
    value: 10,
    of: figures(levainDirect, "p99Ms"),
  },
  {
    name: "p99 of claimed hits ≤ 10 ms",
    bound: "most",
    value: 10,
    of: figures(levainOffer, "p99Ms"),
  },
];

const before = machine();
const samples = await brokerRounds(peers, effort);
const { controllers, dispatchers, payloadBytes, durationMs, warmUpMs } = effort;
const text = [
  "## Warm starts: a broker beside others",
  "",
  before,
  "",
  `\`bun bench/broker.ts\`: ${rounds} rounds of ${durationMs / 1000} s after ${warmUpMs / 1000} s of warm-up; ${controllers} controllers on kept connections that poll again at once, ${dispatchers} dispatchers in closed loops, 20 keys, messages of ${payloadBytes} bytes, every dispatch of a key that controllers wait for; fresh processes in each round, their order turned. Broker and load generator share the machine: trust ratios, which are taken within a round, and CPU time. *Problems* are messages lost or delivered twice, failed requests, and misses.`,
  "",
  brokerTable(samples, { hitsPerS: sqlitePeer, cpuUs: bunServePeer }),
  "",
  "| target | measured |  |",
  "| --- | --- | --- |",
  ...targets.map(targetRow),
  ...peers.flatMap(({ name, missing }) =>
    missing === null ? [] : [`missing: ${name}: ${missing}`],
  ),
].join("\n");
console.log(text);
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "RESULTS.md");
  await Bun.write(path, withSection(await Bun.file(path).text(), "broker", text));
}

function targetRow({ name, bound, value, of }: BrokerTarget): string {
  const measured = of(samples);
  if (measured.length === 0) return `| ${name} | not measured | |`;
  const middle = median(measured);
  const isMet = bound === "least" ? middle >= value : middle <= value;
  return `| ${name} | ${spread(measured, 2)} | ${isMet ? "met" : "**missed**"} |`;
}
