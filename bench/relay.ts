/**
 * What it costs to ask PostgreSQL through the relay, beside asking it directly, through PgBouncer, and through a process of
 * Bun that only passes bytes: in turns, so that ratios are of the same minute.
 *
 *   bun bench/relay.ts            several rounds, a few minutes
 *   bun bench/relay.ts --tiny     one short round of two scenarios: that it runs
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
  /** @param server its `host` is a folder where poolers are to use its unix socket */
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
  /** Poolers reach the server by its unix socket, as on a node; else over TCP, as everybody reaches everybody. */
  isNear?: boolean;
}

interface RelaySample extends Load {
  scenario: string;
  peer: string;
  round: number;
}

const isTiny = process.argv.includes("--tiny");
const rounds = isTiny ? 1 : Number(/--rounds=(\d+)/.exec(process.argv.join(" "))?.[1] ?? 5);
const effort = isTiny ? { warmUpMs: 50, measureMs: 150 } : { warmUpMs: 500, measureMs: 2000 };
/**
 * Load before all else. Bun compiles what runs often, which took 0.4 s of CPU within the first 25,000 queries, on other threads:
 * a pooler that lives for days pays that once. Milliseconds.
 */
const compileMs = isTiny ? 50 : 3000;
/** Connections meanwhile: many queries in little time. */
const compileConnections = 8;

/** Connections to the server: as many as the widest scenario has clients, so that nobody waits for one. */
const connectionsMax = 32;

const scenarios: Scenario[] = [
  { name: "simple, 1 connection", mode: "simple", connections: 1 },
  { name: "simple, 8 connections", mode: "simple", connections: 8 },
  { name: "simple, 32 connections", mode: "simple", connections: connectionsMax },
  { name: "prepared, 8 connections", mode: "prepared", connections: 8 },
  {
    name: "simple, 8 connections, as on a node: poolers reach the server by its unix socket",
    mode: "simple",
    connections: 8,
    isNear: true,
  },
];

const direct = "direct";
const peers: Peer[] = [
  {
    name: direct,
    isMissing: false,
    start: async ({ port }) => ({ port, pid: null, [Symbol.asyncDispose]: async () => {} }),
  },
  bytesOnly(),
  relay("session"),
  relay("transaction"),
  pgBouncer("session"),
  pgBouncer("transaction"),
];

/** What all of it costs that is not the relay's own doing: two sockets, and Bun between them. */
function bytesOnly(): Peer {
  return {
    name: "Bun, bytes only",
    isMissing: false,
    start: ({ host, port }) =>
      startScript(join(import.meta.dir, "peers/bytes-only.ts"), { host, port }),
  };
}

function relay(pooling: "session" | "transaction"): Peer {
  return {
    name: `relay, ${pooling}`,
    isMissing: false,
    start: (server) =>
      startScript(join(import.meta.dir, "serve-postgres-relay.ts"), {
        server,
        pooling,
        connectionsMax,
      }),
  };
}

async function startScript(script: string, options: object): Promise<RunningPooler> {
  const command = [process.execPath, script, JSON.stringify(options)];
  const { line, pid, [Symbol.asyncDispose]: dispose } = await start(command, "listening on");
  return { port: Number(/(\d+)$/.exec(line)?.[1]), pid, [Symbol.asyncDispose]: dispose };
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
  for (const scenario of isTiny ? [scenarios[1]!, scenarios.at(-1)!] : scenarios) {
    for (const peer of turned(peers, round)) {
      if (peer.isMissing || !canTake(peer, scenario)) continue;
      const host = scenario.isNear === true ? server.socketFolder : server.host;
      await using pooler = await peer.start({ ...server, host });
      const { user, password, database } = server;
      const order = { port: pooler.port, user, password, database, ...scenario, ...effort };
      const roles = { server: server.pid, ...(pooler.pid === null ? {} : { pooler: pooler.pid }) };
      if (pooler.pid !== null) {
        const first = { connections: compileConnections, warmUpMs: 0, measureMs: compileMs };
        await runLoad({ ...order, ...first }, {});
      }
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
  `${rounds} rounds of ${effort.measureMs / 1000} s after ${effort.warmUpMs / 1000} s of warm-up, poolers after ${compileMs / 1000} s more with ${compileConnections} connections, in which Bun compiles what runs often; each query asks for one row by its key, in a closed loop; fresh poolers in each round, their order turned. Clients come over TCP on the loopback interface, and so do poolers to the server unless it says otherwise; poolers with one thread. *Bun, bytes only* passes bytes between two sockets and looks at none: what is above it is the relay's own doing. Trust ratios, which are taken within a round, and CPU time.`,
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
