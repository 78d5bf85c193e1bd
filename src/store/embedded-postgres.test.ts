/** Goal: the store's server starts, is kept running and is taken over. Method: real servers in temporary folders. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { systemClock } from "../base/clock.ts";
import { blockedAt } from "../base/reach.ts";
import { until } from "../base/until-for-tests.ts";
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "./embedded-postgres.ts";
import { postgresLogBytesMax } from "./limits.ts";
import { clearLeftovers, serverProcesses } from "./postgres-leftovers.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65534;
const FIXTURE = join(import.meta.dir, "fixtures/killed-node-fixture.ts");

/** Whether a user without any rights could run a script of this checkout. */
const isOpenToNobody =
  isRoot &&
  (await isWithinReachOfNobody(process.execPath)) &&
  (await isWithinReachOfNobody(FIXTURE));

async function isWithinReachOfNobody(path: string): Promise<boolean> {
  return (await blockedAt(dirname(path), { uid: nobody, gid: nobody })) === null;
}

let root: string;
/** One cluster for all tests that do not make one: making one takes a second, starting it a tenth. */
let dataDir: string;
const running = new Set<EmbeddedPostgres>();
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "levain-postgres-test-")));
  await chmod(root, 0o755);
  dataDir = await newDataDir();
  await (await start()).stop();
}, 60_000);
afterEach(async () => {
  for (const postgres of running) await postgres.stop();
  running.clear();
});
afterAll(async () => {
  // A test that failed may have left a server of the node it killed.
  for (const name of await readdir(root)) {
    const data = join(root, name, "postgres/data");
    if (existsSync(data)) await clearLeftovers(data, systemClock);
  }
  await rm(root, { recursive: true, force: true });
});

async function newDataDir(): Promise<string> {
  const folder = await mkdtemp(join(root, "data-"));
  await chmod(folder, 0o700);
  return folder;
}

async function start(options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({
    dataDir,
    clock: systemClock,
    log: () => {},
    ...options,
  });
  running.add(postgres);
  return postgres;
}

async function query(postgres: EmbeddedPostgres, sql: string): Promise<unknown[][]> {
  const client = new pg.Client({ ...postgres.connection, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

test("a server keeps its data from one start to the next and is gone when it is stopped", async () => {
  const first = await start();
  const [[version] = []] = await query(first, "SHOW server_version");
  await query(first, "CREATE TABLE kept_when_stopped AS SELECT 1 AS one");
  await first.stop();
  await first.stop();

  expect(String(version)).toStartWith("18.");
  expect(first.state().state).toBe("unavailable");
  expect(first.pid).toBeNull();
  expect(await serverProcesses(join(dataDir, "postgres/data"))).toEqual([]);

  const second = await start();

  expect(second.state()).toEqual({ state: "ready", cause: null });
  expect(await query(second, "SELECT one FROM kept_when_stopped")).toEqual([[1]]);
});

test("nobody gets in by network, with another password or by the folder", async () => {
  const postgres = await start();

  const [settings] = await query(
    postgres,
    "SELECT current_setting('listen_addresses'), current_setting('fsync'), current_setting('server_encoding')",
  );
  const stranger = new pg.Client({ ...postgres.connection, password: "guess" });
  stranger.on("error", () => {});

  expect(settings).toEqual(["", "on", "UTF8"]);
  await expect(stranger.connect()).rejects.toMatchObject({ code: "28P01" });
  expect((await stat(postgres.connection.host)).mode & 0o777).toBe(0o700);
  expect((await stat(join(dataDir, "postgres/password"))).mode & 0o777).toBe(0o600);
});

test("a server that is killed is started again with everything that was committed", async () => {
  const log: string[] = [];
  const postgres = await start({ log: (message) => log.push(message) });
  await query(postgres, "CREATE TABLE kept_when_killed AS SELECT 1 AS one");
  const firstPid = postgres.pid;

  process.kill(firstPid ?? 0, "SIGKILL");
  await until(() => postgres.state().state !== "ready");
  const { cause } = postgres.state();
  await until(() => postgres.state().state === "ready");

  expect(cause).toContain("SIGKILL");
  expect(postgres.pid).not.toBe(firstPid);
  expect(await query(postgres, "SELECT one FROM kept_when_killed")).toEqual([[1]]);
  expect(log.join("\n")).toContain("starting it again");
});

test("a session that is killed is recovered from by the server itself", async () => {
  const postgres = await start();
  const { pid } = postgres;
  const [[session] = []] = await query(
    postgres,
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'",
  );

  process.kill(Number(session), "SIGKILL");
  await until(async () => {
    const rows = await query(
      postgres,
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'",
    ).catch(() => []);
    return rows[0] !== undefined && rows[0][0] !== session;
  });

  expect(postgres.pid).toBe(pid);
  expect(postgres.state().state).toBe("ready");
});

describe("after the node was killed", () => {
  test("the server it left is stopped, and a new one has its data", async () => {
    const node = Bun.spawn([process.execPath, FIXTURE, dataDir], { stdout: "pipe" });
    const line = new TextDecoder().decode((await node.stdout.getReader().read()).value);
    const { pid } = JSON.parse(line) as { pid: number };
    node.kill("SIGKILL");
    await node.exited;
    const data = join(dataDir, "postgres/data");
    const left = await serverProcesses(data);

    const postgres = await start();

    expect(left).toContain(pid);
    expect(postgres.pid).not.toBe(pid);
    const now = await serverProcesses(data);
    expect(left.filter((old) => now.includes(old))).toEqual([]);
    expect(postgres.state().state).toBe("ready");
  });

  test("a pid file that names somebody else's process does not hurt that process", async () => {
    await using bystander = Bun.spawn(["sleep", "60"]);
    await writeFile(
      join(dataDir, "postgres/data/postmaster.pid"),
      `${bystander.pid}\n${dataDir}/postgres/data\n1700000000\n5432\n${dataDir}/postgres/socket\n\n`,
    );

    const postgres = await start();

    expect(postgres.state().state).toBe("ready");
    expect(bystander.exitCode).toBeNull();
    bystander.kill();
  });

  test("a cluster that was being made is made anew", async () => {
    const fresh = await newDataDir();
    const node = Bun.spawn([process.execPath, FIXTURE, fresh], { stdout: "ignore" });
    const home = join(fresh, "postgres");
    const names = async (): Promise<string[]> => readdir(home).catch(() => []);
    await until(async () => (await names()).some((name) => name.includes("data.unfinished-")));
    node.kill("SIGKILL");
    await node.exited;
    expect(await names()).not.toContain("data");

    const postgres = await start({ dataDir: fresh });

    expect(await query(postgres, "SELECT 1")).toEqual([[1]]);
  });
});

test("a deep data directory gets a short socket folder, which goes when the server stops", async () => {
  const deep = join(root, "d".repeat(60), "e".repeat(60));
  await mkdir(dirname(deep), { recursive: true, mode: 0o755 });
  await rename(dataDir, deep);

  const postgres = await start({ dataDir: deep });
  const { host } = postgres.connection;
  const answer = await query(postgres, "SELECT 1");
  await postgres.stop();
  await rename(deep, dataDir);

  expect(answer).toEqual([[1]]);
  expect(host.length).toBeLessThan(80);
  expect(existsSync(host)).toBe(false);
});

test("a server that cannot start says why and leaves nothing running", async () => {
  const data = join(dataDir, "postgres/data");
  const control = join(data, "global/pg_control");
  const intact = await readFile(control);
  await truncate(control, 10);

  const failure = await start().catch((error: unknown) => error);
  await writeFile(control, intact);

  expect(failure).toMatchObject({
    code: "POSTGRES_START_FAILED",
    message: expect.stringContaining("pg_control"),
  });
  expect(await serverProcesses(data)).toEqual([]);
});

test("a node that may wait keeps trying until the cause is gone", async () => {
  const control = join(dataDir, "postgres/data/global/pg_control");
  const intact = await readFile(control);
  await truncate(control, 10);

  const postgres = await start({ whenNotReady: "keep-trying" });
  expect(postgres.state().state).not.toBe("ready");
  await writeFile(control, intact);
  await until(() => postgres.state().state === "ready");

  expect(await query(postgres, "SELECT 1")).toEqual([[1]]);
});

test("a cluster of another major version is refused", async () => {
  const version = join(dataDir, "postgres/data/PG_VERSION");
  await writeFile(version, "17\n");

  const failure = await start().catch((error: unknown) => error);
  await writeFile(version, "18\n");

  expect(failure).toMatchObject({
    code: "POSTGRES_START_FAILED",
    message: expect.stringContaining("PostgreSQL 17"),
  });
});

test("a full log is set aside at the start", async () => {
  const log = join(dataDir, "postgres/postgres.log");
  await truncate(log, postgresLogBytesMax);

  await start();

  expect((await stat(`${log}.1`)).size).toBe(postgresLogBytesMax);
  expect((await stat(log)).size).toBeLessThan(10_000);
});

describe.skipIf(!isRoot)("as root", () => {
  test("the server runs as a user of its own, which passes the data directory and cannot list it", async () => {
    const postgres = await start();

    const { uid } = await stat(`/proc/${postgres.pid}`);
    const facts = await stat(dataDir);

    expect(uid).not.toBe(0);
    expect(facts.uid).toBe(0);
    expect(facts.mode & 0o777).toBe(0o710);
  });

  test("a folder in the way of that user is named", async () => {
    const closed = join(root, "closed");
    const inside = join(closed, "inner/data");
    await mkdir(inside, { recursive: true, mode: 0o755 });
    await chmod(closed, 0o700);

    await expect(start({ dataDir: inside })).rejects.toMatchObject({
      code: "DATA_DIR_UNUSABLE",
      message: expect.stringContaining(`through ${closed}`),
    });
  });

  test("a user that cannot be had is named", async () => {
    await expect(start({ user: "no such user" })).rejects.toMatchObject({
      code: "POSTGRES_USER_MISSING",
    });
  });

  test.skipIf(!isOpenToNobody)("a node without root runs it as itself", async () => {
    const fresh = await newDataDir();
    await chown(fresh, nobody, nobody);
    await using node = Bun.spawn([process.execPath, FIXTURE, fresh], {
      uid: nobody,
      gid: nobody,
      env: { PATH: process.env.PATH, HOME: "/nonexistent" },
      stdout: "pipe",
    });
    const line = new TextDecoder().decode((await node.stdout.getReader().read()).value);
    const { pid, uid } = JSON.parse(line) as { pid: number; uid: number };

    const facts = await stat(`/proc/${pid}`);
    node.kill("SIGKILL");
    await node.exited;
    await clearLeftovers(join(fresh, "postgres/data"), systemClock);

    expect(uid).toBe(nobody);
    expect(facts.uid).toBe(nobody);
  });
});
