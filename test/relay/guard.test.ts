/** Goal: rules hold whatever the client does. Method: `pg` through a relay in this process, with a real PostgreSQL behind it. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import pg from "pg";
import { until } from "../../src/base/until-for-tests.ts";
import type { GuardEvent } from "../../src/relay/guard-event.ts";
import { startRelay } from "../../src/relay/relay.ts";
import {
  type GuardRules,
  noGuard,
  type Relay,
  type RelayDatabase,
} from "../../src/relay/relay-api.ts";
import { withTestPostgres } from "../../src/store/postgres-for-tests.ts";
import type { LogRecord } from "../../src/telemetry/log-record.ts";

// All of them run side by side, on machines that do other things too.
setDefaultTimeout(30_000);
const postgres = withTestPostgres();

interface Setup extends AsyncDisposable {
  relay: Relay;
  events: GuardEvent[];
  open(config?: pg.ClientConfig): Promise<pg.Client>;
  direct(): Promise<pg.Client>;
  put(change: Partial<RelayDatabase>): Promise<void>;
  counters(): Promise<Record<string, number>>;
}

async function setup(
  guard: Partial<GuardRules>,
  change: Partial<RelayDatabase> = {},
): Promise<Setup> {
  const server = await postgres.database();
  const cleanUp: (() => Promise<unknown>)[] = [];
  const events: GuardEvent[] = [];
  const log = { write: (record: LogRecord) => void events.push(eventOf(record)) };
  const relay = startRelay({ port: 0, log });
  cleanUp.push(() => relay.stop());
  let database: RelayDatabase = {
    name: "shop",
    app: "shop",
    branch: "main",
    role: server.user,
    password: server.password,
    server: {
      address: { kind: "socket", folder: server.host, port: server.port },
      database: server.database,
    },
    pooling: "session",
    connectionsMax: 3,
    sessionsMax: 100,
    guard: { ...noGuard, ...guard },
    ...change,
  };
  await relay.put(database);
  const connect = async (config: pg.ClientConfig) => {
    const client = new pg.Client(config);
    client.on("error", () => {});
    await client.connect();
    cleanUp.push(() => client.end().catch(() => {}));
    return client;
  };
  const { user, password } = server;
  const through = { host: "127.0.0.1", port: relay.port, user, password, database: "shop" };
  return {
    relay,
    events,
    open: (config = {}) => connect({ ...through, ...config }),
    direct: () => connect(server),
    async put(next) {
      database = { ...database, ...next };
      await relay.put(database);
    },
    counters: async () => ({ ...(await relay.facts()).databases[0]!.counters }),
    async [Symbol.asyncDispose]() {
      for (const one of cleanUp.reverse()) await one();
    },
  };
}

/** A record as the event that it was made of. */
function eventOf({ app, message, requestId, fields = {} }: LogRecord): GuardEvent {
  const { kind, branch, database, ...rest } = fields;
  return { kind, branch, database, app, message, requestId, fields: rest } as GuardEvent;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );
const ofKind = (events: readonly GuardEvent[], kind: string) =>
  events.filter((event) => event.kind === kind);

describe.concurrent("slow statements", () => {
  test("are logged by shape, duration and rows, however they are sent, and never by value", async () => {
    await using given = await setup({ slowStatementMs: 500 });
    const { events, open, counters } = given;
    const client = await open();
    const named = { name: "n", text: "SELECT pg_sleep(0.6), $1::text, 'SECRET' AS named" };

    await client.query("SELECT pg_sleep(0.6), 'SECRET' AS simple FROM generate_series(1, 1)");
    await client.query("SELECT pg_sleep(0.6), $1::text AS extended", ["SECRET"]);
    await client.query({ ...named, values: ["SECRET"] });
    await client.query({ ...named, values: ["SECRET"] });
    await client.query("SELECT 'fast'");

    // A fast one may be slow on a busy machine; what was logged took long, whatever it was.
    const logged = ofKind(events, "slow-statement");
    expect(logged.every(({ fields }) => Number(fields["tookMs"]) >= 500)).toBe(true);
    const slow = logged.filter(({ fields }) => String(fields["shape"]).includes("pg_sleep"));
    expect(slow.map(({ fields }) => fields["shape"])).toEqual([
      "select pg_sleep(?), ? as simple from generate_series(?)",
      "select pg_sleep(?), ?::text as extended",
      "select pg_sleep(?), ?::text, ? as named",
      "select pg_sleep(?), ?::text, ? as named",
    ]);
    expect(slow[0]).toMatchObject({ app: "shop", branch: "main", fields: { rows: 1, errors: 0 } });
    expect(JSON.stringify(events)).not.toContain("SECRET");
    expect(await counters()).toMatchObject({ slowStatements: logged.length });
  });
});

describe.concurrent("queries of a request", () => {
  test("beyond their number are reported with the shape that was asked most often", async () => {
    await using given = await setup({ queriesPerRequestMax: 10 });
    const { events, open } = given;
    const client = await open();

    for (let id = 0; id < 12; id += 1) {
      const text = "/* levain:request=r-1 */ SELECT $1::int AS item";
      await client.query(text, [id]);
      await client.query(
        `/* levain:request=r-2 */ SELECT 'SECRET ${id}'`.slice(0, id < 5 ? 99 : 0) || ";",
      );
    }

    await until(() => events.length > 0);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      kind: "query-budget",
      requestId: "r-1",
      fields: { queries: 12, times: 12, shape: "select ?::int as item" },
    });
  });

  test("are found by application_name too, which a transaction can set for itself", async () => {
    await using given = await setup({ queriesPerRequestMax: 3 });
    const { events, open } = given;
    const client = await open();
    const named = { name: "item", text: "SELECT $1::int AS item" };

    await client.query("BEGIN");
    await client.query("SELECT set_config('application_name', $1, true)", ["levain:request=r-3"]);
    for (let id = 0; id < 6; id += 1) await client.query({ ...named, values: [id] });
    await client.query("COMMIT");
    for (let id = 0; id < 6; id += 1) await client.query({ ...named, values: [id] });

    await until(() => events.length > 0);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ requestId: "r-3", fields: { times: 6 } });
  });
});

describe.concurrent("time", () => {
  test("a statement that takes too long is cancelled by PostgreSQL", async () => {
    await using given = await setup({ statementTimeoutMs: 500 });
    const { open } = given;

    const client = await open();
    expect(await codeOf(client.query("SELECT pg_sleep(20)"))).toBe("57014");
  });

  test("a server that does not answer is cancelled by the relay, also when the client has switched its own bound off", async () => {
    await using given = await setup({ statementTimeoutMs: 500 });
    const { events, open, counters } = given;
    const client = await open();
    await client.query("SET statement_timeout = 0");

    expect(await codeOf(client.query("SELECT pg_sleep(20)"))).toBe("57014");

    expect(ofKind(events, "statement-timeout")[0]).toMatchObject({
      fields: { shape: "select pg_sleep(?)" },
    });
    expect(await counters()).toMatchObject({ timeouts: 1 });
    await client.query("SELECT 1");
  }, 60_000);

  test("a transaction that is open for too long is ended, and the client hears why", async () => {
    await using given = await setup({ transactionTimeoutMs: 1000 });
    const { events, open, direct } = given;
    const [client, other] = [await open(), await direct()];
    await other.query("CREATE TABLE t (a int)");
    await client.query("BEGIN");
    await client.query("INSERT INTO t VALUES (1)");

    await until(() => ofKind(events, "transaction-ended").length > 0);

    expect(await codeOf(client.query("SELECT 1"))).toBe("25P04");
    await client.query("ROLLBACK");
    expect((await client.query("SELECT count(*)::int AS a FROM t")).rows[0].a).toBe(0);
  }, 60_000);
});

describe.concurrent("connections", () => {
  test("beyond the budget wait, and get an error that says what to do", async () => {
    await using given = await setup({}, { connectionsMax: 1 });
    const { events, open } = given;
    const [one, two] = [await open(), await open()];
    await one.query("BEGIN");

    const waiting = two.query("SELECT 1").then(
      () => null,
      (error: pg.DatabaseError) => error,
    );
    const error = await waiting;

    expect(error).toMatchObject({ code: "53300" });
    expect(error?.hint).toContain("poolMax");
    expect(ofKind(events, "connection-budget")).toHaveLength(1);
    await one.query("COMMIT");
    await two.query("SELECT 1");
  }, 30_000);
});

describe.concurrent("the read-only switch", () => {
  test("refuses writes at once, also of sessions that are there, and lets them again", async () => {
    await using given = await setup({});
    const { open, put, direct } = given;
    const [client, other] = [await open(), await direct()];
    await other.query("CREATE TABLE t (a int)");
    await client.query("SET default_transaction_read_only = off");
    await client.query("INSERT INTO t VALUES (1)");

    await put({ guard: { ...noGuard, isReadOnly: true } });
    expect(await codeOf(client.query("INSERT INTO t VALUES (2)"))).toBe("25006");
    expect((await client.query("SELECT count(*)::int AS a FROM t")).rows[0].a).toBe(1);

    await put({ guard: noGuard });
    await client.query("INSERT INTO t VALUES (3)");
  });

  test("ends a session that is bound to a connection from before, and does not let it write first", async () => {
    await using given = await setup({});
    const { open, put, direct } = given;
    const [client, other] = [await open(), await direct()];
    await other.query("CREATE TABLE t (a int)");
    await client.query("CREATE TEMP TABLE own (a int)");

    await put({ guard: { ...noGuard, isReadOnly: true } });
    await client.query("INSERT INTO t VALUES (1)").catch(() => {});

    expect((await other.query("SELECT count(*)::int AS a FROM t")).rows[0].a).toBe(0);
    expect(await codeOf((await open()).query("INSERT INTO t VALUES (1)"))).toBe("25006");
  });

  test("is not undone by what commits on its own", async () => {
    await using given = await setup({ isReadOnly: true });
    const { open, direct } = given;
    const [client, other] = [await open(), await direct()];
    await other.query("CREATE TABLE t (a int)");
    const body = "BEGIN COMMIT; SET TRANSACTION READ WRITE; INSERT INTO t VALUES (1); COMMIT; END";
    await other.query(`CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ ${body} $$`);

    for (const sql of [
      `DO $$ ${body} $$`,
      `DO/**/$$ ${body} $$`,
      "CALL p()",
      "select 1; call p()",
    ]) {
      expect(await codeOf(client.query(sql))).toBe("25006");
    }
    expect(await codeOf(client.query("CALL p()", []))).toBe("25006");
    await client.query("BEGIN; DO $$ BEGIN PERFORM 1; END $$; COMMIT").catch(() => {});
    await client.query("BEGIN");
    await client.query("DO $$ BEGIN PERFORM 1; END $$");
    await client.query("ROLLBACK");
    expect((await other.query("SELECT count(*)::int AS a FROM t")).rows[0].a).toBe(0);
  });

  test.each([
    "SET default_transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "BEGIN READ WRITE",
    "SET TRANSACTION READ WRITE",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT set_config('default_' || 'transaction_read_only', 'off', false)",
  ])("is not undone by %s", async (sql) => {
    await using given = await setup({ isReadOnly: true });
    const { open, direct, events, counters } = given;
    const [client, other] = [await open(), await direct()];
    await other.query("CREATE TABLE t (a int)");

    expect(await codeOf(client.query(sql))).toBe("25006");
    expect(await codeOf(client.query(sql.replace("SELECT ", "SELECT /* */ "), []))).toBe("25006");
    expect(await codeOf(client.query("INSERT INTO t VALUES (1)"))).toBe("25006");
    expect(ofKind(events, "refused").length).toBeGreaterThan(0);
    expect((await counters())["refusals"]).toBe(2);
  });

  test("is not undone by RESET ALL, nor for longer than a batch by what a function does", async () => {
    await using given = await setup({ isReadOnly: true });
    const { open, direct } = given;
    const [client, other] = [await open(), await direct()];
    await other.query("CREATE TABLE t (a int)");
    await other.query(
      `CREATE FUNCTION f() RETURNS text LANGUAGE sql AS
       $$ SELECT set_config('default_transaction_read_only', 'off', false) $$`,
    );

    await client.query("RESET ALL");
    await client.query("DISCARD ALL");
    expect(await codeOf(client.query("INSERT INTO t VALUES (1)"))).toBe("25006");
    // PostgreSQL reports it, and the session ends before anything is written.
    expect(await codeOf(client.query("SELECT f()"))).toBe("25006");
    expect(await codeOf((await open()).query("INSERT INTO t VALUES (1)"))).toBe("25006");
    expect((await other.query("SELECT count(*)::int AS a FROM t")).rows[0].a).toBe(0);
  });
});
