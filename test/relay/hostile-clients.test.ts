/** Goal: no client harms the relay or another client. Method: raw bytes, a real relay, real PostgreSQL. */
import { describe, expect, test } from "bun:test";
import pg from "pg";
import { until } from "../../src/base/until-for-tests.ts";
import {
  cancelRequest,
  fromClient,
  int32,
  message,
  startupPacket,
  syncMessage,
} from "../../src/relay/messages.ts";
import { extended, RawClient } from "./raw-client.ts";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();

/** The relay answers somebody else. */
async function answers(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  await client.end();
}

describe("before the log-in", () => {
  test("garbage, giant lengths and other protocols end the connection, and nothing else", async () => {
    const { url } = await relayed.database();
    const { port } = relayed.relay;
    const garbage = [
      Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0]),
      Buffer.from([0, 0, 0, 1]),
      Buffer.alloc(50_000, 0x58),
      Buffer.concat([int32(8), int32(131072)]),
      startupPacket([]),
      Buffer.concat([startupPacket([["user", "x"]]), Buffer.from([0x51, 0, 0, 0, 4])]),
      Buffer.concat([startupPacket([["user", "x"]]), Buffer.from([0x70, 0x3f, 0xff, 0xff, 0xff])]),
      Buffer.concat([startupPacket([["user", "x"]]), message(0x70, "MD5", int32(-1))]),
      Buffer.concat([startupPacket([["user", "x"]]), Buffer.from([0x70, 0, 0, 0, 4])]),
    ];

    for (const bytes of garbage) {
      const client = await RawClient.open(port);
      client.send(bytes);
      await client.closed;
      expect(client.messages.some(({ type }) => type === "E")).toBe(true);
    }

    await until(async () => (await relayed.relay.facts()).strangers === 0);
    await answers(url);
  });

  test("TLS and GSSAPI are declined, each once, and what is sent ahead of the answer is not taken", async () => {
    const { port } = relayed.relay;
    const { url } = await relayed.database();
    const { username, password } = new URL(url);
    const tls = Buffer.concat([int32(8), int32(80877103)]);
    const gss = Buffer.concat([int32(8), int32(80877104)]);

    const client = await RawClient.open(port);
    client.send(gss);
    await client.next("N");
    client.send(tls);
    await client.next("N");
    client.send(startupPacket([["user", username]]));
    await client.prove(password);
    client.query("SELECT 1");
    await client.next("Z");

    const smuggler = await RawClient.open(port);
    smuggler.send(Buffer.concat([tls, startupPacket([["user", username]])]));
    await smuggler.closed;
    client.end();
  });

  test("a startup packet that comes byte by byte is read, and one that never ends is left after a while", async () => {
    const { url } = await relayed.database();
    const { username, password, port } = new URL(url);
    const client = await RawClient.open(Number(port));
    for (const byte of startupPacket([["user", username]])) {
      client.send(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await client.prove(password);
    expect((await relayed.relay.facts()).strangers).toBe(0);
    client.end();
  });

  test("thousands who never log in keep nobody out, nor many bytes", async () => {
    const { url } = await relayed.database();
    const { port } = relayed.relay;
    const long = Buffer.concat([
      startupPacket([["user", "x"]]),
      Buffer.from([fromClient.password, 0, 0x0f, 0xff, 0xff]),
      Buffer.alloc(20_000),
    ]);
    const talker = await RawClient.open(port);
    await talker.sendAll(long);
    await talker.sendAll(Buffer.alloc(1));

    const strangers: RawClient[] = [];
    for (let count = 0; count < 1100; count += 1) strangers.push(await RawClient.open(port));

    await answers(url);
    await talker.closed;
    for (const stranger of strangers) stranger.reset();
    await until(async () => (await relayed.relay.facts()).strangers === 0);
  }, 30_000);

  test("the salt of a role does not tell that it exists", async () => {
    const [one, other] = [await relayed.database(), await relayed.database()];
    const saltOf = async (user: string) => {
      const client = await RawClient.open(relayed.relay.port);
      client.send(startupPacket([["user", user]]));
      await client.next("R");
      const first = Buffer.from("n,,n=,r=abcdefgh");
      client.send(message(fromClient.password, "SCRAM-SHA-256", int32(first.length), first));
      const received = (await client.next("R")).body.toString("latin1", 4);
      client.reset();
      return /,s=([^,]+)/.exec(received)?.[1];
    };

    const names = [one.name, one.name, other.name, "nobody", "nobody", "no-other"];
    const salts = await Promise.all(names.map(saltOf));

    expect(salts[0]).toBe(salts[1]!);
    expect(salts[3]).toBe(salts[4]!);
    expect(new Set(salts).size).toBe(4);
  });

  test("protocol 3.2 is spoken, with a longer key; what is newer is negotiated down", async () => {
    const { url } = await relayed.database();
    const { username, password, port } = new URL(url);
    for (const [minor, keyBytes, isNegotiated] of [
      [0, 4, false],
      [2, 32, false],
      [9999, 32, true],
    ] as const) {
      const packet = startupPacket([
        ["user", username],
        ...(isNegotiated ? [["_pq_.grease", "1"] as const] : []),
      ]);
      packet.writeUInt16BE(minor, 6);
      const client = await RawClient.open(Number(port));
      client.send(packet);
      if (isNegotiated) expect((await client.next("v")).body.readUInt32BE(0)).toBe((3 << 16) | 2);
      await client.prove(password);
      expect(client.key.length).toBe(keyBytes);
      client.end();
    }
  });

  test("replication is refused, and so are sessions beyond the bound", async () => {
    const { url } = await relayed.database({ sessionsMax: 1 });
    const first = await RawClient.login(url);

    expect(await RawClient.login(url).catch(String)).toContain("53300");
    expect(await RawClient.login(url, [["replication", "true"]]).catch(String)).toContain("0A000");
    first.end();
    await until(
      async () =>
        (await RawClient.login(url).then(
          (two) => two.end(),
          () => 1,
        )) !== 1,
    );
  });
});

describe("after the log-in", () => {
  test("a message that cannot be is a proper error, and ends this session alone", async () => {
    const { url } = await relayed.database();
    const other = await RawClient.login(url);
    for (const bytes of [
      Buffer.from([0x51, 0, 0, 0, 3]),
      Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0x00, 0, 0, 0, 4]),
      message(fromClient.password, "again"),
    ]) {
      const client = await RawClient.login(url);
      client.send(bytes);
      expect(await client.nextError()).toBe("08P01");
      await client.closed;
    }
    other.query("SELECT 1");
    await other.next("Z");
    other.end();
  });

  test("queries that are cut anywhere are answered like whole ones", async () => {
    const { url } = await relayed.database();
    const client = await RawClient.login(url);
    const bytes = Buffer.concat([
      message(fromClient.query, "SELECT 1"),
      extended("SELECT 2"),
      syncMessage,
      message(fromClient.query, "SELECT 3"),
    ]);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      client.send(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      client.send(bytes.subarray(cut));
      const rows: string[] = [];
      for (let readies = 0; readies < 3; ) {
        const { type, body } = await client.next(client.messages[0]?.type ?? "T");
        if (type === "D") rows.push(body.toString("latin1", 6));
        if (type === "Z") readies += 1;
      }
      expect(rows).toEqual(["1", "2", "3"]);
    }
    client.end();
  });

  test("a client that vanishes in a COPY, a transaction or a long query leaves nothing running", async () => {
    const database = await relayed.database();
    const { url, name } = database;
    const setup = await RawClient.login(url);
    setup.query("CREATE TABLE copied (t text)");
    await setup.next("Z");

    const copying = await RawClient.login(url);
    copying.query("COPY copied FROM STDIN");
    await copying.next("G");
    copying.send(message(fromClient.copyData, Buffer.from("row\n")));
    const open = await RawClient.login(url);
    open.query("BEGIN; LOCK TABLE copied IN ROW SHARE MODE");
    await open.next("Z");
    const long = await RawClient.login(url);
    long.query("SELECT pg_sleep(600)");
    const isRunning = async () =>
      relayed.admin(
        `SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND (state <> 'idle' OR wait_event = 'PgSleep')`,
      );
    await until(async () => (await isRunning()).length === 3);
    for (const client of [copying, open, long]) client.reset();

    await until(async () => (await isRunning()).length === 0);
    setup.query("SELECT count(*) FROM copied");
    expect((await setup.next("D")).body.toString("latin1", 6)).toBe("0");
    setup.end();
  });

  test("a client that does not read is not read for, and the relay's memory does not grow by its rows", async () => {
    const { url } = await relayed.database();
    const slow = await RawClient.login(url);
    slow.pause();
    const before = process.memoryUsage().rss;
    slow.query("SELECT repeat('x', 100000) FROM generate_series(1, 3000)");
    const facts = async () => (await relayed.relay.facts()).databases.at(-1)!;
    await until(async () => (await facts()).counters.bytesToClients > 100_000);
    const { counters } = await facts();
    await answers(url);
    await answers(url);

    // Of 300 MB: what the kernel's buffers of two sockets hold, and a little here.
    expect((await facts()).counters.bytesToClients - counters.bytesToClients).toBeLessThan(30e6);
    expect(process.memoryUsage().rss - before).toBeLessThan(60e6);
    slow.resume();
    await slow.next("Z", 60_000);
    expect(slow.received).toBeGreaterThan(300e6);
    slow.end();
  }, 60_000);

  test("a cancel request with the right key cancels, with another one does nothing", async () => {
    const { url, name } = await relayed.database();
    const { port } = new URL(url);
    const client = await RawClient.login(url);
    const cancel = async (pid: number, key: Buffer) => {
      const canceler = await RawClient.open(Number(port));
      canceler.send(cancelRequest(pid, key));
      await canceler.closed;
    };
    client.query("SELECT pg_sleep(60)");
    // A cancel request that comes before its statement finds nothing to cancel, also with PostgreSQL alone.
    const sleeping = `SELECT 1 FROM pg_stat_activity WHERE datname = '${name}' AND wait_event = 'PgSleep'`;
    await until(async () => (await relayed.admin(sleeping)).length === 1);
    await cancel(client.pid, Buffer.from([1, 2, 3, 4]));
    await cancel(client.pid + 1, client.key);
    await cancel(client.pid, Buffer.concat([client.key, Buffer.alloc(1)]));
    expect(client.messages).toEqual([]);

    await cancel(client.pid, client.key);

    expect(await client.nextError()).toBe("57014");
    await client.next("Z");
    client.query("SELECT 1");
    await client.next("Z");
    client.end();
  });

  test("hundreds of sessions that come and go leave nothing behind", async () => {
    const database = await relayed.database({ connectionsMax: 5 });
    await answers(database.url);
    for (let round = 0; round < 3; round += 1) {
      const clients = await Promise.all(
        Array.from({ length: 150 }, () => RawClient.login(database.url)),
      );
      for (const [index, client] of clients.entries()) {
        if (index % 3 === 0) client.reset();
        else if (index % 3 === 1) client.send(message(fromClient.terminate));
        else client.end();
      }
      await Promise.all(clients.map((client) => client.closed));
    }
    await until(async () => (await database.facts()).sessions === 0);
    expect((await database.facts()).serverConnections).toBeLessThanOrEqual(5);
  });
});
