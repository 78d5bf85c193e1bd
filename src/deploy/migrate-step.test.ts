/**
 * Goal: what a project brings for its migrations is kept, and runs later with what it needs and no more. Method: real
 * builds in the build sandbox, a real PostgreSQL, reached over TCP as a relay is.
 */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import { emptyEnvironment } from "../secrets/environments-for-tests.ts";
import type { StartRunInput } from "../store/migration-runs.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { AppBuilder } from "./build.ts";
import { TestBuilds } from "./build-for-tests.ts";
import type { DeployEvent } from "./deploy-api.ts";
import { migrateStep } from "./migrate-step.ts";
import { addKit } from "./migration-kit.ts";

const postgres = withTestPostgres();
const never = new AbortController().signal;

/** PostgreSQL's socket, on a port of this machine. */
let door: { port: number; stop(): void };
beforeAll(() => {
  const { host, port } = postgres.server.connection;
  const listener = Bun.listen<{ far: Promise<Bun.Socket> }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(near) {
        const far = Bun.connect({
          unix: join(host, `.s.PGSQL.${port}`),
          socket: { data: (_, bytes) => void near.write(bytes), close: () => void near.end() },
        });
        near.data = { far };
      },
      async data(near, bytes) {
        const copy = Buffer.from(bytes);
        (await near.data.far).write(copy);
      },
      async close(near) {
        (await near.data.far).end();
      },
    },
  });
  door = { port: listener.port, stop: () => listener.stop(true) };
});
afterAll(() => door.stop());

const builds = new TestBuilds();
afterAll(() => builds[Symbol.dispose]());
const clients: pg.Client[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
});

const app = { "index.ts": "export default { fetch: () => new Response('hello') };" };
const config = (migrate: unknown) => ({
  "levain.config.json": JSON.stringify({ database: true, migrate }),
});

/** An empty database of a role that may do nothing else, as branches have. */
const ownDatabase = async () => {
  const made = await postgres.database();
  const admin = new pg.Client(made);
  await admin.connect();
  const user = `role_of_${made.database}`;
  // Bun.sql refuses what a node's own password has: one round, since it is random.
  await admin.query(`SET scram_iterations = 4096; CREATE ROLE ${user} LOGIN PASSWORD 'sesame'`);
  await admin.query(`ALTER DATABASE ${made.database} OWNER TO ${user}`);
  await admin.end();
  return { ...made, user, password: "sesame" };
};

/** Builds a project, keeps its kit, removes the build, and migrates an empty database with what was kept. */
const migrated = async (files: Record<string, string>, values: Record<string, string> = {}) => {
  const login = await ownDatabase();
  const built = await builds.build({ ...app, ...files });
  const artifacts = new ArtifactStore({ dir: builds.data.at("artifacts") });
  const { migrations } = await addKit(artifacts, built.kit!, never);
  await rm(builds.workFolder("shop"), { recursive: true });
  const events: DeployEvent[] = [];
  const runs: (StartRunInput & { state: string })[] = [];
  const url = `postgres://${login.user}:${encodeURIComponent(login.password)}@127.0.0.1:${door.port}/${login.database}`;
  const step = () =>
    migrateStep(
      {
        artifacts,
        builder: new AppBuilder({ dataDir: builds.data.path }),
        clock: systemClock,
        migrations: {
          databaseOf: () => ({
            open: async () => ({ login, url: async () => url, copy: null, close: async () => {} }),
            async copyForTrial() {
              const copy = `${login.database}_trial`;
              const admin = new pg.Client(postgres.server.connection);
              await admin.connect();
              clients.push(admin);
              await admin.query(
                `CREATE DATABASE ${copy} TEMPLATE ${login.database} OWNER ${login.user}`,
              );
              return {
                login: { ...login, database: copy },
                url: async () => `${url}_trial`,
                copy: { copyMs: 1, pauseMs: 1 },
                close: async () => void (await admin.query(`DROP DATABASE ${copy} WITH (FORCE)`)),
              };
            },
          }),
          runs: {
            start: async (run) => runs.push({ ...run, state: "running" }) - 1,
            async finish(id, state) {
              runs[id]!.state = state;
            },
            belong: async () => {},
            list: async () =>
              runs.toReversed().map((run, id) => ({
                ...run,
                ...{ id, version: null, report: null, startedAtMs: 0, endedAtMs: null },
                state: run.state as "failed",
              })),
          },
        },
      },
      {
        app: "shop",
        branch: "main",
        spec: testSpec({ database: built.config.database, migrations }),
        environment: {
          ...emptyEnvironment,
          run: new Map(
            Object.entries(values).map(([name, value]) => [name, { value, from: "all" } as const]),
          ),
        },
        reason: "deploy",
        emit: (event) => void events.push(event),
        signal: never,
      },
    );
  const rows = async (text: string) => {
    const client = new pg.Client(login);
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows;
  };
  const lines = () => events.flatMap((event) => (event.type === "output" ? [event.line] : []));
  return { step, rows, runs, events, lines, migrations, artifacts };
};

const failure = async (promise: Promise<unknown>) => {
  const error = await promise.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(PlatformError);
  return error as PlatformError;
};

test("SQL files are applied from the kit when nothing of the build is left", async () => {
  const { step, rows, runs, events } = await migrated({
    ...config("migrations"),
    "migrations/1_orders.sql": "CREATE TABLE orders (id int)",
  });

  const { report } = await step();

  expect(report).toMatchObject({ pending: ["1_orders"], target: { state: "succeeded" } });
  expect(await rows("SELECT * FROM orders")).toEqual([]);
  expect(runs).toMatchObject([
    { stage: "trial", state: "succeeded", pending: ["1_orders"], way: "sql" },
    { stage: "target", state: "succeeded" },
  ]);
  expect(events.map((event) => (event.type === "step" ? event.step : event.type))).toEqual([
    "trial",
    "migration",
    "migrate",
    "migration",
  ]);
}, 30_000);

test("a module is bundled, finds its files, its address and the app's values, and shows no secret", async () => {
  const { step, rows, lines, migrations } = await migrated(
    {
      ...config("src/migrate.ts"),
      "src/migrate.ts": `
        import { readdirSync, readFileSync } from "node:fs";
        import { names } from "./names.ts";
        const sql = new Bun.SQL(process.env.DATABASE_URL);
        for (const name of readdirSync("drizzle").sort()) {
          await sql.unsafe(readFileSync("drizzle/" + name, "utf8")).simple();
          console.log("applied", names(name), process.env.PGDATABASE, process.env.API_KEY);
        }
        await sql.close();`,
      "src/names.ts": "export const names = (text: string) => text.toUpperCase();",
      "drizzle/1_orders.sql": "CREATE TABLE orders (id int)",
    },
    { API_KEY: "sk_live_do_not_show" },
  );

  const { report } = await step();
  const again = await step();

  expect(migrations).toMatchObject({ way: "module", module: "src/migrate.levain.js", folder: "" });
  expect(report?.target).toMatchObject({ state: "succeeded" });
  expect(report?.target?.output[0]).toMatch(/^applied 1_ORDERS.SQL test_\d+ \[hidden\]$/);
  expect(lines()).toHaveLength(2);
  expect(await rows("SELECT * FROM orders")).toEqual([]);
  expect(again.report).toMatchObject({ pending: [], trial: null, target: null });
}, 30_000);

test("a command that fails says so with its last lines, on the copy, with the database unharmed", async () => {
  const { step, rows, runs } = await migrated({
    ...config({ command: "bun migrate.ts && exit 7", files: ["migrate.ts"] }),
    "migrate.ts": `
      const sql = new Bun.SQL(process.env.DATABASE_URL);
      await sql\`CREATE TABLE half (id int)\`;
      console.log("made half of it");
      await sql.close();`,
  });

  const error = await failure(step());

  expect(error.code).toBe("MIGRATION_FAILED");
  expect(error.message).toContain("exit code 7");
  expect(error.detail).toMatchObject({
    migrations: { trial: { output: ["made half of it"] }, target: null },
  });
  expect(runs).toMatchObject([{ stage: "trial", state: "failed" }]);
  expect(await rows("SELECT to_regclass('half') AS half")).toEqual([{ half: null }]);
}, 30_000);

test("a command that goes on for too long is ended with all it has started, and its sessions", async () => {
  const { step, rows } = await migrated({
    ...config({
      command: "bun migrate.ts & wait",
      files: ["migrate.ts"],
      timeoutMs: 1_500,
      trial: false,
    }),
    "migrate.ts": `
      const sql = new Bun.SQL(process.env.DATABASE_URL);
      await sql\`SELECT pg_sleep(60)\`;`,
  });

  const error = await failure(step());
  const sleeping = await rows("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'");

  expect(error.code).toBe("MIGRATION_TIMEOUT");
  expect(sleeping).toEqual([]);
}, 30_000);

test("a command that failed on the database is run on a copy first the next time, though copies are left out", async () => {
  const { step, runs } = await migrated({
    ...config({ command: "exit 1", trial: false }),
  });

  await failure(step());
  await failure(step());

  expect(runs.map(({ stage }) => stage)).toEqual(["target", "trial"]);
}, 30_000);

test("a command reaches the database and nothing else of the machine", async () => {
  using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("secret") });
  const { step, lines } = await migrated({
    ...config({ command: "bun look.ts", files: ["look.ts"], trial: false }),
    "look.ts": `
      const sql = new Bun.SQL(process.env.DATABASE_URL);
      console.log((await sql\`SELECT 1 AS one\`)[0].one);
      await sql.close();
      console.log(await fetch("http://127.0.0.1:${other.port}").then((r) => r.text(), (e) => e.code));
      console.log(await Bun.file("${import.meta.dir}/build.ts").text().catch((e) => e.code));
      await Bun.write("scratch.txt", "its own folder");`,
  });

  await step();

  expect(lines()[0]).toBe("1");
  expect(lines()[1]).not.toBe("secret");
  expect(["EACCES", "EPERM", "ENOENT"]).toContain(lines()[2]!);
}, 30_000);

test("what decides whether there is something to do is the command and its files, not the packages or the app", async () => {
  const kit = async (files: Record<string, string>, command = "bun migrate.ts") => {
    const built = await builds.build({
      ...app,
      ...config({ command, files: ["migrate.ts"] }),
      "migrate.ts": "1",
      ...files,
    });
    const artifacts = new ArtifactStore({ dir: builds.data.at("artifacts") });
    return (await addKit(artifacts, built.kit!, never)).migrations.inputs;
  };
  const first = await kit({});

  expect(await kit({ "index.ts": "export default { fetch: () => new Response('other') };" })).toBe(
    first,
  );
  expect(await kit({ "migrate.ts": "2" })).not.toBe(first);
  expect(await kit({}, "bun  migrate.ts")).not.toBe(first);
}, 60_000);

test("a folder, a file or SQL that is not as it must be fails the build, before anything else is done", async () => {
  const failed = async (files: Record<string, string>) =>
    `${(await builds.failure({ ...app, ...files })).message}`;

  expect(await failed(config("nowhere"))).toContain("there is no such folder");
  expect(await failed(config({ command: "x y", files: ["gone"] }))).toContain("migration gone");
  expect(await failed(config("src/gone.ts"))).toContain("gone.ts");
  expect(
    await failed({ ...config("migrations"), "migrations/1.sql": "CREATE TABLE a (); COMMIT;" }),
  ).toContain("Cannot run migration migrations/1.sql: `COMMIT` is not for files");
}, 60_000);

test("a database that is not the node's is not migrated, with a warning", async () => {
  const { step, runs, events } = await migrated(
    { ...config("migrations"), "migrations/1_orders.sql": "CREATE TABLE orders (id int)" },
    { DATABASE_URL: "postgres://elsewhere/shop" },
  );

  const { report } = await step();

  expect([report, runs]).toEqual([null, []]);
  expect(events).toMatchObject([{ type: "warning" }]);
}, 30_000);

test("environment files and version control are not kept", async () => {
  const { artifacts, migrations } = await migrated({
    ...config({ command: "true", trial: false }),
    ".env": "A=1",
    "db/.env.local": "B=2",
  });

  const paths = (await artifacts.entries(migrations.kit)).map(({ path }) => path);

  expect(paths).toContain("index.ts");
  expect(paths.filter((path) => path.includes(".env"))).toEqual([]);
}, 30_000);
