/**
 * What a first request costs: to an app that has no process, without and with a spare, and to a frozen one; and how many
 * requests a second an ephemeral app answers next to the same app warm. Client and node are processes of their own.
 * Prints as it goes; a full run writes its section of `bench/RESULTS.md`.
 *
 *   bun bench/starts.ts [--starts 200] [--wakes 400] [--rounds 5] [--seconds 3] [--tiny]
 *
 * `--tiny` is a few of each and writes nothing. Exit 1 when a request had no answer of 200.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FirstByte } from "./first-byte.ts";
import { turned } from "./measure.ts";
import { waitedMs } from "./processes.ts";
import { median, percentile } from "./ratios.ts";
import { machine, withSection } from "./report.ts";
import { type WrkResult, wrk, wrkMissing } from "./wrk.ts";

const RESULTS = join(import.meta.dir, "RESULTS.md");

const { values } = parseArgs({
  options: {
    starts: { type: "string", default: "200" },
    wakes: { type: "string", default: "400" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    tiny: { type: "boolean", default: false },
  },
});
const effort = values.tiny
  ? { starts: 3, wakes: 5, rounds: 1, seconds: 1 }
  : {
      starts: Number(values.starts),
      wakes: Number(values.wakes),
      rounds: Number(values.rounds),
      seconds: Number(values.seconds),
    };

/** Connections of wrk: what an ephemeral app takes at once when it says nothing else. */
const connections = 10;

/** `-off`: without a sandbox. */
type RestingApp = "cold" | "cold-off" | "frozen";

/** The process of `starts-node.ts`. */
class Node implements AsyncDisposable {
  readonly port: number;
  readonly #child: Bun.Subprocess;
  readonly #next: () => Promise<unknown>;

  private constructor(child: Bun.Subprocess, next: () => Promise<unknown>, port: number) {
    this.#child = child;
    this.#next = next;
    this.port = port;
  }

  static async start(sparesMax: number): Promise<Node> {
    let heard = Promise.withResolvers<unknown>();
    const next = () => heard.promise;
    const child = Bun.spawn(
      [process.execPath, join(import.meta.dir, "starts-node.ts"), String(sparesMax)],
      {
        stdio: ["ignore", "ignore", "inherit"],
        ipc: (message) => {
          heard.resolve(message);
          heard = Promise.withResolvers();
        },
        onExit: () => {
          heard.promise.catch(() => {});
          heard.reject(new Error("the node has ended"));
        },
      },
    );
    const { port } = (await next()) as { port: number };
    return new Node(child, next, port);
  }

  host(app: string): string {
    return `${app}.localhost:${this.port}`;
  }

  /** Resolves when the app named so is in that state, with the ids of the node's process and of the app's. */
  async rest(app: RestingApp): Promise<number[]> {
    const done = this.#next();
    this.#child.send(app);
    return (await done) as number[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.exited;
  }
}

/** Turns that two kinds of start take. Count. */
const turns = 4;

interface FirstBytes {
  /** Milliseconds. */
  tookMs: number[];
  /** The same without the time in which a process that was running at the beginning waited for a core. */
  runningMs: number[];
}

/** Brings the app to rest and asks it, again and again. */
async function firstBytes(node: Node, app: RestingApp, count: number): Promise<FirstBytes> {
  using client = await FirstByte.connect(node.port, node.host(app));
  await client.measure();
  const tookMs: number[] = [];
  const runningMs: number[] = [];
  while (tookMs.length < count) {
    const pids = [process.pid, ...(await node.rest(app))];
    const before = pids.map(waitedMs);
    const ms = await client.measure();
    tookMs.push(ms);
    runningMs.push(ms - pids.reduce((sum, pid, at) => sum + waitedMs(pid) - before[at]!, 0));
  }
  return { tookMs, runningMs };
}

interface Rates {
  warm: number;
  /** Without a sandbox. */
  "warm-off": number;
  ephemeral: number;
  errors: number;
}

/** Requests a second of the same app, warm and ephemeral, in each round. */
async function rates(node: Node): Promise<Rates[]> {
  const ask = (app: string, seconds: number): Promise<WrkResult> =>
    wrk({
      url: `http://127.0.0.1:${node.port}/`,
      headers: [`Host: ${node.host(app)}`],
      connections,
      seconds,
    });
  const apps = ["warm", "warm-off", "ephemeral"] as const;
  for (const app of apps) await ask(app, 1);
  const rounds: Rates[] = [];
  for (let round = 0; round < effort.rounds; round++) {
    const rate: Rates = { warm: 0, "warm-off": 0, ephemeral: 0, errors: 0 };
    for (const app of turned(apps, round)) {
      const { requestsPerS, errors } = await ask(app, effort.seconds);
      rate[app] = requestsPerS;
      rate.errors += errors;
    }
    rounds.push(rate);
  }
  return rounds;
}

function timeRow(what: string, tookMs: readonly number[], target: string): string {
  const at = (share: number) => percentile(tookMs, share).toFixed(2);
  return `| ${what} | ${tookMs.length} | ${at(0.5)} | ${at(0.95)} | ${at(0.99)} | ${at(1)} | ${target} |`;
}

function rateTable(rounds: readonly Rates[]): string {
  const row = (name: string, app: Exclude<keyof Rates, "errors">, target: string) => {
    const ratios = rounds.map((one) => one[app] / one.warm);
    const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
    const rate = Math.round(median(rounds.map((one) => one[app])));
    return `| ${name} | ${rate} | ${median(ratios).toFixed(2)} (${spread}) | ${target} |`;
  };
  return [
    `| \`wrk -t1 -c${connections}\` | requests/s, median | × warm, median (range) | target |`,
    "| --- | --- | --- | --- |",
    row("warm", "warm", ""),
    row("warm, without a sandbox", "warm-off", "≤ 1.03"),
    row("ephemeral", "ephemeral", "≥ 6000, ≥ 0.30"),
  ].join("\n");
}

const before = machine();
const rows: string[] = [];
const report = (row: string) => {
  rows.push(row);
  console.log(row);
};
report("| first byte, ms | count | p50 | p95 | p99 | max | target |");
report("| --- | --- | --- | --- | --- | --- | --- |");
{
  await using node = await Node.start(0);
  const cold: number[] = [];
  const coldOff: number[] = [];
  // In turns, so that a busy minute falls on both.
  for (let turn = 0; turn < turns; turn++) {
    const count = Math.ceil(effort.starts / turns);
    cold.push(...(await firstBytes(node, "cold", count)).tookMs);
    coldOff.push(...(await firstBytes(node, "cold-off", count)).tookMs);
  }
  report(timeRow("cold", cold, "p95 ≤ 30"));
  report(timeRow("cold, without a sandbox", coldOff, "≥ cold - 10"));
  const frozen = await firstBytes(node, "frozen", effort.wakes);
  report(timeRow("frozen", frozen.tookMs, "p99 ≤ 2"));
  report(timeRow("frozen, without waits for a core", frozen.runningMs, ""));
}
{
  await using node = await Node.start(1);
  const spare = await firstBytes(node, "cold", effort.starts);
  report(timeRow("cold, spare", spare.tookMs, "p95 ≤ 8"));
}
let errors = 0;
if (wrkMissing() === null) {
  await using node = await Node.start(0);
  const rounds = await rates(node);
  errors = rounds.reduce((sum, round) => sum + round.errors, 0);
  report(`\n${rateTable(rounds)}`);
} else {
  report(`\nmissing: ${wrkMissing()}`);
}
if (!values.tiny) {
  const text = [
    "## Starts and wakes",
    before,
    "What the first request to an app at rest waits for its first byte, on a connection that is open, from a process of " +
      "its own. *cold*: the app (`examples/hello`) has no process; *spare*: one without an app stands ready. Then the rate " +
      "of one app with and without `ephemeral`, and without a sandbox, in turn. *Without waits for a core*: less the time that client, node and app " +
      "stood in the run queue (schedstat), which is what other work on the machine adds.",
    rows.join("\n"),
  ];
  await Bun.write(
    RESULTS,
    withSection(await Bun.file(RESULTS).text(), "starts", text.join("\n\n")),
  );
  console.log(`\nwritten to ${RESULTS}`);
}
process.exitCode = errors === 0 ? 0 : 1;
