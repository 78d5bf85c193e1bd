/** Goal: a client that does not take its answers is its own affair. Method: a relay whose clock can be put forward. */
import { afterAll, expect, test } from "bun:test";
import { systemClock } from "../../src/base/clock.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { stalledWantedMsMax } from "../../src/relay/limits.ts";
import { fromClient, message } from "../../src/relay/messages.ts";
import { startRelay } from "../../src/relay/relay.ts";
import type { RelayDatabase } from "../../src/relay/relay-api.ts";
import { RawClient } from "./raw-client.ts";
import { withTestRelay } from "./relay-for-tests.ts";

const relayed = withTestRelay();
let aheadMs = 0;
const relay = startRelay({
  port: 0,
  clock: { wallMs: systemClock.wallMs, nowMs: () => systemClock.nowMs() + aheadMs },
});
afterAll(() => relay.stop());

async function database(change: Partial<RelayDatabase>) {
  const { url, spec, name } = await relayed.database(change);
  await relay.put(spec);
  const facts = async () => (await relay.facts()).databases.find((one) => one.name === name)!;
  return { url: url.replace(/:\d+\//, `:${relay.port}/`), facts };
}

test("a connection is not handed on unread, whoever has had it took nothing", async () => {
  const { url, facts } = await database({ pooling: "transaction", connectionsMax: 1 });
  const slow = await RawClient.login(url);
  const other = await RawClient.login(url);
  slow.pause();

  // Each answer comes in one piece, so that the connection is free again when there is more than the client takes.
  const answers = 40;
  const query = message(fromClient.query, "SELECT repeat('x', 8000)");
  for (let isTaken = true; isTaken; ) {
    const { bytesToClients } = (await facts()).counters;
    expect(bytesToClients).toBeLessThan(30_000_000);
    slow.send(Buffer.concat(Array.from({ length: answers }, () => query)));
    isTaken = await until(
      async () => (await facts()).counters.bytesToClients > bytesToClients + answers * 8000,
      500,
    ).then(
      () => true,
      () => false,
    );
    other.query("SELECT 'on'");
    expect((await other.next("D")).body.toString("latin1", 6)).toBe("on");
    await other.next("Z");
  }

  // What was not run for it is run when it takes the rest.
  slow.resume();
  slow.query("SELECT 'last'");
  await until(() => slow.messages.some(({ body }) => body.toString("latin1", 6) === "last"));
  slow.end();
  other.end();
}, 30_000);

test.each(["session", "transaction"] as const)(
  "with %s pooling, who takes nothing for long loses a connection that others wait for",
  async (pooling) => {
    const { url, facts } = await database({ pooling, connectionsMax: 1 });
    const slow = await RawClient.login(url);
    slow.pause();
    slow.send(message(fromClient.query, "SELECT repeat('x', 1000) FROM generate_series(1, 50000)"));
    let bytes = -1;
    let looks = 0;
    // The server may rest between two chunks as well, though not for as long as this.
    await until(async () => {
      const now = (await facts()).counters.bytesToClients;
      looks = now === bytes ? looks + 1 : 0;
      bytes = now;
      return bytes > 1_000_000 && looks > 100;
    });
    const stranger = await RawClient.open(relay.port);
    stranger.send(Buffer.of(0));
    aheadMs += stalledWantedMsMax + 1000;
    // The relay has looked at its clock.
    await stranger.closed;
    expect((await facts()).sessions).toBe(1);

    const other = await RawClient.login(url);
    other.query("SELECT 'on'");

    expect((await other.next("D")).body.toString("latin1", 6)).toBe("on");
    expect((await facts()).sessions).toBe(1);
    other.end();
    slow.resume();
    await slow.closed;
  },
  30_000,
);
