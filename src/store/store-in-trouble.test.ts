/**
 * Goal: nothing hangs, lies or gets lost while PostgreSQL is killed, silent or busy.
 * Method: a real server that is killed during calls; random schedules with a printed seed.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { until } from "../base/until-for-tests.ts";
import { Database } from "./database.ts";
import { withTestPostgres } from "./postgres-for-tests.ts";
import { openStore, type Store } from "./store.ts";
import { labelForTests, versionInput } from "./version-for-tests.ts";
import { VersionNumberTaken } from "./versions.ts";

const postgres = withTestPostgres();
const open = new Set<{ close(): Promise<void> }>();
afterEach(async () => {
  for (const store of open) await store.close();
  open.clear();
});

const seed = Number(process.env.LEVAIN_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`store-in-trouble: LEVAIN_TEST_SEED=${seed}`);
let randomState = seed;

/** 0 to `below - 1`; the same sequence for the same seed. */
function random(below: number): number {
  // mulberry32
  randomState = (randomState + 0x6d2b79f5) | 0;
  let mixed = Math.imul(randomState ^ (randomState >>> 15), 1 | randomState);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
}

function answers(store: Store): Promise<boolean> {
  return store.ping().then(
    () => true,
    () => false,
  );
}

/** Creates the next version of the app and takes it live; false when the store said that it is away. */
async function deployOnce(store: Store, app: string, branch: string): Promise<number | null> {
  try {
    const number = await store.nextVersionNumber(app);
    await store.createVersion(versionInput({ app, number, branch }));
    await store.setLive({
      app,
      branch,
      version: number,
      reason: "deploy",
      atMs: number,
      branchLabel: labelForTests,
    });
    return number;
  } catch (error) {
    if (error instanceof VersionNumberTaken) return null;
    if (error instanceof PlatformError && error.code === "STORE_UNAVAILABLE") return null;
    throw error;
  }
}

/** Live versions exist, histories are chains that end in what is live, numbers are 1, 2, 3 … */
async function brokenInvariants(database: Database): Promise<unknown[]> {
  return database.read(async (queries) => [
    ...(await queries.rows(
      `SELECT 'live is not the last change' AS broken, b.app, b.name FROM levain.branches b
       WHERE live IS DISTINCT FROM (SELECT version FROM levain.live_changes c
         WHERE c.app = b.app AND c.branch = b.name ORDER BY id DESC LIMIT 1)`,
    )),
    ...(await queries.rows(
      `SELECT 'previous is not the change before' AS broken, * FROM (
         SELECT id, previous, lag(version) OVER (PARTITION BY app, branch ORDER BY id) AS before
         FROM levain.live_changes) chain
       WHERE previous IS DISTINCT FROM before`,
    )),
    ...(await queries.rows(
      `SELECT 'numbers have gaps' AS broken, app FROM levain.versions
       GROUP BY app HAVING max(number) <> count(*)`,
    )),
  ]);
}

/** PostgreSQL reads its log first, on a machine that may be busy. Milliseconds. */
const restartTimeoutMs = 30_000;

test("calls fail with a type while the server is killed, and work by themselves afterwards", async () => {
  const connection = await postgres.emptiedDatabase();
  const store = openStore({ connection, clock: systemClock });
  const database = new Database({ connection });
  open.add(store).add(database);
  await store.migrate();
  const done: number[] = [];
  let isOver = false;
  let failures = 0;
  const workers = [0, 1, 2].map(async (worker) => {
    while (!isOver) {
      const number = await deployOnce(store, `app-${worker}`, "main");
      if (number === null) failures += 1;
      else done[worker] = number;
      if (number === null) await Bun.sleep(5);
    }
  });

  for (let kill = 0; kill < 3; kill += 1) {
    const before = [...done];
    await until(() => [0, 1, 2].every((worker) => (done[worker] ?? 0) > (before[worker] ?? 0)));
    await Bun.sleep(random(20));
    process.kill(postgres.server.pid ?? 0, "SIGKILL");
    await until(() => postgres.server.state().state !== "ready");
    // An old session may still answer once, so a call alone does not say that the server is back.
    await until(
      async () => postgres.server.state().state === "ready" && (await answers(store)),
      restartTimeoutMs,
    );
  }
  isOver = true;
  await Promise.all(workers);

  // What was acknowledged is there.
  for (const [worker, number] of done.entries()) {
    const numbers = (await store.versions(`app-${worker}`)).map((version) => version.number);
    expect(numbers).toContain(number);
  }
  expect(failures).toBeGreaterThan(0);
  expect(await brokenInvariants(database)).toEqual([]);
}, 120_000);

test("sessions that are killed one by one fail their calls with a type", async () => {
  const connection = await postgres.emptiedDatabase();
  const store = openStore({ connection, clock: systemClock });
  const killer = new Database({ connection });
  open.add(store).add(killer);
  await store.migrate();
  let failures = 0;

  for (let round = 0; round < 10; round += 1) {
    const calls = [0, 1, 2, 3].map(() => deployOnce(store, "shop", "main"));
    await killer.write((queries) =>
      queries.rows(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      ),
    );
    failures += (await Promise.all(calls)).filter((number) => number === null).length;
  }

  expect(failures).toBeGreaterThan(0);
  expect(await brokenInvariants(killer)).toEqual([]);
  expect(await deployOnce(store, "shop", "main")).not.toBeNull();
});

test("many deploys, promotes and rollbacks at once leave a consistent history", async () => {
  const connection = await postgres.emptiedDatabase();
  const stores = [0, 1].map(() => openStore({ connection, clock: systemClock }));
  const database = new Database({ connection });
  for (const each of [...stores, database]) open.add(each);
  await stores[0]?.migrate();
  await deployOnce(stores[0]!, "shop", "main");
  const branches = ["main", "dev", "a/b", "a-b"];

  await Promise.all(
    [0, 1, 2, 3, 4, 5].map(async (worker) => {
      const store = stores[worker % 2]!;
      for (let step = 0; step < 15; step += 1) {
        const branch = branches[random(branches.length)]!;
        if (random(3) === 0) {
          await deployOnce(store, "shop", branch);
          continue;
        }
        const versions = await store.versions("shop");
        const isRollback = random(2) === 0 && branch === "main";
        const target = isRollback ? await store.rollbackTarget("shop", branch) : null;
        await store.setLive({
          app: "shop",
          branch,
          version: target ?? versions[random(versions.length)]!.number,
          reason: target === null ? "promote" : "rollback",
          atMs: step,
          branchLabel: labelForTests,
        });
        const table = await store.routeTable();
        for (const { live } of Object.values(table.apps.shop?.branches ?? {})) {
          if (live !== null) expect(table.apps.shop?.versions[live]?.number).toBe(live);
        }
      }
    }),
  );

  expect(await brokenInvariants(database)).toEqual([]);
  const labels = (await stores[0]!.apps())[0]!.branches.map(({ label }) => label);
  expect(new Set(labels).size).toBe(labels.length);
});

describe("a call is bounded", () => {
  test("when the server accepts the connection and is silent", async () => {
    await using silent = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: { data() {} },
    });
    const database = new Database(
      { databaseUrl: `postgres://levain@127.0.0.1:${silent.port}/levain` },
      { connectTimeoutMs: 100 },
    );
    open.add(database);

    await expect(database.read((queries) => queries.rows("SELECT"))).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
    });
  });

  test("when a statement does not come back", async () => {
    const connection = await postgres.emptiedDatabase();
    const database = new Database({ connection }, { callTimeoutMs: 1000 });
    const watcher = new Database({ connection });
    open.add(database).add(watcher);

    const failure = database.read((queries) => queries.rows("SELECT pg_sleep(60)"));

    await expect(failure).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    // The server does not go on with it either.
    await until(async () => {
      const rows = await watcher.read((queries) =>
        queries.rows(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(60)' AND state = 'active'",
        ),
      );
      return rows.length === 0;
    });
    expect(await database.read((queries) => queries.rows("SELECT 1 AS one"))).toEqual([{ one: 1 }]);
  });

  test("when a connection goes silent, and the next call makes another one", async () => {
    const connection = await postgres.emptiedDatabase();
    let isSilent = false;
    // Swallows what comes while it is silent, without an end or a reset, like a dead network.
    await using network = Bun.listen<{ server: Promise<Bun.Socket> }>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(client) {
          const server = Bun.connect({
            unix: `${connection.host}/.s.PGSQL.${connection.port}`,
            socket: { data: (_, bytes) => void (isSilent || client.write(bytes)) },
          });
          client.data = { server };
        },
        async data(client, bytes) {
          if (!isSilent) (await client.data.server).write(bytes);
        },
        async close(client) {
          (await client.data.server).end();
        },
      },
    });
    const { user, password, database: name } = connection;
    const databaseUrl = `postgres://${user}:${password}@127.0.0.1:${network.port}/${name}`;
    const database = new Database({ databaseUrl }, { callTimeoutMs: 1000 });
    open.add(database);
    const ask = (): Promise<unknown> => database.read((queries) => queries.rows("SELECT 1 AS one"));
    await ask();

    isSilent = true;
    await expect(ask()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    isSilent = false;

    expect(await ask()).toEqual([{ one: 1 }]);
  });

  test("when all connections are taken", async () => {
    const connection = await postgres.emptiedDatabase();
    const database = new Database(
      { connection },
      { connectTimeoutMs: 3_000, callTimeoutMs: 10_000 },
    );
    open.add(database);
    const gate = Promise.withResolvers<void>();
    const holders = [0, 1, 2, 3].map(() => database.read(() => gate.promise));

    const failure = database.read((queries) => queries.rows("SELECT"));

    await expect(failure).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    gate.resolve();
    await Promise.all(holders);
  });

  test("when the store was closed", async () => {
    const store = openStore({ connection: await postgres.emptiedDatabase(), clock: systemClock });
    await store.close();
    await store.close();

    await expect(store.ping()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });
});

test("an error of the work is rolled back and passed on as it is, and the connection stays", async () => {
  const database = new Database({ connection: await postgres.emptiedDatabase() });
  open.add(database);
  const pid = (): Promise<unknown[]> =>
    database.read((queries) => queries.rows("SELECT pg_backend_pid()"));
  const before = await pid();
  const mistake = new Error("mine");

  const failure = database.write(async (queries) => {
    await queries.run("CREATE TABLE half ()");
    throw mistake;
  });

  await expect(failure).rejects.toBe(mistake);
  await expect(database.read((queries) => queries.rows("TABLE half"))).rejects.toThrow();
  expect(await pid()).toEqual(before);
});
