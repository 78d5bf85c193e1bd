/** Goal: a database is migrated whole or stays as it was, and its locks are seen. Method: a real PostgreSQL; copies are made as the node makes them. */
import { afterEach, describe, expect, test } from "bun:test";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { type MigrateOptions, type MigrationWork, migrate } from "./migrate.ts";
import type { MigrationReport, StageReport } from "./report.ts";
import { readMigrations } from "./sql-file.ts";

const postgres = withTestPostgres();
const clients: pg.Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => {});
});

const sql = (files: Record<string, string>): MigrationWork => ({
  way: "sql",
  source: "migrations",
  migrations: readMigrations(
    Object.entries(files).map(([name, text]) => ({ path: `${name}.sql`, text })),
  ),
});

/** A database with a table of some rows, and what is done to it. */
const setup = async () => {
  const login = await postgres.emptiedDatabase();
  const client = async (database = login.database) => {
    const made = new pg.Client({ ...login, database });
    made.on("error", () => {});
    await made.connect();
    clients.push(made);
    return made;
  };
  const rows = async (text: string) => {
    const asked = new pg.Client(login);
    await asked.connect();
    return (await asked.query(text).finally(() => asked.end())).rows;
  };
  await rows("DROP SCHEMA IF EXISTS _levain CASCADE; DROP SCHEMA IF EXISTS other CASCADE");
  await rows("CREATE TABLE orders (id int); INSERT INTO orders SELECT generate_series(1, 100)");
  const stages: string[] = [];
  const copies: string[] = [];
  const run = (work: MigrationWork, change: Partial<MigrateOptions> = {}) =>
    migrate({
      database: {
        open: async () => ({ login, url: async () => "", copy: null, close: async () => {} }),
        async copyForTrial() {
          const database = `${login.database}_trial_${copies.length}`;
          copies.push(database);
          const admin = await client("postgres");
          await admin.query(`CREATE DATABASE ${database} TEMPLATE ${login.database}`);
          return {
            login: { ...login, database },
            url: async () => database,
            copy: { copyMs: 1, pauseMs: 1 },
            close: async () => void (await admin.query(`DROP DATABASE ${database} WITH (FORCE)`)),
          };
        },
      },
      work,
      branch: "main",
      lockMs: 1000,
      timeoutMs: 20_000,
      isTrialled: true,
      clock: systemClock,
      signal: new AbortController().signal,
      onStage: (stage, pending) => void stages.push(`${stage} ${pending.join(" ")}`),
      onStageEnd: ({ stage, state }: StageReport) => void stages.push(`${stage} ${state}`),
      ...change,
    });
  const failure = async (...given: Parameters<typeof run>) => {
    const error = await run(...given).then(
      () => null,
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(PlatformError);
    return error as PlatformError & { detail: { migrations: MigrationReport } };
  };
  const columns = async () =>
    (
      await rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position",
      )
    ).map(({ column_name }) => column_name);
  return { login, client, rows, run, failure, columns, stages, copies };
};

describe("a folder of SQL files", () => {
  test("is applied first to a copy, then to the database, each file once", async () => {
    const { run, rows, columns, stages, copies } = await setup();
    const files = {
      "1_note": "ALTER TABLE orders ADD note text;",
      "2_more": "ALTER TABLE orders ADD more int",
    };

    const report = await run(sql(files));
    const again = await run(sql({ ...files }));
    const third = await run(sql({ ...files, "3_last": "ALTER TABLE orders ADD last int" }));

    expect(report).toMatchObject({
      pending: ["1_note", "2_more"],
      trial: { state: "succeeded", copyMs: 1, applied: [{ name: "1_note" }, { name: "2_more" }] },
      target: {
        state: "succeeded",
        copyMs: null,
        applied: [{ name: "1_note" }, { name: "2_more" }],
      },
      warnings: [],
    });
    expect(again).toMatchObject({ pending: [], trial: null, target: null });
    expect(third.pending).toEqual(["3_last"]);
    expect(copies).toHaveLength(2);
    expect(await columns()).toEqual(["id", "note", "more", "last"]);
    expect(await rows("SELECT name, state FROM _levain.levain_migrations ORDER BY name")).toEqual(
      ["1_note", "2_more", "3_last"].map((name) => ({ name, state: "applied" })),
    );
    expect(stages.slice(0, 4)).toEqual([
      "trial 1_note 2_more",
      "trial succeeded",
      "target 1_note 2_more",
      "target succeeded",
    ]);
  });

  test("that fails on the copy leaves the database as it was, and says the file and line", async () => {
    const { failure, columns, rows } = await setup();

    const error = await failure(
      sql({
        "1_note": "ALTER TABLE orders ADD note text",
        "2_bad": "SELECT 1;\n\nALTER TABLE nowhere ADD a int",
      }),
    );

    expect(error.code).toBe("MIGRATION_FAILED");
    expect(error.message).toBe(
      'Cannot migrate a copy of the database of branch "main", which is unharmed: 2_bad failed: relation "nowhere" does not exist',
    );
    expect(error.detail.migrations).toMatchObject({
      trial: { state: "failed", applied: [{ name: "1_note" }] },
      target: null,
    });
    expect(await columns()).toEqual(["id"]);
    expect(await rows("SELECT to_regclass('_levain.levain_migrations') AS there")).toEqual([
      { there: null },
    ]);
  });

  test("a syntax error is told with its line", async () => {
    const { failure } = await setup();

    const error = await failure(sql({ "1_bad": "SELECT 1;\nSELEC 2;" }));

    expect(error.message).toEndWith('syntax error at or near "SELEC" (line 2)');
  });

  test("a database that was made read-only is left as it is, and one with nothing to do is no matter", async () => {
    const { run, failure, login, columns, stages } = await setup();
    const database: MigrateOptions["database"] = {
      open: async () => ({
        login,
        url: async () => "",
        copy: null,
        isReadOnly: true,
        close: async () => {},
      }),
      copyForTrial: () => Promise.reject(new Error("no copy is made")),
    };

    const error = await failure(sql({ "1_note": "ALTER TABLE orders ADD note text" }), {
      database,
    });
    const nothing = await run(sql({}), { database });

    expect([error.code, stages, nothing.pending]).toEqual(["MIGRATION_READ_ONLY", [], []]);
    expect(await columns()).toEqual(["id"]);
  });

  test("a file that was changed after it was applied is an error before anything is run", async () => {
    const { run, failure, stages } = await setup();
    await run(sql({ "1_note": "ALTER TABLE orders ADD note text" }));
    stages.length = 0;

    const error = await failure(
      sql({ "1_note": "ALTER TABLE orders ADD note int", "2_a": "SELECT 1" }),
    );

    expect([error.code, stages]).toEqual(["MIGRATION_CHANGED", []]);
    expect(error.message).toContain("1_note.sql");
  });

  test("a file's settings and role are gone before the next one", async () => {
    const { run, rows } = await setup();

    await run(
      sql({
        "1_a":
          "CREATE SCHEMA other; SET search_path = other; SET lock_timeout = 0; CREATE TABLE t1 ()",
        "2_b":
          "CREATE TABLE t2 (); CREATE TABLE settings AS SELECT current_setting('lock_timeout') AS lock",
      }),
    );

    expect(
      await rows(
        "SELECT to_regclass('other.t1')::text AS t1, to_regclass('public.t2')::text AS t2",
      ),
    ).toEqual([{ t1: "other.t1", t2: "t2" }]);
    expect(await rows("SELECT lock FROM settings")).toEqual([{ lock: "1s" }]);
  });
});

describe("a file without a transaction", () => {
  const header = "-- levain: no-transaction\n";

  test("builds an index concurrently, statement by statement", async () => {
    const { run, rows } = await setup();

    const report = await run(
      sql({
        "1_index": `${header}CREATE INDEX CONCURRENTLY by_id ON orders (id);\nANALYZE orders;`,
      }),
    );

    expect(report.target?.state).toBe("succeeded");
    expect(
      await rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_id'::regclass"),
    ).toEqual([{ indisvalid: true }]);
  });

  test("that fails half-way is said to be half applied, and is run again by the next deploy", async () => {
    const { run, failure, columns, rows } = await setup();
    const bad = {
      "1_half": `${header}ALTER TABLE orders ADD a int;\nALTER TABLE orders ADD b nothing`,
    };

    const error = await failure(sql(bad), { isTrialled: false });
    const half = await columns();
    const mended = `${header}ALTER TABLE orders ADD IF NOT EXISTS a int;\nALTER TABLE orders ADD b int`;
    const report = await run(sql({ "1_half": mended }));

    expect(error.message).toContain("statement 2 (ALTER TABLE orders ADD b nothing)");
    expect(half).toEqual(["id", "a"]);
    expect(report.warnings[0]).toContain("1_half.sql was run before and did not end");
    expect(await columns()).toEqual(["id", "a", "b"]);
    expect(await rows("SELECT state FROM _levain.levain_migrations")).toEqual([
      { state: "applied" },
    ]);
  });

  test("an index that it leaves invalid is a failure, also where the statement takes it for a good one", async () => {
    const { rows, failure } = await setup();
    await rows("INSERT INTO orders VALUES (1)");
    const text = `${header}CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS by_id ON orders (id)`;

    const first = await failure(sql({ "1_index": text }), { isTrialled: false });

    expect(first.code).toBe("MIGRATION_FAILED");
    expect(first.message).toContain("could not create unique index");
  });
});

describe("locks", () => {
  test("one that is held beyond its budget on the copy stops there, with which, how long and by what", async () => {
    const { failure, columns } = await setup();

    const error = await failure(
      sql({ "1_slow": "ALTER TABLE orders ADD note text; SELECT pg_sleep(0.6)" }),
      { lockMs: 200 },
    );

    expect(error.code).toBe("MIGRATION_LOCK_EXCEEDED");
    expect(error.message).toContain(
      "held ACCESS EXCLUSIVE on public.orders, which blocks reads and writes",
    );
    const { trial, target } = error.detail.migrations;
    expect(trial?.held).toMatchObject({ relation: "public.orders", mode: "ACCESS EXCLUSIVE" });
    expect(trial!.held!.ms).toBeGreaterThan(200);
    expect(trial!.held!.statement).toContain("ALTER TABLE orders");
    expect(target).toBeNull();
    expect(await columns()).toEqual(["id"]);
  });

  test("a lock of somebody else's is neither counted nor ended", async () => {
    const { run, client, rows } = await setup();
    await rows("CREATE TABLE others (id int)");
    let theirs: Promise<unknown> = Promise.resolve();

    const report = await run(sql({ "1_wait": "SELECT pg_sleep(0.6)" }), {
      lockMs: 100,
      isTrialled: false,
      // Connected after the watch has begun, as the app's own sessions may be.
      onFile() {
        theirs = client().then((late) =>
          late.query("BEGIN; LOCK TABLE others; SELECT pg_sleep(0.3)"),
        );
      },
    });

    expect(report.target).toMatchObject({ state: "succeeded", held: null });
    await theirs;
  });

  test("a table that the migration itself makes holds nobody up", async () => {
    const { run } = await setup();

    const report = await run(
      sql({
        "1_new": "CREATE TABLE lines (id int); CREATE INDEX ON lines (id); SELECT pg_sleep(0.3)",
      }),
      { lockMs: 100 },
    );

    expect(report.trial?.held).toBeNull();
    expect(report.trial!.transactionMs).toBeGreaterThan(100);
  });

  test("one that is not to be had in time on the database is given up, and traffic goes on", async () => {
    const { failure, client, columns } = await setup();
    const reader = await client();
    await reader.query("BEGIN; SELECT * FROM orders");

    const error = await failure(sql({ "1_note": "ALTER TABLE orders ADD note text" }), {
      lockMs: 150,
      isTrialled: false,
    });
    await reader.query("COMMIT");

    expect(error.code).toBe("MIGRATION_LOCK_EXCEEDED");
    expect(error.message).toContain("waited for ACCESS EXCLUSIVE on public.orders");
    expect(await columns()).toEqual(["id"]);
  });

  test("one that comes free between two tries is had", async () => {
    const { run, client, columns } = await setup();
    const reader = await client();
    await reader.query("BEGIN; SELECT * FROM orders");
    const watcher = await client();
    const freed = (async () => {
      for (let isWaiting = false; !isWaiting; await Bun.sleep(5)) {
        const { rows } = await watcher.query("SELECT FROM pg_locks WHERE NOT granted");
        isWaiting = rows.length > 0;
      }
      for (let isWaiting = true; isWaiting; await Bun.sleep(5)) {
        const { rows } = await watcher.query("SELECT FROM pg_locks WHERE NOT granted");
        isWaiting = rows.length > 0;
      }
      await reader.query("COMMIT");
    })();

    // Long enough for the watcher to see it wait, on a busy machine too.
    const report = await run(sql({ "1_note": "ALTER TABLE orders ADD note text" }), {
      lockMs: 500,
      isTrialled: false,
    });
    await freed;

    expect(report.target?.state).toBe("succeeded");
    expect(await columns()).toEqual(["id", "note"]);
  });

  test("a session that holds one beyond its budget on the database is ended, whatever it has set", async () => {
    const { failure, columns } = await setup();

    const error = await failure(
      sql({
        "1_rude":
          "SET lock_timeout = 0; SET statement_timeout = 0; ALTER TABLE orders ADD note text; SELECT pg_sleep(15)",
      }),
      { lockMs: 200, isTrialled: false },
    );

    expect(error.code).toBe("MIGRATION_LOCK_EXCEEDED");
    expect(error.message).toContain("held ACCESS EXCLUSIVE on public.orders");
    expect(await columns()).toEqual(["id"]);
  });
});

describe("bounds", () => {
  test("a migration that takes too long is ended and rolled back", async () => {
    const { failure, columns } = await setup();

    const error = await failure(
      sql({ "1_long": "ALTER TABLE orders ADD a int; SELECT pg_sleep(15)" }),
      {
        timeoutMs: 300,
        isTrialled: false,
        lockMs: 10_000,
      },
    );

    expect(error.code).toBe("MIGRATION_TIMEOUT");
    expect(await columns()).toEqual(["id"]);
  });

  test("a deploy that is cancelled ends its migration, and the database rolls it back", async () => {
    const { run, columns } = await setup();
    const aborter = new AbortController();

    const running = run(sql({ "1_long": "ALTER TABLE orders ADD a int; SELECT pg_sleep(15)" }), {
      isTrialled: false,
      lockMs: 10_000,
      signal: aborter.signal,
      onFile: () => void setTimeout(() => aborter.abort(new Error("gone")), 50),
    });

    expect(running).rejects.toThrow("gone");
    await running.catch(() => {});
    expect(await columns()).toEqual(["id"]);
  });

  test("of two that migrate one database at once, the second finds the work done", async () => {
    const { run, columns } = await setup();
    const work = sql({ "1_a": "ALTER TABLE orders ADD a int; SELECT pg_sleep(0.2)" });

    const [first, second] = await Promise.all([
      run(work, { isTrialled: false }),
      run(work, { isTrialled: false }),
    ]);

    expect([first.target?.state, second.target?.state]).toEqual(["succeeded", "succeeded"]);
    expect((first.target?.applied.length ?? 0) + (second.target?.applied.length ?? 0)).toBe(1);
    expect(await columns()).toEqual(["id", "a"]);
  });
});

describe("a command or module", () => {
  /** What a project's own migrator does to a database, as if it were a process. */
  const command = (
    work: (client: pg.Client) => Promise<unknown>,
    login: pg.ClientConfig,
    inputs = "a",
  ) => {
    const runs: string[] = [];
    const given: MigrationWork = {
      way: "command",
      source: "migrate it",
      inputs,
      async run(url) {
        runs.push(url);
        const client = new pg.Client(url === "" ? login : { ...login, database: url });
        client.on("error", () => {});
        await client.connect();
        try {
          await work(client);
          return { lines: ["done"], failure: null, isLate: false };
        } catch (error) {
          return { lines: [String(error)], failure: "exit code 1", isLate: false };
        } finally {
          await client.end();
        }
      },
    };
    return { given, runs };
  };

  test("is run once for each state of what it depends on", async () => {
    const { run, login } = await setup();
    const { given, runs } = command((client) => client.query("SELECT 1"), login);

    const first = await run(given);
    const same = await run(given);
    const other = await run({ ...given, inputs: "b" } as MigrationWork);

    expect(first).toMatchObject({ pending: ["migrate it"], target: { output: ["done"] } });
    expect([same.pending, other.pending]).toEqual([[], ["migrate it"]]);
    expect(runs).toHaveLength(4);
  });

  test("that fails on the copy leaves the database as it was, with its last lines as evidence", async () => {
    const { failure, login, columns } = await setup();
    const { given } = command(async (client) => {
      await client.query("ALTER TABLE orders ADD a int");
      throw new Error("and then this");
    }, login);

    const error = await failure(given);

    expect(error.message).toContain("migrate it failed: exit code 1");
    expect(error.detail.migrations.trial?.output).toEqual(["Error: and then this"]);
    expect(await columns()).toEqual(["id"]);
  });

  test("has its locks watched as well, and is ended when it goes over its budget on the database", async () => {
    const { failure, login, columns } = await setup();
    const { given } = command(
      (client) => client.query("BEGIN; ALTER TABLE orders ADD a int; SELECT pg_sleep(15)"),
      login,
    );

    const error = await failure(given, { lockMs: 200, isTrialled: false });

    expect(error.code).toBe("MIGRATION_LOCK_EXCEEDED");
    expect(await columns()).toEqual(["id"]);
  });
});
