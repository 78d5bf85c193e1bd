/**
 * The broker as one executable (`bun build --compile`) beside the same broker run by Bun from its sources: speed, latency, CPU time,
 * and the bytes that an image would hold of each.
 *
 *   bun bench/broker-compiled.ts            several rounds, about four minutes
 *   bun bench/broker-compiled.ts --tiny     one short round: that it runs
 *   bun bench/broker-compiled.ts --write    puts the table into bench/RESULTS.md
 *   bun bench/broker-compiled.ts --rounds=3
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOwnBroker } from "../src/perf/own-broker.ts";
import { type BrokerPeer, brokerMain } from "./broker-peers.ts";
import { brokerEffort, brokerRounds, brokerTable, tinyBrokerEffort } from "./broker-rounds.ts";
import { machine, withSection } from "./report.ts";

const isTiny = process.argv.includes("--tiny");
const asked = isTiny ? tinyBrokerEffort : brokerEffort;
const rounds = Number(/--rounds=(\d+)/.exec(process.argv.join(" "))?.[1] ?? asked.rounds);
const root = join(import.meta.dir, "..");

const folder = mkdtempSync(join(tmpdir(), "levain-broker-compiled-"));
const executable = join(folder, "levain-broker");

const interpretedName = "run by Bun";
const compiledName = "one executable";

try {
  await build();
  const bundle = await bundleBytes();
  const before = machine();
  const peers = [
    peer(interpretedName, [process.execPath, brokerMain]),
    peer(compiledName, [executable]),
  ];
  const samples = await brokerRounds(peers, { ...asked, rounds });
  const bunBytes = Bun.file(realpathSync(process.execPath)).size;
  const text = [
    "## The broker as one executable",
    "",
    before,
    "",
    `\`bun bench/broker-compiled.ts\`: ${rounds} rounds of ${asked.durationMs / 1000} s after ${asked.warmUpMs / 1000} s of warm-up, in turns, with offer and claim; the load is that of \`bun bench/broker.ts\`. The executable is that of \`scripts/broker-executable.ts\`: minified, without bytecode.`,
    "",
    brokerTable(samples, { hitsPerS: interpretedName, cpuUs: interpretedName }),
    "",
    "| what an image holds beyond its base | MiB |",
    "| --- | --- |",
    `| ${compiledName} | ${mebibytes(Bun.file(executable).size)} |`,
    `| Bun, and the broker as one bundled file | ${mebibytes(bunBytes + bundle)} |`,
    `| of these, the bundled file | ${mebibytes(bundle)} |`,
  ].join("\n");
  console.log(text);
  if (process.argv.includes("--write")) {
    const path = join(import.meta.dir, "RESULTS.md");
    await Bun.write(path, withSection(await Bun.file(path).text(), "broker-compiled", text));
  }
} finally {
  rmSync(folder, { recursive: true });
}

function peer(name: string, command: readonly string[]): BrokerPeer {
  const flags = ["--json", "--host", "127.0.0.1", "--port", "0", "--log-level", "warn"];
  return { name, missing: null, start: () => startOwnBroker([...command, ...flags]) };
}

async function build(): Promise<void> {
  const script = join(root, "scripts/broker-executable.ts");
  const child = Bun.spawn([process.execPath, script, executable], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  if ((await child.exited) !== 0) throw new Error("the executable could not be built");
}

/** Of the same code without Bun in it. */
async function bundleBytes(): Promise<number> {
  const { outputs } = await Bun.build({ entrypoints: [brokerMain], target: "bun", minify: true });
  return outputs.reduce((sum, { size }) => sum + size, 0);
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
