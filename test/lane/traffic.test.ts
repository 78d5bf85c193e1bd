/**
 * Goal: every request that is answered is counted once, with its class, its bytes and its duration, and has one record.
 * Method: clients that count themselves ask for everything there is, in random order; both sums are compared. A failure
 * shows its seed; LEVAIN_TEST_SEED repeats it.
 */

import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { pick, type Random, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import type { Pool } from "../../src/pool/pool.ts";
import { ANSWER_CLASSES } from "../../src/telemetry/traffic.ts";
import { SocketClient } from "../http/socket-client.ts";
import { get, header, type RawLane, request, startRawLane } from "./raw-lane.ts";

const apps = {
  a: { folder: `${import.meta.dir}/apps`, entry: "answers.ts", limits: { bodyBytesMax: 50_000 } },
};

function poolOf({ lane }: RawLane): Pool {
  return [...lane.pools.all()].find(({ spec }) => spec.app === "a")!;
}

function countsOf(lane: RawLane) {
  const { answers, sentBytes, receivedBytes, latency, verdicts } = poolOf(lane).traffic;
  const byClass = Object.fromEntries(ANSWER_CLASSES.map((name) => [name, answers.of(name)]));
  return {
    byClass,
    sentBytes,
    receivedBytes,
    timed: latency.count,
    verdicts: { ...Object.fromEntries(verdicts) },
  };
}

/** One thing that a client does, and what the edge has to make of it. */
interface Act {
  method: string;
  send: string;
  /** Body bytes that the app is given. */
  received?: number;
  /** The client leaves before the answer's end. */
  leaves?: boolean;
  /** The connection ends with the answer. */
  ends?: boolean;
}

const post = (path: string, ...rest: string[]) => request(`POST ${path} HTTP/1.1`, ...rest);

function draw(random: Random): Act {
  const count = random(random(2) === 0 ? 50 : 20_000);
  const body = "b".repeat(count);
  const kinds: (() => Act)[] = [
    () => ({ method: "GET", send: get(`/bytes?count=${count}`) }),
    () => ({ method: "HEAD", send: request(`HEAD /bytes?count=${count} HTTP/1.1`) }),
    () => ({ method: "HEAD", send: request(`HEAD /stream?count=${count} HTTP/1.1`) }),
    () => ({ method: "HEAD", send: request("HEAD /throws HTTP/1.1") }),
    () => ({ method: "GET", send: get(`/stream?count=${count}`) }),
    () => ({
      method: "GET",
      send: get(`/status?count=${pick(random, [204, 205, 302, 304, 404, 500])}`),
    }),
    () => ({ method: "GET", send: get("/throws") }),
    () => ({
      method: "POST",
      send: post("/all", `Content-Length: ${count}`) + body,
      received: count,
    }),
    () => ({
      method: "POST",
      send: `${post("/all", "Transfer-Encoding: chunked")}${count > 0 ? `${count.toString(16)}\r\n${body}\r\n` : ""}0\r\n\r\n`,
      received: count,
    }),
    () => ({ method: "POST", send: post("/all", "Content-Length: 50001"), ends: true }),
    () => ({ method: "GET", send: get("/never"), leaves: true }),
    () => ({ method: "GET", send: get(`/bytes?count=${count}`, "Connection: close"), ends: true }),
  ];
  return pick(random, kinds)();
}

test("what clients counted is what the edge counted, whatever they ask for", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  await using lane = startRawLane(apps, { keepsRequests: true });
  const expected = {
    byClass: { "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0, aborted: 0 } as Record<string, number>,
    sentBytes: 0,
    receivedBytes: 0,
    timed: 0,
    verdicts: {} as Record<string, number>,
  };
  const ids = new Map<string, number>();
  const one = async () => {
    const acts: Act[] = [];
    do acts.push(draw(random));
    while (acts.length < 12 && !acts.at(-1)!.ends && !acts.at(-1)!.leaves);
    const client = await lane.open(acts);
    for (const [index, act] of acts.entries()) {
      await client.take(act.send);
      if (act.leaves) {
        const waits = () => poolOf(lane).facts(performance.now()).requestsInFlight > 0;
        await until(waits);
        await client.take({ reset: true });
        expected.byClass["aborted"]! += 1;
        return;
      }
      await client.take({ until: "answer", answer: index });
      const answer = client.answers[index]!;
      expected.byClass[`${Math.floor(answer.status / 100)}xx`]! += 1;
      expected.sentBytes += answer.body.length;
      expected.receivedBytes += act.received ?? 0;
      expected.timed += 1;
      const code = header(answer, "levain-error");
      if (code !== null) expected.verdicts[code] = (expected.verdicts[code] ?? 0) + 1;
      ids.set(header(answer, "x-request-id")!, answer.status);
    }
    client.hangUp();
  };

  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 8 }, one));

  const asked = lane.lane.edge.counters.requests;
  await until(() => poolOf(lane).traffic.answers.total >= asked);
  expect(countsOf(lane), `LEVAIN_TEST_SEED=${seed}`).toEqual(expected);
  lane.lane.requestLog.flush();
  expect(lane.requests.length, `LEVAIN_TEST_SEED=${seed}`).toBe(asked);
  for (const { requestId, fields } of lane.requests) {
    const status = ids.get(requestId!) ?? 499;
    expect(fields?.["status"], `LEVAIN_TEST_SEED=${seed}`).toBe(status);
    ids.delete(requestId!);
  }
  expect(ids.size).toBe(0);
}, 60_000);

describe("an answer", () => {
  test("that breaks off half-way counts as what broke it", async () => {
    await using lane = startRawLane(apps, { keepsRequests: true });
    const client = await lane.open(1);

    await client.take(get("/breaks"));
    await client.take({ until: "closed" });

    expect(countsOf(lane).byClass).toMatchObject({ "2xx": 0, "5xx": 1, aborted: 0 });
    expect(countsOf(lane).verdicts).toEqual({ APP_RESPONSE_INVALID: 1 });
    lane.lane.requestLog.flush();
    expect(lane.requests[0]?.fields).toMatchObject({
      status: 502,
      code: "APP_RESPONSE_INVALID",
      sentBytes: 4,
    });
  });

  test("that the client leaves in the middle of is aborted, with what was sent and for how long", async () => {
    await using lane = startRawLane(apps, { keepsRequests: true });
    const client = await lane.open(1);
    await client.take(get("/endless"));
    await client.take({ until: "body", bytes: 5000 });
    lane.clock.push(7000);

    client.hangUp();
    await until(() => poolOf(lane).traffic.answers.of("aborted") === 1);

    lane.lane.requestLog.flush();
    const fields = lane.requests[0]!.fields!;
    expect(fields["status"]).toBe(499);
    expect(fields["sentBytes"]).toBeGreaterThanOrEqual(5000);
    expect(fields["durationMs"]).toBeGreaterThanOrEqual(7000);
    expect(poolOf(lane).traffic.latency.count).toBe(0);
  });

  test("to a request that is for nobody is counted by the edge", async () => {
    await using lane = startRawLane(apps, { keepsRequests: true });
    const [unknown, broken] = [await lane.open(1, "nobody"), await lane.open(1)];

    await unknown.take(get("/"));
    await unknown.take({ until: "answer" });
    await broken.take("GET / HTTP/1.1\r\nbad header\r\n\r\n");
    await broken.take({ until: "answer" });

    expect(lane.lane.edge.counters.unrouted.of("4xx")).toBe(2);
    expect(countsOf(lane).byClass).toEqual({ "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0, aborted: 0 });
    lane.lane.requestLog.flush();
    expect(lane.requests).toEqual([]);
  });

  test("takes as long as the app and the client took", async () => {
    await using lane = startRawLane(apps, { keepsRequests: true });
    const client = await lane.open(1);
    await client.take(post("/all", "Content-Length: 1"));
    await until(() => poolOf(lane).facts(0).requestsInFlight === 1);

    lane.clock.push(3000);
    await client.take("b");
    await client.take({ until: "answer" });

    expect(poolOf(lane).traffic.facts().p50Ms).toBeGreaterThan(2500);
    lane.lane.requestLog.flush();
    expect(lane.requests[0]!.fields!["durationMs"]).toBeGreaterThanOrEqual(3000);
  });

  test("is measured when it comes, not when somebody else looked at the clock", async () => {
    await using lane = startRawLane(apps, { keepsRequests: true });
    const count = 5;
    const client = await lane.open(count);

    for (let index = 0; index < count; index++) {
      await client.take(get("/after?count=500"));
      await until(() => lane.lane.edge.counters.requests > index);
      lane.clock.push(1000);
      await client.take({ until: "answer", answer: index });
    }

    lane.lane.requestLog.flush();
    const durations = lane.requests.map(({ fields }) => Number(fields?.["durationMs"]));
    expect(durations.length).toBe(count);
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(1000);
  });
});

test("a record tells who asked, of whom and for what, and no value of the query", async () => {
  await using lane = startRawLane(apps, { trustedProxies: ["127.0.0.1"], keepsRequests: true });
  const client = await lane.open(1);

  await client.take(get("/hi?token=hush", "X-Forwarded-For: 192.0.2.7", "Authorization: hush"));
  await client.take({ until: "answer" });

  lane.lane.requestLog.flush();
  const [record] = lane.requests;
  expect(record).toMatchObject({
    app: "a",
    version: 1,
    event: "request",
    message: "GET /hi?token=… 200",
    fields: {
      method: "GET",
      target: "/hi?token=…",
      status: 200,
      sentBytes: 5,
      client: "192.0.2.7",
    },
  });
  expect(record!.instance).toBe(poolOf(lane).facts(0).processes[0]!.id);
  expect(record!.requestId).toBe(header(client.answers[0]!, "x-request-id"));
  expect(JSON.stringify(lane.requests)).not.toContain("hush");
});

test("a WebSocket is counted when it opens and when it closes, apart from answers", async () => {
  await using lane = startRawLane(apps, { keepsRequests: true });
  const { traffic } = poolOf(lane);
  const client = await SocketClient.open(
    { port: lane.port, host: "a.localhost" } as never,
    "/socket",
  );
  client.send("hello");
  await client.next();
  expect(traffic.webSockets).toMatchObject({ opened: 1, closed: 0 });
  lane.clock.push(5000);

  client.socket.close();
  await until(() => traffic.webSockets.closed === 1);

  expect(traffic.webSockets.openSumMs).toBeGreaterThanOrEqual(5000);
  // A frame has a head; the client's is masked.
  expect(traffic.webSockets.receivedBytes).toBeGreaterThanOrEqual(11);
  expect(traffic.webSockets.sentBytes).toBeGreaterThanOrEqual(7);
  expect(traffic.answers.total).toBe(0);
  expect(traffic.latency.count).toBe(0);
  lane.lane.requestLog.flush();
  expect(lane.requests.map(({ fields }) => fields?.["status"])).toEqual([101]);
});

test("many requests leave nothing behind in memory", async () => {
  await using lane = startRawLane(apps, { keepsRequests: true });
  const ask = async (count: number) => {
    for (let done = 0; done < count; done += 50) {
      const answers = Array.from({ length: 50 }, async () => (await lane.fetch("a", "/")).text());
      await Promise.all(answers);
    }
  };
  const objects = () => {
    Bun.gc(true);
    lane.lane.requestLog.flush();
    lane.requests.length = 0;
    Bun.gc(true);
    return heapStats().objectCount;
  };
  await ask(2000);
  await ask(2000);
  const before = objects();

  await ask(4000);

  expect(objects() - before).toBeLessThan(1000);
  expect(poolOf(lane).traffic.answers.of("2xx")).toBe(8000);
}, 30_000);
