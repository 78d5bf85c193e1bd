/** Goal: what a client was sending when its server connection ended is never read as anything else, nor waited for without end. */
import { expect, test } from "bun:test";
import pg from "pg";
import { until } from "../../src/base/until-for-tests.ts";
import { fromClient, int32, message, syncMessage } from "../../src/relay/messages.ts";
import type { RelayDatabaseFacts } from "../../src/relay/relay-api.ts";
import { extended, RawClient } from "./raw-client.ts";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();

/** Parse, Bind with one parameter, Execute, Sync. */
function insertOf(parameter: Buffer): Buffer {
  return Buffer.concat([
    message(fromClient.parse, "", "INSERT INTO notes VALUES ($1)", Buffer.alloc(2)),
    message(
      fromClient.bind,
      "",
      "",
      Buffer.from([0, 0, 0, 1]),
      int32(parameter.length),
      parameter,
      Buffer.alloc(2),
    ),
    message(fromClient.execute, "", int32(0)),
    syncMessage,
  ]);
}

/** A session with an empty table `notes`, and the process on the server that it has. */
async function withNotes(url: string): Promise<{ client: RawClient; backend: number }> {
  const client = await RawClient.login(url);
  client.query("CREATE TABLE notes (text text); SELECT pg_backend_pid()");
  const { body } = await client.next("D");
  await client.next("Z");
  return { client, backend: Number(body.toString("latin1", 6)) };
}

/** Superuser beside the relay, in a database of its. */
async function besides(name: string): Promise<pg.Client> {
  const client = new pg.Client({ ...relayed.server.connection, database: name });
  await client.connect();
  return client;
}

test("a parameter that was half sent is not read as messages by the next connection", async () => {
  const { url, name, terminate } = await relayed.database();
  const { client } = await withNotes(url);
  const statement = message(fromClient.query, "CREATE TABLE smuggled ()");
  const parameter = Buffer.alloc(1_000_000, 0x41);
  for (let at = 0; at + statement.length <= parameter.length; at += statement.length) {
    statement.copy(parameter, at);
  }
  const bytes = insertOf(parameter);
  // Where a message within the parameter begins.
  const cut = bytes.indexOf(statement, 400_000);

  await client.sendAll(bytes.subarray(0, 100_000));
  await until(async () => (await relayed.admin(workingIn(name))).length === 1);
  const holding = relayed.relay.hold(name, { timeoutMs: 10_000 });
  await terminate();
  const hold = await holding;
  await client.sendAll(bytes.subarray(100_000, cut));
  await client.next("E");
  await hold.release();
  await client.sendAll(bytes.subarray(cut));
  await client.next("Z");
  client.query("SELECT count(*)::text || coalesce(to_regclass('smuggled')::text, '') FROM notes");

  expect((await client.next("D")).body.toString("latin1", 6)).toBe("0");
  client.end();
}, 30_000);

const workingIn = (name: string) =>
  `SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND state <> 'idle'`;

const copyRow = message(fromClient.copyData, Buffer.from(`${"x".repeat(60_000)}\n`));

test.each([
  ["a statement", null, insertOf(Buffer.alloc(20_000_000, 0x41))],
  [
    "COPY data",
    "COPY notes FROM STDIN",
    Buffer.concat([...Array.from({ length: 300 }, () => copyRow), message(fromClient.copyDone)]),
  ],
])(
  "%s that a server did not take is not waited for when that server is gone",
  async (_, copy, bytes) => {
    const { url } = await relayed.database();
    const { client, backend } = await withNotes(url);
    if (copy !== null) {
      client.query(copy);
      await client.next("G");
    }

    process.kill(backend, "SIGSTOP");
    const sent = client.sendAll(bytes);
    await until(async () => (await relayed.relay.facts()).databases.some(isFed));
    process.kill(backend, "SIGTERM");
    process.kill(backend, "SIGCONT");

    await client.next("E");
    await client.next("Z");
    await sent;
    client.query("SELECT 'on'");
    expect((await client.next("D")).body.toString("latin1", 6)).toBe("on");
    client.end();
  },
  30_000,
);

/** It has taken from clients what fills the kernel's buffers and its own. */
const isFed = ({ counters }: RelayDatabaseFacts) => counters.bytesFromClients > 400_000;

test("a statement that ends its own connection is not run again for ever", async () => {
  const { url } = await relayed.database();
  const client = await RawClient.login(url);

  client.query("SELECT pg_terminate_backend(pg_backend_pid()) AND pg_sleep(60) IS NULL");

  expect(await client.nextError()).toBe("57P01");
  await client.next("Z");
  client.end();
}, 30_000);

test("what is run again and fails sooner than before takes nothing from the next answer", async () => {
  const { url, name } = await relayed.database();
  const { client, backend } = await withNotes(url);
  const [admin, renamer] = [await besides(name), await besides(name)];
  const insert = extended("INSERT INTO notes SELECT 'x' FROM pg_sleep(60)");
  client.send(Buffer.concat([insert, syncMessage]));
  const runs = (what: string) => async () =>
    (await admin.query(`SELECT 1 FROM pg_stat_activity WHERE ${what}`)).rowCount === 1;
  await until(runs(`pid = ${backend} AND wait_event = 'PgSleep'`));

  // It waits for the INSERT, and is done before that is run again.
  const renamed = renamer.query("ALTER TABLE notes RENAME TO other_notes");
  await until(runs("wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE notes%'"));
  await admin.query("SELECT pg_terminate_backend($1)", [backend]);
  await renamed;

  expect(await client.nextError()).toBe("42P01");
  await client.next("Z");
  client.send(Buffer.concat([extended("SELECT 5"), syncMessage]));
  await until(() => client.messages.some(({ type }) => type === "Z"));
  expect(client.messages.map(({ type }) => type).join("")).toBe("12TDCZ");
  client.end();
  await admin.end();
  await renamer.end();
}, 30_000);

test("long statements that are sent ahead are all answered", async () => {
  const { url } = await relayed.database();
  const client = await RawClient.login(url);
  const long = message(fromClient.query, `SELECT 1 /* ${"x".repeat(100_000)} */`);

  const sent = client.sendAll(Buffer.concat(Array.from({ length: 60 }, () => long)));

  await until(() => client.messages.filter(({ type }) => type === "Z").length === 60, 20_000);
  await sent;
  client.end();
}, 30_000);

test("COPY data that is cut by its error is not the begin of somebody else's message", async () => {
  const { url } = await relayed.database({ pooling: "transaction", connectionsMax: 1 });
  const { client } = await withNotes(url);
  const other = await RawClient.login(url);
  client.query("COPY notes FROM STDIN");
  await client.next("G");
  const wrong = message(fromClient.copyData, Buffer.from("two\tcolumns\n"));
  const long = message(fromClient.copyData, Buffer.alloc(100_000, 0x41));

  client.send(Buffer.concat([wrong, long.subarray(0, 20_000)]));
  await client.next("Z");
  other.query("SELECT 'mine'");

  expect((await other.next("D")).body.toString("latin1", 6)).toBe("mine");
  await client.sendAll(long.subarray(20_000));
  client.query("SELECT 'on'");
  expect((await client.next("D")).body.toString("latin1", 6)).toBe("on");
  client.end();
  other.end();
}, 30_000);
