/**
 * Goal: through the relay a pool comes out of a pause as if nothing had been, and what cannot be hidden is an error. Method:
 * a real app process that is frozen; a part of what recovery.suite.ts does with every client and pause.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import pg from "pg";
import { PAUSES } from "../../src/qualify/sql-recovery/pauses.ts";
import { CLIENTS } from "./client-modules.ts";
import { lose } from "./losses.ts";
import { runMatrix } from "./matrix.ts";
import { startRecoveryServer, type TestServer } from "./recovery-server.ts";
import { type RelayWay, relayWay } from "./ways.ts";

const testTimeoutMs = 60_000;

let server: TestServer;
let way: RelayWay;

beforeAll(async () => {
  server = await startRecoveryServer();
  way = await relayWay(server);
}, testTimeoutMs);
afterAll(async () => {
  await way[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
}, testTimeoutMs);

async function connected(): Promise<pg.Client> {
  const client = new pg.Client(way.databaseUrl);
  client.on("error", () => {});
  await client.connect();
  return client;
}

test(
  "the first query of every connection succeeds after a termination, a reset and a silence",
  async () => {
    const names = ["terminated", "reset", "swallowed"];

    const cells = await runMatrix({
      ...way,
      bun: process.execPath,
      clients: CLIENTS.slice(0, 1),
      pauses: PAUSES.filter(({ name }) => names.includes(name)),
      deadlineMs: 10_000,
      recoveryMsMax: 10_000,
      onCell() {},
    });

    expect(cells.map(({ pause, verdict }) => [pause, verdict.isRecovered])).toEqual(
      names.map((name) => [name, true]),
    );
  },
  testTimeoutMs,
);

test(
  "a transaction that was swallowed fails until its end, and nothing of it is written",
  async () => {
    const client = await connected();
    await client.query("BEGIN; INSERT INTO loaves (id) VALUES (-1)");

    await lose("swallowed", way.scene);
    const code = (text: string) =>
      client.query(text).then(
        ({ command }) => command,
        (error) => error.code,
      );

    expect(await code("INSERT INTO loaves (id) VALUES (-1)")).toBe("08006");
    expect(await code("INSERT INTO loaves (id) VALUES (-1)")).toBe("25P02");
    expect(await code("COMMIT")).toBe("ROLLBACK");
    const { rows } = await client.query("SELECT count(*)::int AS rows FROM loaves WHERE id = -1");
    expect(rows).toEqual([{ rows: 0 }]);
    await client.end();
  },
  testTimeoutMs,
);

test(
  "a client that has got a part of a row is closed, so that it cannot take an error for the rest",
  async () => {
    const client = await connected();
    const facts = async () => (await way.relay.facts()).databases[0]!;
    const before = (await facts()).counters.bytesToClients;
    const { stream } = (
      client as unknown as { connection: { stream: { pause(): void; resume(): void } } }
    ).connection;
    // One row, longer than what the sockets on the way hold.
    const answer = client.query("SELECT repeat('x', 20000000) AS row").then(
      () => "a row",
      (error) => error.message,
    );
    // From the start: it would have all of it when somebody looks a moment too late.
    stream.pause();
    while ((await facts()).counters.bytesToClients === before) await Bun.sleep(1);

    await lose("reset", way.scene);
    stream.resume();

    expect(await answer).toBe("Connection terminated unexpectedly");
    while ((await facts()).sessions > 0) await Bun.sleep(1);
  },
  testTimeoutMs,
);
