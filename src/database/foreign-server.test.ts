/** Goal: a server that somebody else runs. Method: a user of the embedded one that is no superuser. */
import { expect, test } from "bun:test";
import { withTestPostgres } from "../store/postgres-for-tests.ts";
import { request, testDatabases } from "./databases-for-tests.ts";
import { externalServer } from "./external-server.ts";
import { missingRights } from "./rights.ts";
import { Server } from "./server.ts";

const postgres = withTestPostgres();
let users = 0;

/** A user with these rights, and a database of its own. */
async function userWith(rights: string) {
  users += 1;
  const name = `test_user_${users}`;
  const { connection } = postgres.server;
  const own = {
    address: { kind: "socket", folder: connection.host, port: connection.port },
    isOwn: true,
  } as const;
  const server = new Server(() => ({ ...own, config: { ...connection, database: "postgres" } }));
  await server.run(`CREATE ROLE ${name} LOGIN PASSWORD 'secret' ${rights}`);
  await server.run(`CREATE DATABASE ${name} OWNER ${name}`);
  return {
    login: { user: name, password: "secret", database: name },
    async [Symbol.asyncDispose]() {
      await server.run(`DROP DATABASE ${name}`);
      await server.run(`DROP OWNED BY ${name}`);
      await server.run(`DROP ROLE ${name}`);
    },
  };
}

test("a user with CREATEDB and CREATEROLE is enough for databases, copies, masks, trials and their end", async () => {
  await using user = await userWith("CREATEDB CREATEROLE");
  await using setup = await testDatabases(postgres, {}, user.login);
  const { databases, ask } = setup;

  await databases.ensure(request("main", { extensions: ["citext"] }));
  await ask("main", "CREATE TABLE people (name citext); INSERT INTO people VALUES ('Ada')");
  await databases.ensure(
    request("next", { mask: "m.sql" }, { mask: "UPDATE people SET name = 'x'" }),
  );
  await databases.ensure(request("bare", { from: "schema" }));
  const trial = await databases.copyForTrial("shop", "main");
  await trial.drop();
  await databases.reset("shop", "next", { parent: null, from: null });

  expect(await ask("next", "SELECT name FROM people")).toEqual([{ name: "x" }]);
  expect(await ask("bare", "SELECT name FROM people")).toEqual([]);
  expect(await ask("next", "ALTER TABLE people ADD COLUMN age int")).toEqual([]);
  await databases.remove("shop", null);
  expect((await setup.onServer()).databases).toEqual([]);
  expect(await setup.store.databases.leftovers()).toEqual([]);
}, 60_000);

test("what a user lacks is said by name, and nothing is made", async () => {
  for (const [rights, missing] of [
    ["CREATEDB", "CREATEROLE: ALTER ROLE"],
    ["CREATEROLE", "CREATEDB: ALTER ROLE"],
  ] as const) {
    await using user = await userWith(rights);
    await using setup = await testDatabases(postgres, {}, user.login);

    await expect(setup.databases.ensure(request("main"))).rejects.toThrow(missing);
    expect((await setup.onServer()).databases).toEqual([]);
  }
  const old = {
    version: "14.9",
    user: "u",
    isSuperuser: false,
    canCreateDatabases: true,
    canCreateRoles: true,
  };
  expect(missingRights({ ...old, versionNumber: 140_009 })).toEqual([
    "PostgreSQL 15 or newer; it is 14.9",
  ]);
});

test("an extension that only a superuser can make is named as such", async () => {
  await using user = await userWith("CREATEDB CREATEROLE");
  await using setup = await testDatabases(postgres, {}, user.login);

  await expect(setup.databases.ensure(request("main", { extensions: ["bloom"] }))).rejects.toThrow(
    "only a superuser of the server can make it",
  );
});

test("the address of a server is read as psql reads it", () => {
  const of = (url: string) => {
    const { address, config } = externalServer(url);
    return { address, user: config.user, database: config.database };
  };

  expect(of("postgres://me:p%40ss@db.example.com:6432/main?sslmode=require")).toEqual({
    address: {
      kind: "tcp",
      host: "db.example.com",
      port: 6432,
      tls: { ca: null, isVerified: false },
    },
    user: "me",
    database: "main",
  });
  expect(of("postgres://me@[::1]/x?sslmode=verify-full").address).toEqual({
    ...{ kind: "tcp", host: "::1", port: 5432 },
    tls: { ca: null, isVerified: true },
  });
  expect(of("postgres://me@db/x").address).toMatchObject({ tls: null });
  expect(of("postgres://me@%2Frun%2Fpostgresql/x").address).toEqual({
    ...{ kind: "socket", folder: "/run/postgresql", port: 5432 },
  });
  expect(() => externalServer("postgres://me@db/x?sslrootcert=/nowhere")).toThrow(
    "sslrootcert cannot be read",
  );
});
