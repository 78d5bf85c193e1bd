/**
 * Requests per second of Levain's edge next to its peers, with the same apps. Prints as it goes; a full run writes its
 * section of `bench/RESULTS.md`.
 *
 *   bun bench/run.ts [--rounds 5] [--seconds 2] [--only warm-noop,echo-1kb] [--peers Levain,HAProxy] [--quick | --tiny]
 *
 * At its defaults it takes some 17 minutes, and begins no round that would end after 20. `--quick`: two rounds of one
 * second of the peers that the targets are about, about 4 minutes. `--tiny`: one short round of the first scenario. Both
 * write nothing. Everything runs on the loopback interface, and every wait is bounded. Exit 1 when Levain had errors.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { abilitiesTable } from "./abilities.ts";
import { descriptorsFor, descriptorsMax } from "./descriptors.ts";
import { type Effort, type Sample, type Step, sampleOf, stepsOf } from "./measure.ts";
import { missing, peers } from "./peers.ts";
import { machine, tableOf, withSection } from "./report.ts";
import { type Scenario, scenarios } from "./scenarios.ts";
import { targetsTable } from "./targets.ts";
import { wrkMissing } from "./wrk.ts";

const RESULTS = join(import.meta.dir, "RESULTS.md");
/** No round is begun that would end later. Milliseconds. */
const runMsMax = 20 * 60 * 1000;

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" },
    peers: { type: "string" },
    quick: { type: "boolean", default: false },
    tiny: { type: "boolean", default: false },
  },
});

const [rounds, seconds] = values.tiny ? [1, 1] : values.quick ? [2, 1] : [5, 2];
const effort: Effort = {
  rounds: Number(values.rounds ?? rounds),
  seconds: Number(values.seconds ?? seconds),
  warmUpSeconds: values.tiny ? 0 : 1,
};

const isNamed = (list: string | undefined, name: string) => list?.split(",").includes(name) ?? true;
const chosenPeers = peers.filter(
  ({ name, everyRounds }) => isNamed(values.peers, name) && (!values.quick || everyRounds === 1),
);
const chosenScenarios = (values.tiny ? scenarios.slice(0, 1) : scenarios).filter(({ name }) =>
  isNamed(values.only, name),
);

const absent = [wrkMissing(), ...chosenPeers.map(missing)].filter((text) => text !== null);
const tooMany = chosenScenarios.filter(
  ({ connections }) => descriptorsFor(connections) > descriptorsMax(),
);
for (const { name, connections } of tooMany) {
  absent.push(
    `${name} (${descriptorsFor(connections)} descriptors are needed, \`ulimit -Hn\` is ${descriptorsMax()})`,
  );
}
for (const text of absent) console.log(`missing: ${text}`);
if (wrkMissing() === null) await run();

async function run(): Promise<void> {
  const before = machine();
  const startedAtMs = performance.now();
  const samples: Sample[] = [];
  const failures: string[] = [];
  const measured = chosenScenarios.filter((scenario) => !tooMany.includes(scenario));
  const present = chosenPeers.filter((peer) => missing(peer) === null);
  let longestRoundMs = 0;
  let round = 0;
  for (; round < effort.rounds; round++) {
    const roundAtMs = performance.now();
    if (roundAtMs - startedAtMs + longestRoundMs > runMsMax) break;
    for (const step of stepsOf(round, measured, present)) await take(step, samples, failures);
    longestRoundMs = Math.max(longestRoundMs, performance.now() - roundAtMs);
  }

  const sections = measured.map((scenario) => sectionOf(scenario, samples));
  const told = targetsTable(samples);
  console.log(`\n${sections.join("\n\n")}\n\n### Targets\n\n${told}`);
  const isWhole = measured.length === scenarios.length && chosenPeers.length === peers.length;
  if (isWhole && !values.tiny && !values.quick) {
    const parts = [headerOf(before, round), ...failuresOf(failures), ...sections];
    await write([...parts, `### Targets\n\n${told}`, abilities()].join("\n\n"));
  }
  const isFailed = samples.some(({ peer, errors }) => peer === "Levain" && errors > 0);
  process.exitCode = isFailed || failures.some((text) => text.startsWith("Levain")) ? 1 : 0;
}

/** One sample; a peer that fails is told of and does not end the run. */
async function take(step: Step, samples: Sample[], failures: string[]): Promise<void> {
  const { peer, scenario, round } = step;
  const where = `round ${round + 1}  ${scenario.name.padEnd(16)} ${peer.name.padEnd(24)}`;
  try {
    const sample = await sampleOf(step, effort);
    samples.push(sample);
    const failed = sample.errors === 0 ? "" : `, ${sample.errors} errors`;
    console.log(`  ${where} ${Math.round(sample.requestsPerS)} requests/s${failed}`);
  } catch (error) {
    failures.push(
      `${peer.name}, ${scenario.name}, round ${round + 1}: ${(error as Error).message}`,
    );
    console.log(`  ${where} failed: ${(error as Error).message}`);
  }
}

function sectionOf({ name, about }: Scenario, samples: readonly Sample[]): string {
  const own = samples.filter(({ scenario }) => scenario === name);
  return `### ${name}\n\n${about}\n\n${own.length === 0 ? "not measured" : tableOf(own)}`;
}

function failuresOf(failures: readonly string[]): string[] {
  return failures.length === 0 ? [] : [`Failed: ${failures.join("; ")}.`];
}

function abilities(): string {
  return (
    "### What the rates are of\n\n" +
    'As each peer is measured here; what could be built around it is not counted. "Knows apps, versions, limits": a deploy ' +
    "without a lost request, back to an earlier version, memory and time of each app bounded, and an answer of its own when " +
    `an app is down.\n\n${abilitiesTable()}`
  );
}

function headerOf(before: string, roundsDone: number): string {
  const seldom = peers.filter(({ everyRounds }) => everyRounds > 1).map(({ name }) => name);
  const ofRounds =
    roundsDone < effort.rounds ? ` (${effort.rounds} were asked for; the time was over)` : "";
  return [
    "## Requests: the edge and its peers",
    `${before} ${loadavg()[0]!.toFixed(1)} after (the run itself is about 2).`,
    `${roundsDone} rounds${ofRounds} of ${effort.seconds} s after ${effort.warmUpSeconds} s of warm-up, \`wrk -t1\`, 50 ` +
      "connections where nothing else is said; fresh processes in each, the order of the peers turned every round. " +
      `${seldom.join(", ")}: in every third round. All peers run the same apps. HAProxy (1 thread), nginx (1 worker) and ` +
      "Caddy (as many threads as it likes) stand in front of the app on a unix socket with kept connections and add nothing " +
      "to the requests; Levain adds its request id, trace context and forwarded headers, keeps its deadlines and counts what " +
      "each app has in flight. Where a peer is one process, it is the app. Trust ratios, which are taken within a round, " +
      "and CPU time, which a neighbour on the machine changes least.",
    ...(absent.length === 0 ? [] : [`Missing: ${absent.join("; ")}.`]),
  ].join("\n\n");
}

async function write(text: string): Promise<void> {
  const file = Bun.file(RESULTS);
  const document = (await file.exists()) ? await file.text() : "# Results\n";
  await Bun.write(RESULTS, withSection(document, "requests", text));
  console.log(`\nwritten to ${RESULTS}`);
}
