/** Goal: a transaction is not lost for nothing, and where it is nobody writes in the belief to be in it. */
import { expect, test } from "bun:test";
import pg from "pg";
import { until } from "../../src/base/until-for-tests.ts";
import { doubtAfterMs, proofMs } from "../../src/relay/limits.ts";
import { noGuard, type RelayDatabase } from "../../src/relay/relay-api.ts";
import { extended, RawClient } from "./raw-client.ts";
import { type RelayedDatabase, withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: { code?: string }) => error.code ?? String(error),
  );

/** A client, and the process on the server that it has. */
async function withBackend({ url }: RelayedDatabase): Promise<{ client: pg.Client; pid: number }> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  await client.query("CREATE TABLE notes (n int)");
  return { client, pid: (await client.query("SELECT pg_backend_pid() AS pid")).rows[0].pid };
}

test.each([
  ["an open transaction", "BEGIN; CREATE TABLE kept (n int)"],
  ["what only this connection has", "CREATE TEMP TABLE kept (n int)"],
])("a server that stands still for a moment does not cost %s", async (_, sql) => {
  const { client, pid } = await withBackend(await relayed.database());
  await client.query(sql);
  // Then the connection has to prove that it is one.
  await Bun.sleep(doubtAfterMs + 100);

  process.kill(pid, "SIGSTOP");
  setTimeout(() => process.kill(pid, "SIGCONT"), 4 * proofMs);

  expect((await client.query("SELECT count(*)::int AS n FROM kept")).rows).toEqual([{ n: 0 }]);
  await client.end();
});

test.each([
  ["COMMIT AND CHAIN", "between two statements"],
  ["ROLLBACK AND CHAIN", "between two statements"],
  ["COMMIT AND CHAIN", "while it runs"],
  ["ROLLBACK AND CHAIN", "while it runs"],
])("%s of a transaction that is lost %s makes the next one fail", async (sql, when) => {
  const database = await relayed.database();
  const { client, pid } = await withBackend(database);
  await client.query("BEGIN; INSERT INTO notes VALUES (1)");

  let ended: Promise<string>;
  if (when === "while it runs") {
    const { queries } = (await database.facts()).counters;
    process.kill(pid, "SIGSTOP");
    ended = codeOf(client.query(sql));
    await until(async () => (await database.facts()).counters.queries > queries);
    process.kill(pid, "SIGTERM");
    process.kill(pid, "SIGCONT");
  } else {
    await database.terminate();
    ended = codeOf(client.query(sql));
  }

  expect(await ended).toBe("57P01");
  expect(await codeOf(client.query("INSERT INTO notes VALUES (2)"))).toBe("25P02");
  expect((await client.query("ROLLBACK")).command).toBe("ROLLBACK");
  expect((await client.query("SELECT count(*)::int AS n FROM notes")).rows).toEqual([{ n: 0 }]);
  await client.end();
});

test.each<[sql: string, change: Partial<RelayDatabase>]>([
  ["COMMIT", {}],
  ["ROLLBACK", {}],
  ["COMMIT", { guard: { ...noGuard, slowStatementMs: 60_000 } }],
  ["COMMIT", { pooling: "transaction" }],
  ["ROLLBACK", { pooling: "transaction" }],
])("a %s that was prepared before ends a transaction that is lost: %j", async (sql, change) => {
  const database = await relayed.database(change);
  const { client } = await withBackend(database);
  const end = () => codeOf(client.query({ name: "end", text: sql }));
  await end();
  await client.query("BEGIN; INSERT INTO notes VALUES (1)");
  await database.terminate();

  expect(await end()).toBe(sql === "COMMIT" ? "57P01" : "no error");
  expect((await database.facts()).inTransaction).toBe(0);
  expect(await codeOf(client.query("INSERT INTO notes VALUES (2)"))).toBe("no error");
  expect((await client.query("SELECT n FROM notes")).rows).toEqual([{ n: 2 }]);
  await client.end();
});

test("of thousands of statements without a Sync, a setting that is not remembered is not lost without a word", async () => {
  const database = await relayed.database();
  const client = await RawClient.login(database.url);
  const sync = Buffer.from([0x53, 0, 0, 0, 4]);
  const many = Buffer.concat(Array.from({ length: 3000 }, () => extended("SELECT 1")));

  await client.sendAll(Buffer.concat([many, sync]));
  await client.next("Z");
  await database.terminate();
  client.query("SELECT 1");
  await client.next("Z");
  await client.sendAll(Buffer.concat([many, extended("SET my.thing = 'x'"), sync]));
  await client.next("Z");
  expect((await database.facts()).pinned).toBe(1);
  await database.terminate();
  client.query("SHOW my.thing");

  expect(await client.nextError()).toBe("08006");
  client.end();
});
