/** Goal: what a branch's database is from its first deploy to its end. Method: a real PostgreSQL; no clients, so no relay. */
import { describe, expect, test } from "bun:test";
import pg from "pg";
import { PlatformError } from "../base/errors.ts";
import { until } from "../base/until-for-tests.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { request, testDatabases } from "./databases-for-tests.ts";

const postgres = withTestPostgres();

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "nothing was thrown",
    (error) => (error as PlatformError).code,
  );

describe("ensure", () => {
  test("production begins with an empty database of its own role, and the next deploy finds it", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, relay } = setup;

    const first = await databases.ensure(request("main"));
    await ask("main", "CREATE TABLE items (id serial PRIMARY KEY)");
    const second = await databases.ensure(request("main", { poolMax: 3 }));

    expect(first.made).toMatchObject({ origin: "empty", parent: null });
    expect(second.made).toBeNull();
    expect(
      await ask(
        "main",
        "SELECT current_user::text AS role, rolsuper FROM pg_roles WHERE rolname = current_user",
      ),
    ).toEqual([{ role: "shop", rolsuper: false }]);
    expect(relay.databases.get("shop")).toMatchObject({ role: "shop", connectionsMax: 3 });
    expect(
      databases.environmentOf({ app: "shop", branch: "main", database: request("main").spec }, {}),
    ).toMatchObject({
      DATABASE_URL: expect.stringMatching(/^postgres:\/\/shop:[\w-]{43}@127\.0\.0\.1:4002\/shop$/),
      PGUSER: "shop",
    });
  });

  test("a branch has its parent's data, owns all of it, and neither sees what the other writes", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, records } = setup;
    await databases.ensure(request("main"));
    await ask(
      "main",
      `CREATE SCHEMA own; CREATE TYPE own.mood AS ENUM ('good'); CREATE TABLE own.items (id serial PRIMARY KEY, mood own.mood);
       INSERT INTO own.items (mood) VALUES ('good'), ('good'); CREATE VIEW own.all_items AS SELECT * FROM own.items;
       CREATE FUNCTION own.one() RETURNS int LANGUAGE sql AS 'SELECT 1'; GRANT SELECT ON own.items TO shop`,
    );

    const { made, name } = await databases.ensure(request("cart/fix"));
    await ask(
      "cart/fix",
      "ALTER TABLE own.items ADD COLUMN extra int; INSERT INTO own.items (mood) VALUES ('good')",
    );

    expect(name).toBe("cart-fix--shop");
    expect(made).toMatchObject({ origin: "data", parent: "main" });
    expect(made!.pauseMs).toBeGreaterThan(0);
    expect(await ask("cart/fix", "SELECT count(*)::int FROM own.all_items")).toEqual([
      { count: 3 },
    ]);
    expect(await ask("main", "SELECT * FROM own.items LIMIT 1")).toEqual([{ id: 1, mood: "good" }]);
    expect(
      await ask(
        "cart/fix",
        "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class WHERE relnamespace = 'own'::regnamespace",
      ),
    ).toEqual([{ owner: "cart-fix--shop" }]);
    expect(records.map(({ event, message }) => [event, message])).toEqual([
      ["database", expect.stringContaining("Queries on main were held for")],
    ]);
  });

  test('"schema" leaves tables without rows, sequences at their beginning and what migration tools remember', async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask } = setup;
    await databases.ensure(request("main"));
    await ask(
      "main",
      `CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);
       CREATE TABLE pets (id serial, owner int REFERENCES people); CREATE SEQUENCE numbers START 5;
       CREATE TABLE __drizzle_migrations (id serial, hash text);
       CREATE TABLE parts (at int) PARTITION BY RANGE (at); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
       INSERT INTO people (name) SELECT 'Ada' FROM generate_series(1, 100); INSERT INTO pets (owner) VALUES (1);
       INSERT INTO parts VALUES (1); INSERT INTO __drizzle_migrations (hash) VALUES ('a');
       SELECT nextval('numbers'), lo_create(4711); CREATE MATERIALIZED VIEW names AS SELECT name FROM people; ANALYZE`,
    );

    await databases.ensure(request("next", { from: "schema" }));

    const [counts] = await ask<Record<string, unknown>>(
      "next",
      `SELECT (SELECT count(*)::int FROM people) AS people, (SELECT count(*)::int FROM parts) AS parts,
         (SELECT count(*)::int FROM names) AS names, (SELECT count(*)::int FROM __drizzle_migrations) AS migrations,
         (SELECT count(*)::int FROM pg_stats WHERE tablename = 'people') AS samples,
         (SELECT count(*)::int FROM pg_largeobject_metadata) AS large, nextval('numbers')::int AS number`,
    );
    expect(counts).toEqual({
      people: 0,
      parts: 0,
      names: 0,
      migrations: 1,
      samples: 0,
      large: 0,
      number: 5,
    });
    expect(await ask("next", "INSERT INTO people (name) VALUES ('Bo') RETURNING id")).toEqual([
      { id: 1 },
    ]);
    expect(
      await ask("next", "INSERT INTO __drizzle_migrations (hash) VALUES ('b') RETURNING id"),
    ).toEqual([{ id: 2 }]);
  });

  test("a mask is run as the branch's role before anyone can connect, and one of the parent cannot be left out", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, relay } = setup;
    const parentMask = { mask: "UPDATE people SET name = 'hidden ' || current_user" };
    await databases.ensure(request("main", { mask: "mask.sql" }, parentMask));
    await ask(
      "main",
      "CREATE TABLE people (name text); INSERT INTO people VALUES ('Ada'); ANALYZE",
    );

    const { made } = await databases.ensure(request("next"));

    expect(made!.masks).toEqual(["mask.sql"]);
    expect(await ask("next", "SELECT name FROM people")).toEqual([{ name: "hidden next--shop" }]);
    expect(
      await ask(
        "next",
        "SELECT most_common_vals::text AS samples FROM pg_stats WHERE tablename = 'people'",
      ),
    ).not.toContainEqual(expect.objectContaining({ samples: expect.stringContaining("Ada") }));
    expect(relay.databases.has("next--shop")).toBe(true);
  });

  test("a mask that fails, or wants more than the role may, leaves nothing and says which line", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, onServer } = setup;
    await databases.ensure(request("main"));
    const before = await onServer();
    for (const [mask, what] of [
      ["SELECT 1;\nUPDATE nothing SET a = 1", 'relation "nothing" does not exist (line 2)'],
      ["RESET ROLE; SELECT pg_read_file('PG_VERSION')", "permission denied"],
      ["COPY (SELECT 1) TO PROGRAM 'id'", "permission denied"],
    ] as const) {
      const failed = databases.ensure(request("next", { mask: "db/mask.sql" }, { mask }));

      expect(await codeOf(failed)).toBe("DATABASE_MASK_FAILED");
      await expect(failed).rejects.toThrow(what);
    }
    expect(await onServer()).toEqual(before);
    expect(await setup.store.databases.leftovers()).toEqual([]);
    expect(databases.list().map(({ name }) => name)).toEqual(["shop"]);
  });

  test("a deploy that fails takes back what it made, and what it changed", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, onServer, relay } = setup;
    const main = await databases.ensure(request("main"));

    await (await databases.ensure(request("next"))).undo();
    await (await databases.ensure(request("main", { poolMax: 99 }))).undo();

    expect(await onServer()).toEqual({
      databases: [expect.stringMatching(/^shop_/)],
      roles: ["shop"],
    });
    expect(relay.databases.get("shop")?.connectionsMax).toBe(10);
    await main.undo();
    expect(await onServer()).toEqual({ databases: [], roles: [] });
    expect(databases.list()).toEqual([]);
  });

  test("a preview without production's database begins empty; a parent that was named must have one", async () => {
    await using setup = await testDatabases(postgres);
    const { databases } = setup;

    expect((await databases.ensure(request("next"))).made).toMatchObject({ origin: "empty" });
    expect(await codeOf(databases.ensure(request("other", {}, { parent: "gone" })))).toBe(
      "DATABASE_PARENT_MISSING",
    );
    expect((await databases.ensure(request("other", {}, { parent: "next" }))).made).toMatchObject({
      parent: "next",
    });
  });

  test("previews beyond what the app or the node may have are refused", async () => {
    const bounds = { previewsOfAppMax: 1, previewsMax: 1 };
    await using setup = await testDatabases(postgres, { bounds });
    const { databases } = setup;
    await databases.ensure(request("main"));
    await databases.ensure(request("one"));

    await expect(databases.ensure(request("two"))).rejects.toThrow(
      'app "shop" has 1, at most 1 are allowed',
    );
    await expect(databases.ensure(request("two", {}, { app: "blog" }))).rejects.toThrow(
      "the node has 1",
    );
    await databases.drop("shop", "one", "dropped by a test");
    await databases.ensure(request("two"));
  });

  test("twenty deploys of four new branches at once make four databases", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, onServer } = setup;
    await databases.ensure(request("main"));

    const branches = ["a", "b", "c", "d"];
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        databases.ensure(request(branches[index % 4]!, { from: "empty" })),
      ),
    );

    expect(made.filter((one) => one.made !== null)).toHaveLength(4);
    expect((await onServer()).databases).toHaveLength(5);
  }, 60_000);
});

describe("names and rights", () => {
  test("odd branches and apps named like the server's own users get names that are neither SQL nor taken", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, server, ask } = setup;
    for (const branch of [
      `x";DROP/DATABASE/levain;--`,
      "');SELECT/1;--",
      "ünïcødé/💥",
      "a".repeat(200),
      "v7",
      "+",
    ]) {
      const { name } = await databases.ensure(request(branch, { from: "empty" }));
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(await ask(branch, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    }
    for (const app of ["levain", "postgres", "public", "none"]) {
      await databases.ensure(request("main", {}, { app }));
      expect(databases.of(app, "main").role).toMatch(new RegExp(`^${app}_[0-9a-f]{8}$`));
    }
    expect(await server.rows("SELECT rolsuper FROM pg_roles WHERE rolname = 'levain'")).toEqual([
      { rolsuper: true },
    ]);
  }, 30_000);

  test("a branch whose host would be called like another one's has a database of its own", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask } = setup;
    await databases.ensure(request("main"));
    await databases.ensure(request("a.b"));
    await ask("a.b", "CREATE TABLE kept (id int)");

    const made = await Promise.all([
      databases.ensure(request("A_B")),
      databases.ensure(request("a/b")),
    ]);

    const names = made.map(({ name }) => name);
    expect(new Set(["a-b--shop", ...names]).size).toBe(3);
    expect(databases.list().map(({ branch }) => branch)).toEqual(["main", "a.b", "A_B", "a/b"]);
    expect(await ask("a.b", "SELECT * FROM kept")).toEqual([]);
  });

  test("a role whose password was changed by whoever has it works again after the next deploy, or a reset", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask } = setup;
    await databases.ensure(request("main"));
    await ask("main", "ALTER ROLE shop PASSWORD 'other'");
    expect(await ask("main", "SELECT 1").catch(() => "no log-in")).toBe("no log-in");

    await databases.ensure(request("main"));
    expect(await ask("main", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await ask("main", "ALTER ROLE shop PASSWORD 'other'");
    await databases.reset("shop", "main", { parent: null, from: null });

    expect(await ask("main", "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("a role gets into its own database and no other, and can do nothing to the server", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, server, ask } = setup;
    await databases.ensure(request("main"));
    await databases.ensure(request("main", {}, { app: "blog" }));
    const { login } = databases.loginOf("shop", "main");
    const blog = databases.loginOf("blog", "main").database;

    for (const database of [blog, "postgres", "template1", "levain"]) {
      const client = new pg.Client(server.configOf(database, login));
      await expect(client.connect(), database).rejects.toThrow(
        /permission denied for database|pg_hba/,
      );
    }
    for (const sql of [
      "CREATE DATABASE more",
      "CREATE ROLE more",
      "ALTER SYSTEM SET work_mem = '1GB'",
      "SELECT pg_read_file('PG_VERSION')",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'levain'",
      "COPY (SELECT 1) TO '/tmp/x'",
      `SET ROLE "blog"`,
      "CREATE EXTENSION dblink",
      "SELECT rolpassword FROM pg_authid",
    ]) {
      await expect(ask("main", sql), sql).rejects.toThrow(/denied|must be|only|superuser/i);
    }
  });

  test("extensions are made when they are safe, and what is missing is said for each", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, onServer } = setup;
    await databases.ensure(
      request("main", { extensions: ["pgcrypto", "citext", "earthdistance", "bloom"] }),
    );

    expect(await ask("main", "SELECT extname FROM pg_extension ORDER BY 1")).toEqual(
      ["bloom", "citext", "cube", "earthdistance", "pgcrypto", "plpgsql"].map((extname) => ({
        extname,
      })),
    );
    await databases.ensure(request("main", { extensions: ["hstore"] }));
    await databases.ensure(request("next", { extensions: ["hstore"] }));
    expect(
      await ask(
        "next",
        "SELECT 'a=>1'::hstore -> 'a' AS one, crypt('a', gen_salt('bf')) IS NOT NULL AS two",
      ),
    ).toEqual([{ one: "1", two: true }]);

    const before = await onServer();
    const failed = databases.ensure(
      request("third", { extensions: ["vector", "dblink", "pageinspect"] }),
    );
    expect(await codeOf(failed)).toBe("DATABASE_EXTENSION_MISSING");
    await expect(failed).rejects.toThrow(
      /"vector": .*does not have it.*"dblink": .*connects to other databases.*"pageinspect": .*those who run/,
    );
    expect(await onServer()).toEqual(before);
  });
});

describe("copies", () => {
  test("a session that does not come through the relay is named, and nothing is left", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, server, onServer, relay } = setup;
    await databases.ensure(request("main"));
    const before = await onServer();
    const { database, login } = databases.loginOf("shop", "main");
    const client = new pg.Client({
      ...server.configOf(database, login),
      application_name: "left open",
    });
    await client.connect();
    await client.query("BEGIN");

    const failed = databases.ensure(request("next"));

    expect(await codeOf(failed)).toBe("DATABASE_BUSY");
    await expect(failed).rejects.toThrow(/a session of shop \(left open\).*idle in transaction/);
    expect(relay.held.size).toBe(0);
    expect(await onServer()).toEqual(before);
    await client.end();
    await databases.ensure(request("next"));
  });

  test("a parent whose transactions do not end, or whose relay is away, is left as it was", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, onServer, relay } = setup;
    await databases.ensure(request("main"));
    await databases.ensure(request("next"));
    const before = await onServer();
    relay.onHold = async (name) => {
      throw new PlatformError("DATABASE_BUSY", [name, "a transaction is open for 61 s"]);
    };

    for (const work of [
      () => databases.ensure(request("other")),
      () => databases.reset("shop", "next", { parent: null, from: null }),
      () => databases.reset("shop", "next", { parent: null, from: "empty" }),
      () => databases.copyForTrial("shop", "main"),
    ]) {
      expect(await codeOf(work())).toBe("DATABASE_BUSY");
      expect(await onServer()).toEqual(before);
    }
    expect(await setup.store.databases.leftovers()).toEqual([]);
  });

  test("a server that goes away in the middle says so, and the next sweep takes what it left", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, onServer, relay } = setup;
    await databases.ensure(request("main"));
    const before = await onServer();
    relay.onHold = async () => {
      process.kill(postgres.server.pid!, "SIGKILL");
    };

    const code = await codeOf(databases.ensure(request("next")));
    expect(code).toMatch(/UNAVAILABLE/);
    relay.onHold = async () => {};
    // It is started again, which takes a moment to begin.
    const isSwept = async () => {
      await databases.sweep();
      return (await setup.store.databases.leftovers()).length === 0;
    };
    await until(() => isSwept().catch(() => false), 20_000);

    expect(await onServer()).toEqual(before);
    expect((await databases.ensure(request("next"))).made).toMatchObject({ origin: "data" });
  }, 60_000);

  test("a trial has all of the data and is gone when it is dropped", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, onServer, relay, server } = setup;
    await databases.ensure(request("main"));
    await ask("main", "CREATE TABLE items AS SELECT 1 AS id");

    const trial = await databases.copyForTrial("shop", "main");
    await server.within(
      trial.database,
      ({ run }) => run("DROP TABLE items; CREATE TABLE other ()"),
      { login: trial.login },
    );

    expect(trial.url).toContain(`/${trial.name}`);
    // What is tried cannot reach what is live by another name of the path.
    expect(trial.url).not.toContain(databases.of("shop", "main").password);
    expect(relay.databases.has(trial.name)).toBe(true);
    expect(await databases.sweep()).toEqual([]);
    await Promise.all([trial.drop(), trial.drop()]);
    expect(await ask("main", "SELECT * FROM items")).toEqual([{ id: 1 }]);
    expect((await onServer()).databases).toHaveLength(1);
    expect(relay.databases.has(trial.name)).toBe(false);
    expect(await setup.store.databases.leftovers()).toEqual([]);
  });

  test("a reset gives the parent's data of now under the same name and role", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, onServer, relay } = setup;
    await databases.ensure(request("main"));
    await databases.ensure(request("next"));
    const url = databases.urlOf("shop", "next");
    await ask("main", "CREATE TABLE items AS SELECT 1 AS id");
    await ask("next", "CREATE TABLE other ()");

    await databases.reset("shop", "next", { parent: null, from: null });

    expect(await ask("next", "INSERT INTO items VALUES (2) RETURNING id")).toEqual([{ id: 2 }]);
    expect(await ask("next", "SELECT to_regclass('other') AS other")).toEqual([{ other: null }]);
    expect(databases.urlOf("shop", "next")).toBe(url);
    expect(relay.databases.get("next--shop")?.server.database).toBe(
      databases.of("shop", "next").serverDatabase,
    );
    expect((await onServer()).databases).toHaveLength(2);

    await databases.reset("shop", "next", { parent: null, from: "empty" });
    expect(await ask("next", "SELECT to_regclass('items') AS items")).toEqual([{ items: null }]);
  });

  test("what cannot be filled leaves the database as it was", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, ask, onServer, server } = setup;
    await databases.ensure(request("main"));
    await ask("main", "CREATE TABLE items AS SELECT 1 AS id");

    const failed = databases.replace("shop", "main", (database, login) =>
      server.within(database, ({ run }) => run("CREATE TABLE a (); SELECT 1/0"), { login }),
    );

    await expect(failed).rejects.toThrow("division by zero");
    await failed.catch(() => {});
    expect(await ask("main", "SELECT * FROM items")).toEqual([{ id: 1 }]);
    await databases.replace("shop", "main", (database, login) =>
      server.within(database, ({ run }) => run("CREATE TABLE items AS SELECT 2 AS id"), { login }),
    );
    expect(await ask("main", "SELECT * FROM items")).toEqual([{ id: 2 }]);
    expect((await onServer()).databases).toHaveLength(1);
  });
});

describe("the end of a node", () => {
  test("what is half made is found by the next one and dropped; what somebody makes now is not", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, server, store, onServer, again } = setup;
    await databases.ensure(request("main"));
    const before = await onServer();
    await store.databases.addLeftover({ kind: "database", name: "shop_half" }, 1);
    await store.databases.addLeftover({ kind: "database", name: "shop_never" }, 1);
    await store.databases.addLeftover({ kind: "role", name: "half--shop" }, 1);
    await server.run(`CREATE ROLE "half--shop" LOGIN`);
    await server.run(`CREATE DATABASE shop_half OWNER "half--shop"`);

    const next = again();
    await next.open();
    await next.connect();
    await next.load();

    expect(next.list().map(({ name }) => name)).toEqual(["shop"]);
    expect(await onServer()).toEqual(before);
    expect(await store.databases.leftovers()).toEqual([]);
  });

  test("a node whose store does not answer knows the databases from its file", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, relay, again } = setup;
    await databases.ensure(request("main"));
    relay.databases.clear();

    const next = again();
    await next.open();
    await next.connect();

    expect(next.urlOf("shop", "main")).toBe(databases.urlOf("shop", "main"));
    expect(relay.databases.has("shop")).toBe(true);
  });

  test("removing an app takes all of its databases and roles", async () => {
    await using setup = await testDatabases(postgres);
    const { databases, onServer, ask, relay } = setup;
    await databases.ensure(request("main"));
    await ask(
      "main",
      "CREATE TABLE items (); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    );
    await databases.ensure(request("one"));
    await databases.ensure(request("two", {}, { parent: "one" }));

    await databases.remove("shop", null);

    expect(await onServer()).toEqual({ databases: [], roles: [] });
    expect(databases.list()).toEqual([]);
    expect(relay.databases.size).toBe(0);
    expect(await setup.store.databases.leftovers()).toEqual([]);
  });

  test("a dropped database is remembered with its reason until the next deploy makes it anew", async () => {
    await using setup = await testDatabases(postgres);
    const { databases } = setup;
    await databases.ensure(request("main"));
    await databases.ensure(request("next"));

    await databases.drop("shop", "next", "nobody used it for 7 days");

    expect(() => databases.urlOf("shop", "next")).toThrow(
      "it was dropped (nobody used it for 7 days)",
    );
    expect((await databases.ensure(request("next"))).made).toMatchObject({ parent: "main" });
    databases.urlOf("shop", "next");
  });
});
