/** Goal: no client, app or node waits for ever, and who is waited for is told. Method: raw sockets, a pushed clock. */
import { describe, expect, test } from "bun:test";
import { deadlineTickMs } from "../../src/base/deadlines.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { headTimeoutMs, keepAliveTimeoutMs, lingerTimeoutMs } from "../../src/edge/limits.ts";
import { holdTimeoutMs } from "../../src/pool/limits.ts";
import type { RawConnection } from "../http/raw-client.ts";
import { get, header, type RawLane, request, startRawLane, told } from "./raw-lane.ts";

const requestTimeoutMs = 5000;
const streamIdleMs = 20_000;
const timed = { ...told, limits: { requestTimeoutMs, streamIdleMs } };

const codeOf = (client: RawConnection, index = 0) => {
  const answer = client.answers[index];
  return answer === undefined ? null : header(answer, "levain-error");
};

/** The code of the verdicts in the log, with the request's id. */
const logged = (lane: RawLane) =>
  lane.records
    .filter(({ event }) => event === "verdict")
    .map(({ fields, requestId }) => [fields?.["code"], requestId]);

describe("a client that", () => {
  test("sends nothing is let go without a word", async () => {
    await using lane = startRawLane();
    const client = await lane.open(0);
    await until(() => lane.lane.edge.counters.connections === 1);

    lane.clock.push(headTimeoutMs);
    await client.take({ until: "closed" });

    expect([client.ended, client.answers]).toEqual(["closed", []]);
  });

  test("does not end its head is told so", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    await client.take("GET / HTTP/1.1\r\nHost: ");
    await until(() => lane.lane.edge.counters.connections === 1);

    lane.clock.push(headTimeoutMs);
    await client.take({ until: "closed" });

    expect(client.answers[0]).toMatchObject({ status: 408, complete: true });
    expect([codeOf(client), client.ended]).toEqual(["REQUEST_TIMEOUT", "closed"]);
  });

  test("sends its head a byte at a time has only so long for all of it", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    const head = get("/slow");

    for (let at = 0; at < head.length && client.ended === null; at++) {
      await client.send(head[at]!);
      lane.clock.push(headTimeoutMs / 10);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }

    expect(codeOf(client)).toBe("REQUEST_TIMEOUT");
  });

  test("stops in the middle of its body is told so", async () => {
    await using lane = startRawLane({ a: timed });
    const client = await lane.open([{ method: "POST" }]);
    await client.take(`${request("POST /never?key=k HTTP/1.1", "Content-Length: 10")}12345`);
    await until(async () => (await lane.notes("k started")) === 1);

    lane.clock.push(streamIdleMs);
    await client.take({ until: "closed" });

    expect(client.answers[0]?.status).toBe(408);
    expect(codeOf(client)).toBe("REQUEST_TIMEOUT");
    await until(async () => (await lane.notes("k aborted")) === 1);
  });

  test("asks nothing more is let go after its time, not before", async () => {
    await using lane = startRawLane();
    const client = await lane.open(2);
    await client.take(get("/"));
    await client.take({ until: "answer" });

    lane.clock.push(keepAliveTimeoutMs - 5000);
    await client.take(get("/"));
    await client.take({ until: "answer", answer: 1 });
    lane.clock.push(keepAliveTimeoutMs);
    await client.take({ until: "closed" });

    expect([client.ended, client.answers.length]).toEqual(["closed", 2]);
  });
});

describe("an app that", () => {
  test("does not answer in time is answered for, and others go on", async () => {
    await using lane = startRawLane({ a: timed });
    const slow = await lane.open(2);
    const other = await lane.open(1);
    await slow.take(get("/never?key=k", "X-Request-Id: slow-1"));
    await until(async () => (await lane.notes("k started")) === 1);

    lane.clock.push(requestTimeoutMs);
    await slow.take({ until: "answer" });
    await other.take(get("/"));
    await other.take({ until: "answer" });

    expect([slow.answers[0]?.status, codeOf(slow)]).toEqual([504, "APP_RESPONSE_TIMEOUT"]);
    expect(other.answers[0]?.body.toString()).toBe("hello");
    expect(logged(lane)).toEqual([["APP_RESPONSE_TIMEOUT", "slow-1"]]);
    await until(async () => (await lane.notes("k aborted")) === 1);
    // The connection is as good as before.
    await slow.take(get("/"));
    await slow.take({ until: "answer", answer: 1 });
    expect(slow.answers[1]?.body.toString()).toBe("hello");
  });

  test("falls silent in the middle of its answer is cut, visibly", async () => {
    await using lane = startRawLane({ a: timed });
    const client = await lane.open(1);
    await client.take(get("/first?key=k"));
    await client.take({ until: "body", bytes: 6 });

    lane.clock.push(streamIdleMs);
    await client.take({ until: "closed" });

    expect(client.answers[0]?.complete).toBe(false);
    expect(logged(lane).map(([code]) => code)).toEqual(["APP_RESPONSE_STALLED"]);
    await until(async () => (await lane.notes("k cancelled")) === 1);
  });

  test("does not read the body it was sent is answered for", async () => {
    await using lane = startRawLane({ a: timed });
    const client = await lane.open([{ method: "POST" }]);
    const bytes = 4 * 1024 * 1024;
    await client.take(request("POST /never?key=k HTTP/1.1", `Content-Length: ${bytes}`));
    void client.send(Buffer.alloc(bytes)).catch(() => {});
    await until(async () => (await lane.notes("k started")) === 1);

    await until(() => {
      lane.clock.push(requestTimeoutMs / 10);
      return client.answers.length === 1;
    });

    expect(codeOf(client)).toBe("APP_RESPONSE_TIMEOUT");
  });

  test("is not ready in time costs a 503 that says when to come back", async () => {
    await using lane = startRawLane({
      a: { folder: `${import.meta.dir}/../../src/pool/fixtures`, entry: "never-serves.ts" },
    });
    const client = await lane.open(2);
    await client.take(get("/", "X-Request-Id: held-1"));
    await until(() => lane.lane.edge.counters.requests === 1);

    lane.clock.push(holdTimeoutMs);
    await client.take({ until: "answer" });

    const answer = client.answers[0]!;
    expect([answer.status, codeOf(client)]).toEqual([503, "HOLD_TIMEOUT"]);
    expect(header(answer, "retry-after")).toBe("1");
    expect(logged(lane)).toEqual([["HOLD_TIMEOUT", "held-1"]]);
  });
});

test("a request for which no place becomes free in time is told so", async () => {
  await using lane = startRawLane({ a: timed, b: timed }, { instancesMax: 1 });
  const busy = await lane.open(1);
  await busy.take(get("/first"));
  await busy.take({ until: "body", bytes: 1 });
  const client = await lane.open(1, "b");
  await client.take(get("/", "X-Request-Id: held-1"));
  await until(() => lane.lane.edge.counters.requests === 2);

  for (let pushedMs = 0; pushedMs < holdTimeoutMs; pushedMs += 10_000) lane.clock.push(10_000);
  await client.take({ until: "answer" });

  const answer = client.answers[0]!;
  expect([answer.status, codeOf(client)]).toEqual([503, "INSTANCES_FULL"]);
  expect(logged(lane)).toContainEqual(["INSTANCES_FULL", "held-1"]);
});

test("a stream that goes on is not cut, however long it takes", async () => {
  await using lane = startRawLane({ a: timed });
  const client = await lane.open(1);
  await client.take(get("/long?count=80000000&key=k"));

  for (let step = 0; step < 4; step++) {
    // More than the kernel holds, so that the edge sees that it is read.
    const bytes = client.reader.bodyBytes + 10_000_000;
    await client.take({ reading: true });
    await client.take({ until: "body", bytes });
    await client.take({ reading: false });
    lane.clock.push(streamIdleMs - 5000);
    // The edge looks at the clock once in a tick.
    await new Promise((resolve) => setTimeout(resolve, 2 * deadlineTickMs));
  }
  await client.take({ reading: true });
  await client.take({ until: "answer" });

  expect(client.answers[0]?.body.length).toBe(80_000_000);
});

describe("a client that does not read", () => {
  test("is cut after the stream's idle time, and the app is told", async () => {
    await using lane = startRawLane({ a: timed });
    const client = await lane.open(1);
    await client.take(get("/long?count=1000000000&key=k"));
    await client.take({ until: "body", bytes: 1 });
    await client.take({ reading: false });
    const pulled = await settled(() => lane.notes("k pulled"));

    lane.clock.push(streamIdleMs + 1000);

    await until(async () => (await lane.notes("k cancelled")) === 1);
    // Pieces of 64 KiB: what the kernel, the wire and the node may hold.
    expect(pulled * 64 * 1024).toBeLessThan(16 * 1024 * 1024);
  });

  test("its last answer is not cut off as long as it begins again in time", async () => {
    await using lane = startRawLane({ a: timed });
    const client = await lane.open(1);
    await client.take(get("/long?count=20000000&key=k", "Connection: close"));
    await client.take({ until: "body", bytes: 1 });
    await client.take({ reading: false });
    await settled(() => lane.notes("k pulled"));

    for (let round = 0; round < 3; round++) {
      lane.clock.push(2 * lingerTimeoutMs);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await client.take({ reading: true });
    await client.take({ until: "closed" });

    expect(client.answers[0]).toMatchObject({ complete: true });
    expect(client.answers[0]?.body.length).toBe(20_000_000);
    expect(client.ended).toBe("closed");
  });

  test("and sends request after request is not answered without bound", async () => {
    await using lane = startRawLane({ a: timed });
    const count = 800;
    const client = await lane.open(count);
    await client.take({ reading: false });
    void client.send(get("/bytes?count=60000").replaceAll("{host}", "a.localhost").repeat(count));
    const { counters } = lane.lane.edge;

    const answered = await settled(async () => counters.requests);
    expect(answered).toBeLessThan(count / 4);
    await client.take({ reading: true });
    await client.take({ until: "answer", answer: count - 1 });

    expect(client.answers.every(({ body }) => body.length === 60_000)).toBe(true);
  });

  test("its socket is cut after the stream's idle time", async () => {
    await using lane = startRawLane({ a: timed });
    const client = await lane.open(1);
    await client.take(
      get(
        "/socket",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ),
    );
    await client.take({ until: "head" });
    await client.take({ reading: false });
    // A text message "20000000", masked with zeros.
    await client.take("\x81\x88\0\0\0\x0020000000");
    await until(() => lane.lane.edge.counters.connections === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));

    // On a busy machine its bytes may not have come yet.
    await until(() => {
      lane.clock.push(streamIdleMs + 1000);
      return lane.lane.edge.counters.connections === 0;
    });
  });
});

/** Reads a count until it has stood still for a while, and gives it. */
async function settled(count: () => Promise<number>): Promise<number> {
  for (let last = await count(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const next = await count();
    if (next === last) return next;
    last = next;
  }
}
