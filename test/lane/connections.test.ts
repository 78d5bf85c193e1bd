/** Goal: a connection ends when both sides are done with it, and loses nothing. Method: raw sockets. */
import { describe, expect, test } from "bun:test";
import { until } from "../../src/base/until-for-tests.ts";
import { refusalsBeyond } from "../../src/edge/connection-room.ts";
import { halfCloseProbeMs, unreadBodyBytesMax } from "../../src/edge/limits.ts";
import type { RawConnection } from "../http/raw-client.ts";
import { get, header, request, startRawLane, told } from "./raw-lane.ts";

const slowBoot = { folder: `${import.meta.dir}/../../src/pool/fixtures`, entry: "slow-boot.ts" };
const failsAtBoot = { ...slowBoot, entry: "exits-at-boot.ts" };

const bodies = (client: RawConnection) => client.answers.map(({ body }) => body.toString());
const connectionOf = (client: RawConnection, index = 0) =>
  header(client.answers[index]!, "connection");

describe("a client that is gone", () => {
  test("while its request is pending is noticed, and the app is told", async () => {
    await using lane = startRawLane();
    for (const how of ["reset", "close"] as const) {
      const client = await lane.open(1);
      await client.take(get(`/never?key=${how}`));
      await until(async () => (await lane.notes(`${how} started`)) === 1);

      if (how === "reset") await client.take({ reset: true });
      else client.hangUp();

      await until(async () => (await lane.notes(`${how} aborted`)) === 1);
    }
  });

  test("with a FIN, in the middle of a silent answer, is noticed too", async () => {
    await using lane = startRawLane();
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: lane.port,
      socket: { data: () => seen.resolve(), open: () => {}, close: () => {} },
    });
    const seen = Promise.withResolvers<void>();
    client.write("GET /first?key=k HTTP/1.1\r\nHost: a.localhost\r\n\r\n");
    await seen.promise;

    // Closed, not only half.
    client.end();
    lane.clock.push(halfCloseProbeMs);

    await until(async () => (await lane.notes("k cancelled")) === 1);
  });

  test("while it is held is not sent to the app when that is ready", async () => {
    await using lane = startRawLane({ a: told, slow: { ...slowBoot, env: { BOOT_MS: "400" } } });
    const client = await lane.open(1, "slow");
    await client.take(get("/"));
    await until(() => lane.lane.edge.counters.requests === 1);

    await client.take({ reset: true });
    await until(() => lane.lane.edge.counters.connections === 0);

    const pool = lane.lane.pools.of(lane.spec("slow"));
    await until(() => pool.state === "warm");
    expect(pool.facts(0).requests).toBe(0);
  });
});

describe("a client that has only stopped sending", () => {
  test("is answered, also when the app had to be started for it", async () => {
    await using lane = startRawLane({ a: { ...slowBoot, env: { BOOT_MS: "700" } } });
    const client = await lane.open(1);

    await client.take(get("/"));
    await client.take({ halfClose: true });
    lane.clock.push(halfCloseProbeMs);
    await client.take({ until: "closed" });

    expect(bodies(client)).toEqual(["hello"]);
    expect([connectionOf(client), client.ended]).toEqual(["close", "closed"]);
    // It was asked once whether it is there.
    expect(client.answers[0]!.interim.map(({ status }) => status)).toEqual([100]);
  });

  test("sees a streamed answer as it is, with a probe in its chunks", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    await client.take(get("/after?count=0"));
    const slow = await lane.open(1);
    await slow.take(get("/drip"));
    await slow.take({ until: "body", bytes: 1 });

    await slow.take({ halfClose: true });
    lane.clock.push(halfCloseProbeMs);
    await slow.take({ until: "closed" });

    expect(bodies(slow)).toEqual(["drip drop"]);
    expect(slow.answers[0]).toMatchObject({ complete: true, framing: "chunked" });
  });

  test("gets the answers of all it sent ahead", async () => {
    await using lane = startRawLane();
    const client = await lane.open(3);

    await client.take(get("/after?count=30") + get("/after?count=30") + get("/"));
    await client.take({ halfClose: true });
    await client.take({ until: "closed" });

    expect(bodies(client)).toEqual(["after", "after", "hello"]);
    expect([0, 1, 2].map((index) => connectionOf(client, index))).toEqual([null, null, "close"]);
  });
});

describe("a body that the app has not read", () => {
  const post = (path: string, bytes: number) =>
    request(`POST ${path} HTTP/1.1`, `Content-Length: ${bytes}`);

  test("is read away when it is short, and the connection goes on", async () => {
    await using lane = startRawLane();
    const client = await lane.open([{ method: "POST" }, { method: "GET" }]);
    await client.take(post("/unread", unreadBodyBytesMax));
    await client.take({ until: "answer" });

    await client.send(Buffer.alloc(unreadBodyBytesMax));
    await client.take(get("/"));
    await client.take({ until: "answer", answer: 1 });

    expect(bodies(client)).toEqual(["not read", "hello"]);
  });

  test("counts by what is left of it, not by what was read before", async () => {
    await using lane = startRawLane();
    const client = await lane.open([{ method: "POST" }, { method: "GET" }]);
    const bytes = 3 * unreadBodyBytesMax;
    await client.take(post(`/some?count=${bytes - 1000}`, bytes));
    await client.send(Buffer.alloc(bytes - 500));
    await client.take({ until: "answer" });

    await client.send(Buffer.alloc(500));
    await client.take(get("/"));
    await client.take({ until: "answer", answer: 1 });

    expect(bodies(client)).toEqual(["enough", "hello"]);
  });

  test("ends the connection when it is long, after the client could read the answer", async () => {
    await using lane = startRawLane();
    const client = await lane.open([{ method: "POST" }]);
    const bytes = 8 * 1024 * 1024;
    await client.take(post("/unread", bytes));

    // It goes on sending, as clients do, and reads later.
    await client.take({ reading: false });
    await client.send(Buffer.alloc(bytes / 2)).catch(() => {});
    await client.take({ reading: true });
    await client.take({ until: "closed" });

    expect(bodies(client)).toEqual(["not read"]);
    expect([connectionOf(client), client.ended]).toEqual(["close", "closed"]);
  });

  test("without a known length is read away up to a bound", async () => {
    await using lane = startRawLane();
    const client = await lane.open([{ method: "POST" }]);
    await client.take(request("POST /unread HTTP/1.1", "Transfer-Encoding: chunked"));
    await client.take({ until: "answer" });
    const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`;

    for (let count = 0; count < 100 && client.ended === null; count++) await client.send(chunk);
    await client.take({ until: "closed" });

    expect(bodies(client)).toEqual(["not read"]);
  });

  test("that is not even sent, since the client was not told to, ends the connection", async () => {
    await using lane = startRawLane({ a: { ...told, limits: { bodyBytesMax: 10 } } });
    const client = await lane.open([{ method: "POST" }]);

    await client.take(request("POST /all HTTP/1.1", "Content-Length: 11", "Expect: 100-continue"));
    await client.take({ until: "closed" });

    expect([client.answers[0]!.status, client.answers[0]!.interim]).toEqual([413, []]);
    expect(connectionOf(client)).toBe("close");
  });
});

describe("a client that waits for 100-continue", () => {
  const ask = request("POST /all HTTP/1.1", "Content-Length: 5", "Expect: 100-continue");

  test("is told to go on when an instance has its request, not before", async () => {
    await using lane = startRawLane({ a: { ...told }, bad: failsAtBoot });
    const client = await lane.open([{ method: "POST" }], "bad");
    await client.take(ask);
    await client.take({ until: "answer" });

    expect([client.answers[0]!.status, client.answers[0]!.interim]).toEqual([503, []]);
  });

  test("sends its body then", async () => {
    await using lane = startRawLane();
    const client = await lane.open([{ method: "POST" }, { method: "GET" }]);
    await client.take(ask);
    await client.take({ until: "interim" });

    await client.take(`12345${get("/")}`);
    await client.take({ until: "answer", answer: 1 });

    expect(bodies(client)).toEqual(["5", "hello"]);
  });
});

describe("HTTP/1.0", () => {
  const old = { method: "GET", version: "1.0" } as const;

  test("with keep-alive stays open behind an answer of known length, and ends behind a stream", async () => {
    await using lane = startRawLane();
    const client = await lane.open([old, old]);
    const ask = (path: string) => request(`GET ${path} HTTP/1.0`, "Connection: keep-alive");
    await client.take(ask("/"));
    await client.take({ until: "answer" });

    await client.take(ask("/long?count=200000"));
    await client.take({ until: "closed" });

    expect([connectionOf(client, 0), connectionOf(client, 1)]).toEqual(["keep-alive", "close"]);
    expect(client.answers[1]).toMatchObject({ framing: "close", complete: true });
    expect(client.answers[1]!.body.length).toBe(200_000);
  });

  test("is not probed when it has stopped sending", async () => {
    await using lane = startRawLane();
    const client = await lane.open([old]);
    await client.take(request("GET /after?count=300 HTTP/1.0"));

    await client.take({ halfClose: true });
    lane.clock.push(halfCloseProbeMs);
    await client.take({ until: "closed" });

    expect(bodies(client)).toEqual(["after"]);
  });
});

test("the request's id is that of its own answer, not of the one before", async () => {
  await using lane = startRawLane();
  const client = await lane.open(3);

  await client.take(get("/own-id") + get("/", "X-Request-Id: second") + get("/own-id"));
  await client.take({ until: "answer", answer: 2 });

  expect(client.answers.map((answer) => header(answer, "x-request-id"))).toEqual([
    "my-own",
    "second",
    "my-own",
  ]);
});

test("a verdict on HEAD has the headers of its page and no body", async () => {
  await using lane = startRawLane();
  const client = await lane.open([{ method: "HEAD" }, { method: "GET" }], "nobody");

  await client.take(request("HEAD / HTTP/1.1") + get("/"));
  await client.take({ until: "answer", answer: 1 });

  const [head, page] = client.answers;
  expect([head!.status, head!.body.length]).toEqual([404, 0]);
  expect(header(head!, "content-length")).toBe(header(page!, "content-length"));
});

test("more connections than allowed are told so, and then no more of them", async () => {
  await using lane = startRawLane({ a: told }, { connectionsMax: 2 });
  const first = await lane.open(1);
  await lane.open(1);
  await until(() => lane.lane.edge.counters.connections === 2);

  const refusals = refusalsBeyond(2);
  const refused = await Promise.all(Array.from({ length: refusals }, () => lane.open(1)));
  await refused[0]!.take({ until: "closed" });
  await until(() => lane.lane.edge.counters.connections === 2 + refusals);
  const silent = await lane.open(0);
  await silent.take({ until: "closed" });

  const answer = refused[0]!.answers[0]!;
  expect([answer.status, header(answer, "levain-error")]).toEqual([503, "CONNECTIONS_FULL"]);
  expect([header(answer, "retry-after"), header(answer, "connection")]).toEqual(["1", "close"]);
  expect(silent.answers).toEqual([]);
  // Who was there before is served, and room is made for others.
  await first.take(get("/"));
  await first.take({ until: "answer" });
  for (const client of refused) client.hangUp();
  first.hangUp();
  await until(() => lane.lane.edge.counters.connections === 1);
  const next = await lane.open(1);
  await next.take(get("/"));
  await next.take({ until: "answer" });
  expect([bodies(first), bodies(next)]).toEqual([["hello"], ["hello"]]);
});
