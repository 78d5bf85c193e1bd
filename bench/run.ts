/**
 * Requests per second of Levain's edge next to its peers, with the same app. Prints as it goes; a full run writes its
 * section of `bench/RESULTS.md`.
 *
 *   bun bench/run.ts [--rounds 5] [--seconds 4] [--only hello] [--peers Levain,HAProxy] [--tiny]
 *
 * `--tiny` is one short round of the first scenario and writes nothing. Everything runs on the loopback interface, and
 * every wait is bounded. Exit 1 when a peer had errors.
 */
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Effort, measure, type Sample } from "./measure.ts";
import { missing, peers } from "./peers.ts";
import { tableOf, withSection } from "./report.ts";
import { scenarios } from "./scenarios.ts";
import { wrkMissing } from "./wrk.ts";

const RESULTS = join(import.meta.dir, "RESULTS.md");
const APP = join(import.meta.dir, "apps/hello.ts");

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    only: { type: "string" },
    peers: { type: "string" },
    tiny: { type: "boolean", default: false },
  },
});

const effort: Effort = values.tiny
  ? { rounds: 1, seconds: 1, warmUpSeconds: 0 }
  : { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 1 };
const chosenPeers = peers.filter(({ name }) => values.peers?.split(",").includes(name) ?? true);
const chosen = values.tiny
  ? scenarios.slice(0, 1)
  : scenarios.filter(({ name }) => name === (values.only ?? name));

const absent = [wrkMissing(), ...chosenPeers.map(missing)].filter((text) => text !== null);
for (const text of absent) console.log(`missing: ${text}`);
if (wrkMissing() === null) await run();

async function run(): Promise<void> {
  const loadBefore = loadavg()[0]!;
  const sections: string[] = [];
  let errors = 0;
  for (const scenario of chosen) {
    console.log(`\n${scenario.name}: ${scenario.about}`);
    const samples = await measure(scenario, chosenPeers, APP, effort, print);
    errors += samples.reduce((sum, sample) => sum + sample.errors, 0);
    sections.push(`### ${scenario.name}\n\n${scenario.about}\n\n${tableOf(samples)}`);
    console.log(`\n${tableOf(samples)}`);
  }
  const isWhole = chosen.length === scenarios.length && chosenPeers.length === peers.length;
  if (isWhole && !values.tiny) await write([headerOf(loadBefore), ...sections].join("\n\n"));
  process.exitCode = errors === 0 ? 0 : 1;
}

function print({ peer, round, requestsPerS, errors }: Sample): void {
  const failed = errors === 0 ? "" : `, ${errors} errors`;
  console.log(
    `  round ${round + 1}  ${peer.padEnd(15)} ${Math.round(requestsPerS)} requests/s${failed}`,
  );
}

function headerOf(loadBefore: number): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Linux ${release()}`;
  const load = `load ${loadBefore.toFixed(1)} before and ${loadavg()[0]!.toFixed(1)} after`;
  const { rounds, seconds } = effort;
  return [
    "## Requests: the edge and its peers",
    `${new Date().toISOString().slice(0, 10)}, ${machine}, Bun ${Bun.version}, ${load} (the run itself is about 2).`,
    `${rounds} rounds of ${seconds} s per peer after 1 s of warm-up; fresh processes in each, the order turned every round. ` +
      "HAProxy (1 thread) and nginx (1 worker, keep-alive upstream) stand in front of the same app on a unix socket and add " +
      "nothing to the requests; Levain adds its request id, trace context and forwarded headers, and keeps its deadlines. " +
      "Trust ratios, which are taken within a round, and CPU time, which a neighbour on the machine changes least.",
    ...(absent.length === 0 ? [] : [`Missing: ${absent.join("; ")}.`]),
  ].join("\n\n");
}

async function write(text: string): Promise<void> {
  const file = Bun.file(RESULTS);
  const document = (await file.exists()) ? await file.text() : "# Results\n";
  await Bun.write(RESULTS, withSection(document, "requests", text));
  console.log(`\nwritten to ${RESULTS}`);
}
