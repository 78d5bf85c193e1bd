/** Goal: what a run against a broker counts is what happened. Method: real generators, and brokers of known misbehaviour. */
import { expect, test } from "bun:test";
import { DequeuedMessage } from "@trigger.dev/core/v3";
import { DequeuedMessage as AutumnMessage } from "trigger-core-autumn/v3";
import { startTestBroker, type TestBrokerKind } from "./broker-for-tests.ts";
import { listenerOf } from "./broker-listener.ts";
import { loadBroker } from "./broker-load.ts";
import type { BrokerLoadPlan } from "./broker-plan.ts";
import { brokerKey, DispatchRequest, message, numberIn, pollRequest } from "./broker-requests.ts";

async function run(kind: TestBrokerKind, plan: Partial<BrokerLoadPlan> = {}) {
  await using broker = startTestBroker(kind);
  const result = await loadBroker({
    url: broker.url,
    dispatchUrl: broker.url,
    dispatchToken: null,
    controllers: 24,
    dispatchers: 3,
    keys: 3,
    payloadBytes: 2048,
    hitRatio: 1,
    warmUpMs: 50,
    durationMs: 250,
    seed: 1,
    serverPid: process.pid,
    ...plan,
  });
  return { ...result, dispatches: broker.dispatches };
}

const noErrors = { refused: 0, reset: 0, timeout: 0, status: {}, ended: {}, dropped: 0 };

test("hits and misses are counted apart, and every message is followed to a runner", async () => {
  const { hits, misses, missesUnasked, lost, doubled, errors, dispatches, ...rest } = await run(
    "good",
    { hitRatio: 0.5 },
  );

  expect(hits.count).toBeGreaterThan(0);
  expect(misses.count).toBeGreaterThan(0);
  expect(hits.count + misses.count).toBeLessThanOrEqual(dispatches);
  expect({ missesUnasked, lost, doubled, errors }).toEqual({
    missesUnasked: 0,
    lost: 0,
    doubled: 0,
    errors: noErrors,
  });
  expect(rest.redirects).toBe(0);
  expect(rest.serverCpuUs).toBeGreaterThan(0);
  expect(rest.clientCpuUs).toBeGreaterThan(0);
  expect(rest.serverMemory!.residentBytes).toBeGreaterThan(2 ** 20);
});

test("an offer is claimed over the connection that it came over", async () => {
  const { hits, redirects, lost, errors } = await run("offering");

  expect(hits.count).toBeGreaterThan(0);
  // Those under way at the two ends of the counted time have one of both counted.
  expect(Math.abs(redirects - hits.count)).toBeLessThanOrEqual(6);
  expect(lost).toBe(0);
  expect(errors).toEqual(noErrors);
});

test("a broker that loses messages or delivers them twice is found out", async () => {
  const [losing, doubling] = await Promise.all([run("losing"), run("doubling")]);

  expect(losing.lost).toBeGreaterThan(0);
  expect(losing.doubled).toBe(0);
  expect(doubling.doubled).toBeGreaterThan(0);
  expect(doubling.lost).toBe(0);
});

test("dispatches that are refused are no misses", async () => {
  const { hits, misses, errors } = await run("failing");

  expect(hits.count + misses.count).toBe(0);
  expect(errors.status["503"]).toBeGreaterThan(0);
});

test("a key that nobody polls for is a miss that was not asked for", async () => {
  const { hits, misses, missesUnasked } = await run("good", { controllers: 0 });

  expect(hits.count).toBe(0);
  expect(missesUnasked).toBe(misses.count);
  expect(misses.count).toBeGreaterThan(0);
});

test("a broker that is not there is no result", async () => {
  const url = "http://127.0.0.1:1";

  await expect(run("good", { url })).rejects.toThrow("the load generator failed");
});

test("a message is one for clients of two ages, as long as was asked, and named by its number", () => {
  for (const index of [0, 1, 2, 3, 19]) {
    const sent = message(brokerKey(index), "bench_0000000001", 2048);
    expect(JSON.stringify(sent)).toHaveLength(2048);
    expect(DequeuedMessage.safeParse(sent).error).toBeUndefined();
    expect(AutumnMessage.safeParse(sent).error).toBeUndefined();
  }

  const request = new DispatchRequest("host", "secret", brokerKey(0), "tag", 3000);
  const [head = "", body = ""] = request.numbered(1_234_567).toString().split("\r\n\r\n");
  expect(head).toContain(`content-length: ${body.length}`);
  expect(head).toContain("authorization: Bearer secret");
  const { dequeuedMessage } = JSON.parse(body);
  expect(dequeuedMessage.snapshot.friendlyId).toBe("snapshot_tag_0001234567");
  expect(dequeuedMessage.run.friendlyId).toBe("run_tag_0001234567");
  expect(numberIn(Buffer.from(body), "tag")).toBe(1_234_567);
  expect(numberIn(Buffer.from(body), "other")).toBe(-1);
});

test("a redirected poll is the same request for another target", () => {
  const poll = pollRequest("host", brokerKey(1), "controller_1");

  expect(poll.redirected("/warm-start")).toBe(poll.bytes.toString());
  expect(poll.redirected("/warm-start?lease=1")).toStartWith(
    "GET /warm-start?lease=1 HTTP/1.1\r\n",
  );
});

test("the process behind a port is found", () => {
  using server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data() {} },
  }) as Disposable & {
    port: number;
  };

  expect(listenerOf(new URL(`http://127.0.0.1:${server.port}`))).toBe(process.pid);
  expect(listenerOf(new URL(`http://10.0.0.1:${server.port}`))).toBeNull();
});
