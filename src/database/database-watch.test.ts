/** Goal: what follows from use and size. Method: a real PostgreSQL, a clock of the test's own. */
import { expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import type { RelayDatabaseFacts } from "../relay/relay-api.ts";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { DatabaseWatch } from "./database-watch.ts";
import { request, type TestDatabases, testDatabases } from "./databases-for-tests.ts";
import { RolePasswords } from "./role-passwords.ts";

const postgres = withTestPostgres();
const dayMs = 86_400_000;

function watchOver({ databases, server, records }: TestDatabases) {
  let nowMs = systemClock.wallMs();
  const queries = new Map<string, number>();
  const failures: unknown[] = [];
  const watch = new DatabaseWatch({
    databases,
    server,
    passwords: new RolePasswords(server),
    clock: { ...systemClock, wallMs: () => nowMs, nowMs: systemClock.nowMs },
    log: { write: (record) => void records.push(record) },
    report: (thrown) => void failures.push(thrown),
    facts: async () => ({
      strangers: 0,
      databases: [...queries].map(
        ([name, count]) => ({ name, counters: { queries: count } }) as RelayDatabaseFacts,
      ),
    }),
  });
  return {
    failures,
    async look(afterMs: number, used: string[] = []) {
      nowMs += afterMs;
      for (const name of used) queries.set(name, (queries.get(name) ?? 0) + 1);
      await watch.look();
    },
  };
}

test("a preview's database that nobody uses goes after its time, production's and those in use stay", async () => {
  await using setup = await testDatabases(postgres);
  const { databases, records } = setup;
  const spec = { ttlMs: 7 * dayMs, from: "empty" } as const;
  for (const branch of ["main", "used", "unused"]) await databases.ensure(request(branch, spec));
  const { look, failures } = watchOver(setup);

  await look(6 * dayMs, ["used--shop"]);
  await look(2 * dayMs);

  expect(
    databases.list().map(({ branch, serverDatabase }) => [branch, serverDatabase !== null]),
  ).toEqual([
    ["main", true],
    ["used", true],
    ["unused", false],
  ]);
  expect(databases.list().at(-1)?.note).toBe("nobody used it for 7 days");
  expect(records.map(({ message }) => message)).toEqual([
    "The database of unused was dropped: nobody used it for 7 days; the next deploy makes it anew",
  ]);
  expect(failures).toEqual([]);
});

test("a database that a deploy has begun to use when its time is over stays", async () => {
  await using setup = await testDatabases(postgres);
  const { databases } = setup;
  const spec = { ttlMs: 7 * dayMs, from: "empty" } as const;
  await databases.ensure(request("preview", spec));
  const found = databases.list()[0]!;
  const nowMs = found.usedAtMs + 8 * dayMs;
  const deploy = databases.ensure(request("preview", { ...spec, ttlMs: 9 * dayMs }));

  expect(await databases.expire(found, nowMs, "unused")).toBe(false);

  await deploy;
  expect(databases.list()[0]?.serverDatabase).toBe(found.serverDatabase);
  await databases.ensure(request("preview", spec));
  expect(await databases.expire(found, nowMs, "unused")).toBe(true);
});

test("a database beyond its size takes no writes until there is room again", async () => {
  await using setup = await testDatabases(postgres);
  const { databases, ask, relay, records } = setup;
  await databases.ensure(request("main", { bytesMax: 12 * 1024 * 1024 }));
  const { look } = watchOver(setup);
  const isReadOnly = () => relay.databases.get("shop")?.guard.isReadOnly;

  await look(1000);
  expect(isReadOnly()).toBe(false);
  await ask("main", "CREATE TABLE pad AS SELECT repeat('x', 1000) FROM generate_series(1, 10000)");
  await look(1000);
  expect(isReadOnly()).toBe(true);
  await look(1000);
  await ask("main", "DROP TABLE pad");
  await look(1000);

  expect(isReadOnly()).toBe(false);
  expect(records.map(({ message }) => message)).toEqual([
    expect.stringContaining("it takes no more writes"),
    expect.stringContaining("it takes writes again"),
  ]);
});

test("a password that a statement of the app's has changed is put back, and what stays right is left alone", async () => {
  await using setup = await testDatabases(postgres);
  const { databases, records, server } = setup;
  const spec = { from: "empty" } as const;
  for (const branch of ["main", "other"]) await databases.ensure(request(branch, spec));
  const { look, failures } = watchOver(setup);
  const verifiers = async () =>
    server.rows<{ name: string; verifier: string }>(
      "SELECT rolname AS name, rolpassword AS verifier FROM pg_authid WHERE rolname = ANY ($1) ORDER BY 1",
      [databases.list().map(({ role }) => role)],
    );
  const before = await verifiers();
  const { role, password, serverDatabase } = databases.of("shop", "main");
  const login = { user: role, password };
  await server.within(serverDatabase, ({ run }) => run("ALTER ROLE CURRENT_USER PASSWORD 'x'"), {
    login,
  });
  await expect(server.within(serverDatabase, async () => {}, { login })).rejects.toMatchObject({
    code: "28P01",
  });

  await look(0);

  await server.within(serverDatabase, async () => {}, { login });
  const after = await verifiers();
  expect(after.filter((row, index) => row.verifier !== before[index]!.verifier)).toHaveLength(1);
  expect(records.map(({ message }) => message)).toContainEqual(
    expect.stringContaining("A statement had changed the password of the database of main"),
  );
  expect(failures).toEqual([]);
});
