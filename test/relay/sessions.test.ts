/** Goal: what clients notice of a relay, and of what happens to its connections. Method: real clients, real PostgreSQL. */
import { describe, expect, test } from "bun:test";
import { SQL } from "bun";
import pg from "pg";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  return client;
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: { code?: string; errno?: string }) => error.errno ?? error.code ?? String(error),
  );

describe("a session", () => {
  test("has the role and the database it was given, with simple and prepared queries", async () => {
    const { url, name } = await relayed.database();
    const client = await connected(url);

    const simple = await client.query("SELECT current_user AS role, current_database() AS name");
    const prepared = await client.query("SELECT $1::int + 1 AS next", [41]);

    expect(simple.rows).toEqual([{ role: name, name }]);
    expect(prepared.rows).toEqual([{ next: 42 }]);
    await client.end();
  });

  test("with a wrong password, or of a database that nobody knows, is refused alike", async () => {
    const { url } = await relayed.database();
    const wrong = url.replace(/secret-/, "secret-not-");
    const nowhere = url.replaceAll(/relayed-\d+/g, "relayed-nowhere");

    expect(await codeOf(connected(wrong))).toBe("28P01");
    expect(await codeOf(connected(nowhere))).toBe("28P01");
  });

  test("with a password of its own for clients takes that one, and not the server's", async () => {
    const { url } = await relayed.database({ clientPassword: "own" });
    const own = new URL(url);
    own.password = "own";

    expect(await codeOf(connected(url))).toBe("28P01");
    const client = await connected(own.href);
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test("passes PostgreSQL's own errors on, and goes on", async () => {
    const { url } = await relayed.database();
    const client = await connected(url);

    expect(await codeOf(client.query("SELEKT 1"))).toBe("42601");
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
});

describe("a server connection that ends", () => {
  test("is not noticed by idle sessions of pg and Bun.sql", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    const sql = new SQL(database.url, { max: 3 });
    const ask = () =>
      Promise.all([client.query("SELECT 1"), ...[1, 2, 3].map((n) => sql`SELECT ${n}::int AS n`)]);
    await ask();

    for (let round = 0; round < 5; round += 1) {
      expect(await database.terminate()).toBeGreaterThan(0);
      await ask();
    }

    await client.end();
    await sql.close();
  });

  test("leaves settings, prepared statements and LISTEN as they were", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    const heard = Promise.withResolvers<string | undefined>();
    client.on("notification", ({ payload }) => heard.resolve(payload));
    await client.query("SET search_path = pg_catalog, public");
    await client.query("SET my.thing = 'it''s \\ here'");
    await client.query("LISTEN news");
    await client.query("PREPARE plus AS SELECT $1::int + 1 AS next");
    await client.query({ name: "twice", text: "SELECT $1::int * 2 AS twice", values: [1] });

    await database.terminate();

    expect((await client.query("SHOW search_path")).rows[0].search_path).toBe("pg_catalog, public");
    expect((await client.query("SHOW my.thing")).rows[0]["my.thing"]).toBe("it's \\ here");
    expect((await client.query("EXECUTE plus(1)")).rows).toEqual([{ next: 2 }]);
    const twice = { name: "twice", text: "SELECT $1::int * 2 AS twice", values: [4] };
    expect((await client.query(twice)).rows).toEqual([{ twice: 8 }]);
    await client.query("NOTIFY news, 'hello'");
    expect(await heard.promise).toBe("hello");
    await client.end();
  });

  test("within a transaction is an error at once, and the session goes on after ROLLBACK", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    await client.query("CREATE TABLE kept (n int)");
    await client.query("BEGIN");
    await client.query("INSERT INTO kept VALUES (1)");

    await database.terminate();

    expect(await codeOf(client.query("INSERT INTO kept VALUES (2)"))).toBe("57P01");
    expect(await codeOf(client.query("INSERT INTO kept VALUES (3)"))).toBe("25P02");
    expect((await client.query("ROLLBACK")).command).toBe("ROLLBACK");
    expect((await client.query("SELECT count(*)::int AS n FROM kept")).rows).toEqual([{ n: 0 }]);
    await client.end();
  });

  test("before COMMIT makes COMMIT fail", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    await client.query("BEGIN");

    await database.terminate();

    expect(await codeOf(client.query("COMMIT"))).toBe("57P01");
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });

  test("takes a temporary table with it, which is said once", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    await client.query("CREATE TEMP TABLE scratch (n int)");

    await database.terminate();

    expect(await codeOf(client.query("SELECT 1"))).toBe("08006");
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
  });
});

describe("a hold", () => {
  test("leaves nobody on the database, and lets queries go on where they were", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    await client.query("SET application_name = 'mine'");

    const hold = await relayed.relay.hold(database.name, { timeoutMs: 5000 });
    const late = client.query("SHOW application_name");
    await relayed.admin(`CREATE DATABASE "${database.name}-copy" TEMPLATE "${database.name}"`);
    expect((await database.facts()).serverConnections).toBe(0);
    expect(await hold.release()).toBe(true);

    expect((await late).rows).toEqual([{ application_name: "mine" }]);
    expect(await hold.release()).toBe(false);
    await client.end();
  });

  test("is refused while a transaction is open, which goes on", async () => {
    const database = await relayed.database();
    const client = await connected(database.url);
    await client.query("BEGIN");

    const error = await relayed.relay
      .hold(database.name, { timeoutMs: 50 })
      .then(null, (thrown) => thrown);

    expect(error.code).toBe("DATABASE_BUSY");
    expect(error.message).toMatch(/a transaction has been open for \d+ ms/);
    expect((await client.query("COMMIT")).command).toBe("COMMIT");
    await client.end();
  });
});
