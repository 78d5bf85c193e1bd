/**
 * What a query costs the relay's own code, without a socket: clients and server in memory, eight queries under way at once. The
 * least of many slices is what it costs where nobody disturbs it, compiled and with the collector at work.
 *
 *   bun bench/relay-in-memory.ts          microseconds per query
 *   bun bench/relay-in-memory.ts --tiny   a moment: that it runs
 */
import { systemClock } from "../src/base/clock.ts";
import { Deadlines } from "../src/base/deadlines.ts";
import { TurnClock } from "../src/base/turn-clock.ts";
import { until } from "../src/base/until-for-tests.ts";
import { databaseDefaults } from "../src/deploy/database-config.ts";
import { Framer } from "../src/relay/framer.ts";
import { GuardLog } from "../src/relay/guard-log.ts";
import {
  fromClient,
  fromServer,
  idle,
  int32,
  message,
  parameterStatus,
  query,
  readyForQuery,
  syncMessage,
} from "../src/relay/messages.ts";
import { Outlet } from "../src/relay/outlet.ts";
import { noGuard, type RelayDatabase } from "../src/relay/relay-api.ts";
import { ServedDatabase } from "../src/relay/served-database.ts";
import { Session } from "../src/relay/session.ts";
import { answerKinds } from "../src/relay/session-answers.ts";

const isTiny = process.argv.includes("--tiny");
const clients = 8;
/** Queries of one slice: some milliseconds. */
const sliceQueries = isTiny ? 80 : 4000;
/** Slices before those that count: code is compiled meanwhile. */
const warmUpSlices = isTiny ? 1 : 25;
const slices = isTiny ? 2 : 100;
const rows = 1000;

const settings = ["TimeZone", "DateStyle", "client_encoding", "application_name", "search_path"];
const logIn = Buffer.concat([
  message(fromServer.authentication, int32(0)),
  ...settings.map((name) => parameterStatus(name, "as ever")),
  message(fromServer.backendKey, int32(1), int32(2)),
  readyForQuery(idle),
]);
/** Lets everybody in, and says nothing more. */
const fakeServer = Bun.listen<{ hasLoggedIn: boolean }>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open(socket) {
      socket.data = { hasLoggedIn: false };
    },
    data(socket) {
      if (!socket.data.hasLoggedIn) socket.write(logIn);
      socket.data.hasLoggedIn = true;
    },
  },
});

const two = Buffer.alloc(2);
const one = Buffer.from([0, 1]);
const row = Buffer.concat([
  message(fromServer.dataRow, one, int32(3), Buffer.from("123")),
  message(fromServer.commandComplete, "SELECT 1"),
  readyForQuery(idle),
]);
const statement = "SELECT balance FROM accounts WHERE id = $1::int";
const modes = {
  simple: {
    first: query("SELECT 1"),
    firstAnswer: row,
    ask: (id: number) => query(`SELECT balance FROM accounts WHERE id = ${id}`),
    answer: Buffer.concat([
      message(fromServer.rowDescription, one, "balance", Buffer.alloc(18)),
      row,
    ]),
  },
  prepared: {
    first: Buffer.concat([message(fromClient.parse, "one", statement, two), syncMessage]),
    firstAnswer: Buffer.concat([message(fromServer.parseComplete), readyForQuery(idle)]),
    ask(id: number) {
      const value = Buffer.from(String(id));
      const parameters = [two, one, int32(value.length), value, two];
      return Buffer.concat([
        message(fromClient.bind, "", "one", ...parameters),
        message(fromClient.execute, "", int32(0)),
        syncMessage,
      ]);
    },
    answer: Buffer.concat([message(fromServer.bindComplete), row]),
  },
};

const clock = new TurnClock(systemClock);
const deadlines = new Deadlines(clock);
deadlines.start();

function served(pooling: RelayDatabase["pooling"]): ServedDatabase {
  const { statementTimeoutMs, transactionTimeoutMs, slowStatementMs, queriesPerRequestMax } =
    databaseDefaults;
  const rules = { statementTimeoutMs, transactionTimeoutMs, slowStatementMs, queriesPerRequestMax };
  const address = { kind: "tcp", host: "127.0.0.1", port: fakeServer.port, tls: null } as const;
  const [role, password] = ["role", "password"];
  return new ServedDatabase({
    database: {
      ...{ name: "shop", app: "shop", branch: "main", role, password, pooling },
      server: { address, database: "shop" },
      connectionsMax: clients,
      sessionsMax: clients,
      guard: { ...noGuard, ...rules },
    },
    clock,
    deadlines,
    salt: Buffer.alloc(16),
    log: { write() {} },
    guardLog: new GuardLog(clock, deadlines, () => {}),
    onLeft() {},
  });
}

/** A client whose socket takes everything at once. */
function clientOf(database: ServedDatabase, pid: number): { framer: Framer; session: Session } {
  const raw = {
    write: (bytes: Uint8Array, _from?: number, length = bytes.length) => length,
    pause() {},
    resume() {},
    end() {},
    terminate() {},
  };
  // The session gives it its own sink.
  const framer = new Framer(answerKinds, undefined as never);
  const identity = { pid, key: Buffer.alloc(4), parameters: database.shared(new Map()) };
  const session = new Session(database, new Outlet(raw), framer, identity);
  database.sessions.add(session);
  session.start();
  return { framer, session };
}

async function microseconds(
  pooling: RelayDatabase["pooling"],
  { first, firstAnswer, ask, answer }: (typeof modes)["simple"],
): Promise<number> {
  const database = served(pooling);
  const all = Array.from({ length: clients }, (_, index) => clientOf(database, index + 1));
  for (const { framer } of all) framer.read(Buffer.from(first));
  await until(() => all.every(({ session }) => session.server !== null));
  for (const { session } of all) {
    // Nothing leaves from here on.
    session.server!.write = () => {};
  }
  for (const { session } of all) session.server!.onData(Buffer.from(firstAnswer));
  const texts = Array.from({ length: rows }, (_, id) => ask(id));
  let next = 0;
  const slice = (): number => {
    // What Bun does for each chunk that comes is no part of it.
    const asked = Array.from({ length: sliceQueries }, (_, at) =>
      Buffer.from(texts[(next + at) % rows]!),
    );
    const answers = asked.map(() => Buffer.from(answer));
    next += sliceQueries;
    const startedMs = performance.now();
    for (let at = 0; at < sliceQueries; at += clients) {
      for (let index = 0; index < clients; index += 1) {
        clock.nowMs();
        all[index]!.framer.read(asked[at + index]!);
      }
      for (let index = 0; index < clients; index += 1) {
        all[index]!.session.server!.onData(answers[at + index]!);
      }
    }
    return ((performance.now() - startedMs) * 1000) / sliceQueries;
  };
  for (let count = 0; count < warmUpSlices; count += 1) {
    slice();
    await Bun.sleep(1);
  }
  let least = Number.POSITIVE_INFINITY;
  for (let count = 0; count < slices; count += 1) least = Math.min(least, slice());
  for (const { session } of all) session.leave();
  await database.close("57P01", "over");
  return least;
}

console.log("| pooling | queries | µs per query |\n| --- | --- | --- |");
for (const pooling of ["session", "transaction"] as const) {
  for (const name of ["simple", "prepared"] as const) {
    const took = await microseconds(pooling, modes[name]);
    console.log(`| ${pooling} | ${name} | ${took.toFixed(2)} |`);
  }
}
process.exit(0);
