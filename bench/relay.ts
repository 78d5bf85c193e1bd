/**
 * What it costs to ask PostgreSQL through the relay, beside asking it directly and through PgBouncer: all over TCP on the
 * loopback interface, in turns, so that ratios are of the same minute.
 *
 *   bun bench/relay.ts            several rounds, a few minutes
 *   bun bench/relay.ts --tiny     one short round: that it runs
 *   bun bench/relay.ts --write    puts the table into bench/RESULTS.md
 */
import { join } from "node:path";
import { turned } from "./measure.ts";
import { pgBouncerMissing, pgBouncerProgram, startPgBouncer } from "./pgbouncer.ts";
import { type BenchPostgres, startBenchPostgres } from "./postgres.ts";
import { type Load, type LoadOrder, runLoad } from "./postgres-load.ts";
import { start } from "./processes.ts";
import { median, ratiosOf, spread } from "./ratios.ts";
import { machine, withSection } from "./report.ts";

interface Peer {
  name: string;
  isMissing: boolean;
  start(server: BenchPostgres): Promise<RunningPooler>;
}

interface RunningPooler extends AsyncDisposable {
  port: number;
  /** The process between client and server; null: none. */
  pid: number | null;
}

interface Scenario {
  name: string;
  mode: LoadOrder["mode"];
  connections: number;
}

interface RelaySample extends Load {
  scenario: string;
  peer: string;
  round: number;
}

const isTiny = process.argv.includes("--tiny");
const rounds = isTiny ? 1 : Number(/--rounds=(\d+)/.exec(process.argv.join(" "))?.[1] ?? 5);
const effort = isTiny ? { warmUpMs: 50, measureMs: 150 } : { warmUpMs: 500, measureMs: 2000 };

/** Connections to the server: as many as the widest scenario has clients, so that nobody waits for one. */
const connectionsMax = 32;

const scenarios: Scenario[] = [
  { name: "simple, 1 connection", mode: "simple", connections: 1 },
  { name: "simple, 8 connections", mode: "simple", connections: 8 },
  { name: "simple, 32 connections", mode: "simple", connections: connectionsMax },
  { name: "prepared, 8 connections", mode: "prepared", connections: 8 },
];

const direct = "direct";
const peers: Peer[] = [
  {
    name: direct,
    isMissing: false,
    start: async ({ port }) => ({ port, pid: null, [Symbol.asyncDispose]: async () => {} }),
  },
  relay("session"),
  relay("transaction"),
  pgBouncer("session"),
  pgBouncer("transaction"),
];

function relay(pooling: "session" | "transaction"): Peer {
  return {
    name: `relay, ${pooling}`,
    isMissing: false,
    async start(server) {
      const options = JSON.stringify({ server, pooling, connectionsMax });
      const script = join(import.meta.dir, "serve-postgres-relay.ts");
      const started = await start([process.execPath, script, options], "listening on");
      const port = Number(/(\d+)$/.exec(started.line)?.[1]);
      return { port, pid: started.pid, [Symbol.asyncDispose]: started[Symbol.asyncDispose] };
    },
  };
}

function pgBouncer(pooling: "session" | "transaction"): Peer {
  return {
    name: `PgBouncer, ${pooling}`,
    isMissing: pgBouncerProgram() === null,
    start: (server) => startPgBouncer({ server, pooling, connectionsMax }),
  };
}

/** PgBouncer before 1.21 knows nothing of prepared statements in transaction pooling. */
function canTake(peer: Peer, scenario: Scenario): boolean {
  return !(peer.name === "PgBouncer, transaction" && scenario.mode === "prepared");
}

const samples: RelaySample[] = [];
await using server = await startBenchPostgres();
const before = machine();
for (let round = 0; round < rounds; round += 1) {
  for (const scenario of isTiny ? scenarios.slice(1, 2) : scenarios) {
    for (const peer of turned(peers, round)) {
      if (peer.isMissing || !canTake(peer, scenario)) continue;
      await using pooler = await peer.start(server);
      const { user, password, database } = server;
      const order = { port: pooler.port, user, password, database, ...scenario, ...effort };
      const roles = { server: server.pid, ...(pooler.pid === null ? {} : { pooler: pooler.pid }) };
      const load = await runLoad(order, roles);
      samples.push({ scenario: scenario.name, peer: peer.name, round, ...load });
    }
  }
}

const lines = [
  "## The relay, PgBouncer, and nobody in between",
  "",
  before,
  "",
  `${rounds} rounds of ${effort.measureMs / 1000} s after ${effort.warmUpMs / 1000} s of warm-up; each query asks for one row by its key, in a closed loop; fresh poolers in each round, their order turned. All over TCP on the loopback interface; poolers with one thread. Trust ratios, which are taken within a round, and CPU time.`,
  "",
  ...scenarios.flatMap(({ name }) => tableOf(name)),
];
if (pgBouncerProgram() === null) lines.push(pgBouncerMissing);
const text = lines.join("\n");
console.log(text);
if (process.argv.includes("--write")) {
  const path = join(import.meta.dir, "RESULTS.md");
  await Bun.write(path, withSection(await Bun.file(path).text(), "relay", text));
}

function tableOf(scenario: string): string[] {
  const of = (peer: string) =>
    samples.filter((sample) => sample.scenario === scenario && sample.peer === peer);
  if (of(direct).length === 0) return [];
  const rows = peers
    .map(({ name }) => ({ name, own: of(name) }))
    .filter(({ own }) => own.length > 0)
    .map(({ name, own }) => {
      const ratios = (peer: string) => ratiosOf(rates(own), rates(of(peer)));
      const added = own.flatMap(({ round, p50Us }) => {
        const reference = of(direct).find((sample) => sample.round === round);
        return reference === undefined ? [] : [p50Us - reference.p50Us];
      });
      const cpu = (role: string) => {
        const spent = own.map(({ cpuUs }) => cpuUs[role] ?? 0);
        return median(spent).toFixed(1);
      };
      return [
        name,
        spread(
          own.map(({ queriesPerS }) => queriesPerS / 1000),
          1,
        ).replace(" ", " k "),
        spread(ratios(direct), 2),
        spread(ratios("PgBouncer, session"), 2),
        median(own.map(({ p50Us }) => p50Us)).toFixed(0),
        median(added).toFixed(0),
        median(own.map(({ p99Us }) => p99Us)).toFixed(0),
        cpu("pooler"),
        cpu("server"),
        cpu("client"),
        String(own.reduce((sum, { errors }) => sum + errors, 0)),
      ];
    });
  const head = [
    "peer",
    "queries/s, median (range)",
    "× direct",
    "× PgBouncer, session",
    "p50 µs",
    "added",
    "p99 µs",
    "CPU µs per query: pooler",
    "server",
    "client",
    "errors",
  ];
  const table = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return [`### ${scenario}`, "", ...table, ""];
}

function rates(of: readonly RelaySample[]) {
  return of.map(({ round, queriesPerS }) => ({ round, value: queriesPerS }));
}
