/**
 * Goal: what a session of PostgreSQL has is there after its server connection was lost, and what cannot be made anew is
 * missed with an error, once and at once. Method: real clients through a relay to a server whose connections are ended,
 * reset and swallowed.
 *
 *   bun test ./test/recovery/session-state.suite.ts
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import pg from "pg";
import postgres from "postgres";
import { LOSSES, lose } from "./losses.ts";
import { startRecoveryServer, type TestServer } from "./recovery-server.ts";
import { type RelayWay, relayWay } from "./ways.ts";

/** How long anything here may take on a busy machine; without an answer by then it hangs. Milliseconds. */
const answerTimeoutMs = 8000;
const testTimeoutMs = 60_000;

let server: TestServer;
let way: RelayWay;

beforeAll(async () => {
  server = await startRecoveryServer();
  way = await relayWay(server);
}, testTimeoutMs);
afterAll(async () => {
  await way[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
}, testTimeoutMs);

/** A client with one session. Dispose it to end that. */
async function openSession(options: pg.ClientConfig = {}) {
  const client = new pg.Client({ connectionString: way.databaseUrl, ...options });
  client.on("error", () => {});
  await client.connect();
  const ask = async (text: string, values: unknown[] = []) => {
    const { rows } = await within(client.query(text, values));
    return rows;
  };
  return { client, ask, [Symbol.asyncDispose]: () => client.end() };
}

/** Rejects when there is no answer in good time. */
async function within<Value>(work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer: it hangs")), answerTimeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** SQLSTATE of the error that work ends with; `none` when it does not. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await within(work);
    return "none";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

/** Of errors that say a connection was lost: connection failure, unknown outcome, shut down by the administrator. */
const lostCodes = /^(?:08006|08007|57P01|25P02)$/;

describe.each([...LOSSES])("a session whose connection was %s", (loss) => {
  test(
    "has its settings: search path, time zone, role, and those of its own",
    async () => {
      await using session = await openSession({ application_name: "till" });
      await session.ask("CREATE SCHEMA IF NOT EXISTS cellar");
      await session.ask("SET search_path = cellar, public");
      await session.ask("SET TIME ZONE 'Asia/Tokyo'");
      await session.ask("SELECT set_config('app.customer', '42', false)");
      await session.ask("BEGIN");
      await session.ask("SET LOCAL statement_timeout = '7s'");
      await session.ask("COMMIT");

      await lose(loss, way.scene);

      expect(
        await session.ask(
          `SELECT current_setting('search_path') AS path, current_setting('TimeZone') AS zone,
             current_setting('app.customer', true) AS customer,
             current_setting('application_name') AS name,
             current_setting('statement_timeout') AS timeout`,
        ),
      ).toEqual([
        { path: "cellar, public", zone: "Asia/Tokyo", customer: "42", name: "till", timeout: "0" },
      ]);
    },
    testTimeoutMs,
  );

  test(
    "has the role that it took",
    async () => {
      await server.sql(
        "DO $$ BEGIN CREATE ROLE baker; EXCEPTION WHEN duplicate_object THEN END $$; GRANT baker TO bakery",
      );
      await using session = await openSession();
      await session.ask("SET ROLE baker");

      await lose(loss, way.scene);

      expect(
        await session.ask("SELECT current_user::text AS who, session_user::text AS login"),
      ).toEqual([{ who: "baker", login: "bakery" }]);
    },
    testTimeoutMs,
  );

  test(
    "has its prepared statements, of the protocol and of SQL",
    async () => {
      await using session = await openSession();
      const named = () =>
        within(
          session.client.query({ name: "add", text: "SELECT $1::int + 1 AS sum", values: [1] }),
        );
      expect((await named()).rows).toEqual([{ sum: 2 }]);
      await session.ask("PREPARE twice (int) AS SELECT $1 * 2 AS product");

      await lose(loss, way.scene);

      expect((await named()).rows).toEqual([{ sum: 2 }]);
      expect(await session.ask("EXECUTE twice(21)")).toEqual([{ product: 42 }]);
    },
    testTimeoutMs,
  );

  test(
    "hears what it listens for",
    async () => {
      await using session = await openSession();
      const heard: string[] = [];
      session.client.on("notification", ({ payload }) => heard.push(payload ?? ""));
      await session.ask("LISTEN loaves");

      await lose(loss, way.scene);
      await session.ask("SELECT 1");
      await session.ask("SELECT pg_notify('loaves', 'rye')");
      await server.sql("NOTIFY loaves, 'of another database'");

      await within(until(() => heard.length > 0));
      expect(heard).toEqual(["rye"]);
    },
    testTimeoutMs,
  );

  test(
    "hears what others say without asking for anything itself",
    async () => {
      await using session = await openSession();
      const heard: string[] = [];
      session.client.on("notification", ({ payload }) => heard.push(payload ?? ""));
      await session.ask("LISTEN loaves");

      await lose(loss, way.scene);

      // What is said while nobody listens is lost for every client of PostgreSQL, so it is said until it is heard.
      await within(
        until(async () => {
          await using other = await openSession();
          await other.ask("NOTIFY loaves, 'wheat'");
          return heard.length > 0;
        }),
      );
      expect(heard).toContain("wheat");
    },
    testTimeoutMs,
  );

  test.each([
    ["a temporary table", "CREATE TEMP TABLE crumbs (id int)", "SELECT count(*) FROM crumbs"],
    ["an advisory lock", "SELECT pg_advisory_lock(7)", "SELECT pg_advisory_unlock(7)"],
    [
      "a cursor that outlives its transaction",
      "BEGIN; DECLARE tray CURSOR WITH HOLD FOR SELECT 1 AS loaf; COMMIT",
      "FETCH tray",
    ],
  ])(
    "is told that it has lost %s, once",
    async (_, make, use) => {
      await using session = await openSession();
      await session.ask(make);

      await lose(loss, way.scene);

      expect(await codeOf(session.ask(use))).toMatch(lostCodes);
      expect(await session.ask("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    },
    testTimeoutMs,
  );

  test(
    "is told that its open transaction was lost, and cannot commit it",
    async () => {
      await using session = await openSession();
      await session.ask("BEGIN");
      await session.ask("INSERT INTO loaves (id) VALUES (-1)");

      await lose(loss, way.scene);

      expect(await codeOf(session.ask("INSERT INTO loaves (id) VALUES (-1)"))).toMatch(lostCodes);
      expect(await codeOf(session.ask("SELECT 1"))).toBe("25P02");
      expect((await within(session.client.query("COMMIT"))).command).toBe("ROLLBACK");
      expect(await session.ask("SELECT count(*)::int AS rows FROM loaves WHERE id = -1")).toEqual([
        { rows: 0 },
      ]);
    },
    testTimeoutMs,
  );

  test(
    "does not take a COMMIT of a lost transaction for done",
    async () => {
      await using session = await openSession();
      await session.ask("BEGIN");
      await session.ask("INSERT INTO loaves (id) VALUES (-2)");

      await lose(loss, way.scene);

      expect(await codeOf(session.ask("COMMIT"))).toMatch(lostCodes);
      expect(await session.ask("SELECT count(*)::int AS rows FROM loaves WHERE id = -2")).toEqual([
        { rows: 0 },
      ]);
    },
    testTimeoutMs,
  );
});

/** Waits for a condition; `within` bounds it. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + answerTimeoutMs;
  while (!(await condition())) {
    if (performance.now() > endMs) return;
    await Bun.sleep(20);
  }
}

describe.each(["terminated", "reset"] as const)("at the moment its connection is %s", (loss) => {
  test(
    "a query under way in a transaction fails at once, and the pool goes on",
    async () => {
      const sql = postgres(way.databaseUrl, { max: 2 });
      try {
        const begun = Promise.withResolvers<void>();
        const work = sql.begin(async (transaction) => {
          await transaction`INSERT INTO loaves (id) VALUES (-3)`;
          const slow = transaction`SELECT pg_sleep(60)`.execute();
          begun.resolve();
          await slow;
        });
        const code = codeOf(work);
        await begun.promise;
        await untilRunning("pg_sleep");
        await lose(loss, way.scene);

        expect(await code).toMatch(lostCodes);
        const [row] = await within(
          sql`SELECT count(*)::int AS rows FROM loaves WHERE id = -3`.execute(),
        );
        expect(row!["rows"]).toBe(0);
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    testTimeoutMs,
  );

  test(
    "COPY into a table fails with an error, leaves no row, and the pool goes on",
    async () => {
      const sql = postgres(way.databaseUrl, { max: 2 });
      try {
        const copy = await sql`COPY loaves (id) FROM STDIN`.writable();
        const failed = new Promise<Error>((resolve) => copy.on("error", resolve));
        copy.write("-4\n-4\n");
        await untilRunning("COPY loaves");
        await lose(loss, way.scene);

        expect((await within(failed)) as unknown).toMatchObject({
          code: expect.stringMatching(lostCodes),
        });
        const [row] = await within(
          sql`SELECT count(*)::int AS rows FROM loaves WHERE id = -4`.execute(),
        );
        expect(row!["rows"]).toBe(0);
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    testTimeoutMs,
  );

  test(
    "COPY out of a query that has sent rows fails with an error, and the pool goes on",
    async () => {
      const sql = postgres(way.databaseUrl, { max: 2 });
      try {
        // More than comes before the loss.
        const rows =
          await sql`COPY (SELECT repeat('x', 1000) FROM generate_series(1, 5000000)) TO STDOUT`.readable();
        const failed = new Promise<Error | null>((resolve) => {
          rows.on("error", resolve);
          rows.on("end", () => resolve(null));
        });
        // It reads all the time: an error behind rows that wait for a reader leaves this client's connection paused for good, as
        // a division by zero in the middle of a COPY does with PostgreSQL alone.
        await new Promise((resolve) => rows.on("data", resolve));
        await lose(loss, way.scene);

        // An error of ours would be read as the rest of the row that was cut.
        expect((await within(failed)) as unknown).toMatchObject({
          code: expect.stringMatching(/^(?:57P01|08007|CONNECTION_CLOSED)$/),
        });
        const [row] = await within(sql`SELECT 1 AS one`.execute());
        expect(row!["one"]).toBe(1);
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    testTimeoutMs,
  );
});

describe("while the server is away", () => {
  test(
    "queries wait and are answered when it is back",
    async () => {
      await using session = await openSession();
      await session.ask("SELECT 1");

      const restarted = server.restart();
      await within(until(() => server.postgres.state().state !== "ready"));
      const answer = session.ask("SELECT 2 AS two");
      await restarted;

      expect(await answer).toEqual([{ two: 2 }]);
    },
    testTimeoutMs,
  );

  test(
    "a query that waits too long is told that the server cannot be reached, and the next one works",
    async () => {
      await using session = await openSession();
      await session.ask("SELECT 1");

      way.scene.path.block();
      await lose("swallowed", way.scene);
      const code = await session.client.query("SELECT 2").then(
        () => "none",
        ({ code }) => code,
      );
      way.scene.path.unblock();

      expect(code).toBe("57P03");
      expect(await session.ask("SELECT 3 AS three")).toEqual([{ three: 3 }]);
    },
    testTimeoutMs,
  );
});

/** Waits until the server runs a statement of the role that contains `text`. */
async function untilRunning(text: string): Promise<void> {
  await within(
    until(async () => {
      const rows = await server.sql(
        `SELECT 1 FROM pg_stat_activity WHERE usename = '${way.scene.role}' AND state = 'active'
           AND query LIKE '%${text}%'`,
      );
      return rows.length > 0;
    }),
  );
}
