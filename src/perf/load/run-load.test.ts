import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../../base/random-for-tests.ts";
import { until } from "../../base/until-for-tests.ts";
import { Histogram } from "./histogram.ts";
import { LoadProcess } from "./load-process.ts";
import type { LoadPhase, LoadPlan } from "./plan.ts";
import {
  announcesClose,
  answers,
  answersAfter,
  answersTwice,
  chunkedAnswer,
  chunkedInSingleBytes,
  closesMidBody,
  closesWithoutSaying,
  endsBodiesByClosing,
  get,
  halfAnswer,
  neverAnswers,
  okAnswer,
  planFor,
  rawServer,
  refusingPort,
  resetsMidBody,
  speaksNoHttp,
} from "./servers-for-tests.ts";
import { errorCount, noErrors } from "./tally.ts";

let generator: LoadProcess;
beforeAll(async () => {
  generator = await LoadProcess.start();
});
afterAll(() => generator.stop());

const run = (port: number, overrides: Partial<LoadPlan> = {}) =>
  generator.run(planFor(port, overrides));

describe("an answer counts", () => {
  test("with its bytes and its latency, once", async () => {
    using server = answers();

    const result = await run(server.port, { maxRequests: 50 });

    expect(server.requests).toBe(50);
    expect(result.requests).toBe(50);
    expect(result.errors).toEqual(noErrors());
    expect(result.bytesRead).toBe(50 * okAnswer.length);
    const histogram = new Histogram();
    histogram.add(result.histogram);
    expect(histogram.count).toBe(50);
    expect(histogram.summary()).toEqual(result.latency);
    expect(result.latency.min).toBeGreaterThan(0);
    expect(result.ratePerS).toBeCloseTo((50 / result.durationMs) * 1000, 6);
    expect(result.cpuMs).toBeGreaterThan(0);
  });

  test("as an error too when it is neither 2xx nor 3xx, and is then no part of the rate", async () => {
    let number = 0;
    const statuses = [200, 204, 302, 304, 404, 500, 503, 503];
    using server = rawServer((socket) => {
      const status = statuses[number++ % statuses.length];
      socket.write(`HTTP/1.1 ${status} x\r\ncontent-length: 0\r\n\r\n`);
    });

    const result = await run(server.port, { maxRequests: 80 });

    expect(result.requests).toBe(80);
    expect(result.errors).toEqual({ ...noErrors(), status: { 404: 10, 500: 10, 503: 20 } });
    expect(errorCount(result.errors)).toBe(40);
    expect(result.ratePerS).toBeCloseTo((40 / result.durationMs) * 1000, 6);
    expect(server.connections).toBe(2);
  });

  test("when its last byte has come, however slowly the others did", async () => {
    using server = chunkedInSingleBytes();

    const result = await run(server.port, { maxRequests: 6 });

    expect(result.requests).toBe(6);
    expect(result.errors).toEqual(noErrors());
    expect(result.bytesRead).toBe(6 * chunkedAnswer.length);
  });

  test("when the connection ends it, as its head has said", async () => {
    using server = endsBodiesByClosing();

    const result = await run(server.port, { maxRequests: 6 });

    expect(result.requests).toBe(6);
    expect(result.errors).toEqual(noErrors());
  });

  test("from the first byte sent to the last byte read", async () => {
    using server = answersAfter(120);

    const result = await run(server.port, { maxRequests: 4 });

    // The server's timer fires up to one millisecond early.
    expect(result.latency.min).toBeGreaterThan(118);
  });
});

describe("an answer does not count", () => {
  test("when it ends after the deadline: then it is late", async () => {
    using server = answersAfter(400);

    const result = await run(server.port, { durationMs: 100 });

    expect(result).toMatchObject({
      requests: 0,
      late: 2,
      durationMs: 100,
      ratePerS: 0,
      bytesRead: 0,
    });
    expect(result.errors).toEqual(noErrors());
    expect(server.requests).toBe(2);
  });

  test("when its request began in the warm-up", async () => {
    // Only the first of all requests fail.
    let number = 0;
    using server = rawServer((socket) => {
      number += 1;
      if (number === 1) socket.terminate();
      else if (number <= 8) socket.write("HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n");
      else socket.write(okAnswer);
    });

    const result = await run(server.port, { warmUpMs: 800, maxRequests: 50 });

    expect(result.requests).toBe(50);
    expect(result.errors).toEqual(noErrors());
    expect(number).toBeGreaterThan(58);
  });
});

describe("a request fails", () => {
  test("when its answer does not come in time, and the next one has a new connection", async () => {
    using server = neverAnswers();

    const result = await run(server.port, { clientTimeoutMs: 150, maxRequests: 4 });

    expect(result.requests).toBe(0);
    expect(result.errors).toEqual({ ...noErrors(), timeout: 4 });
    expect(server.connections).toBe(4);
  });

  test("when its answer never comes, also when that shows after the deadline", async () => {
    using server = neverAnswers();

    const result = await run(server.port, { clientTimeoutMs: 300, durationMs: 50 });

    expect(result).toMatchObject({ requests: 0, late: 0, durationMs: 50 });
    expect(result.errors).toEqual({ ...noErrors(), timeout: 2 });
  });

  test.each([
    ["resets", resetsMidBody],
    ["closes", closesMidBody],
  ])("when the server %s amid the body", async (_what, start) => {
    using server = start();

    const result = await run(server.port, { maxRequests: 6 });

    expect(result.requests).toBe(0);
    expect(result.errors).toEqual({ ...noErrors(), reset: 6 });
  });

  test("when the server closes a connection that it had not announced to close", async () => {
    using server = closesWithoutSaying();

    const result = await run(server.port, { maxRequests: 8 });

    expect(result.requests).toBe(4);
    expect(result.errors).toEqual({ ...noErrors(), reset: 4 });
  });

  test("when what comes is no HTTP", async () => {
    using server = speaksNoHttp();

    const result = await run(server.port, { maxRequests: 4 });

    expect(result.requests).toBe(0);
    expect(result.errors).toEqual({ ...noErrors(), protocol: 4 });
  });

  test("when more comes than its answer", async () => {
    using server = answersTwice();

    const result = await run(server.port, { maxRequests: 4 });

    expect(result.requests).toBe(0);
    expect(result.errors).toEqual({ ...noErrors(), protocol: 4 });
  });

  test("no more often than a pause allows when nobody listens", async () => {
    const result = await run(refusingPort(), { durationMs: 900 });

    expect(result.requests).toBe(0);
    // Two at once, and two for each pause of 100 ms or more.
    const { refused, ...others } = result.errors;
    expect(refused).toBeGreaterThanOrEqual(4);
    expect(refused).toBeLessThanOrEqual(20);
    expect(others).toEqual({ timeout: 0, reset: 0, protocol: 0, status: {} });
  });

  test("when a name leads nowhere", async () => {
    const result = await run(80, { hostname: "no-such-host.invalid", durationMs: 50 });

    expect(result.errors.refused).toBeGreaterThanOrEqual(2);
  });
});

describe("a connection", () => {
  test("that the server announced to close is replaced, and that is no error", async () => {
    using server = announcesClose();

    const result = await run(server.port, { maxRequests: 20 });

    expect(result.requests).toBe(20);
    expect(result.errors).toEqual(noErrors());
    expect(server.connections).toBeGreaterThanOrEqual(20);
    expect(result.reconnects).toBeGreaterThanOrEqual(18);
  });

  test("is used by all requests, each chosen by its weight", async () => {
    const counts: Record<string, number> = {};
    using server = rawServer((socket, head) => {
      const host = /^host: (.*)$/m.exec(head.replaceAll("\r", ""))?.[1] ?? "";
      counts[host] = (counts[host] ?? 0) + 1;
      socket.write(okAnswer);
    });

    await run(server.port, {
      requests: [
        { ...get, host: "a", weight: 8 },
        { ...get, host: "b", weight: 2 },
      ],
      maxRequests: 1000,
    });

    expect(server.connections).toBe(2);
    expect(counts["a"]! + counts["b"]!).toBe(1000);
    expect(counts["a"]!).toBeGreaterThan(700);
    expect(counts["b"]!).toBeGreaterThan(100);
  });

  test("is closed when the run is over, answered or not", async () => {
    using server = rawServer((socket, _head, number) => {
      if (number < 3) socket.write(okAnswer);
    });

    const result = await run(server.port, {
      clientTimeoutMs: 100,
      durationMs: 100,
      concurrency: 5,
    });

    expect(result.requests).toBe(10);
    expect(result.errors.timeout).toBeGreaterThanOrEqual(5);
    await until(() => server.open === 0);
  });

  test("opens while many others do, without waiting for all of them at once", async () => {
    using server = answers();

    const result = await run(server.port, { concurrency: 1000, maxRequests: 3000 });

    expect(result.requests).toBe(3000);
    expect(result.errors).toEqual(noErrors());
    expect(server.connections).toBe(1000);
  });
});

describe("a request", () => {
  test("is sent whole, however long its body is", async () => {
    const bytes: number[] = [];
    using server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch(request) {
        bytes.push((await request.bytes()).length);
        return Response.json({ bytes: bytes.at(-1) });
      },
    });
    const body = Buffer.alloc(7_000_001, "x");

    const result = await run(server.port!, {
      requests: [{ ...get, method: "POST", headerLines: ["content-type: text/plain"], body }],
      maxRequests: 4,
    });

    expect(result.errors).toEqual(noErrors());
    expect(bytes).toEqual([body.length, body.length, body.length, body.length]);
  });

  test("that is answered before it has left does not spoil the next one", async () => {
    const refusal = "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n";
    // It never reads the body.
    using server = rawServer((socket) => {
      socket.write(refusal);
      socket.pause();
    });

    const result = await run(server.port, {
      requests: [{ ...get, method: "POST", body: Buffer.alloc(50_000_000) }],
      maxRequests: 4,
    });

    expect(result.requests).toBe(4);
    expect(result.errors).toEqual({ ...noErrors(), status: { 413: 4 } });
    expect(server.connections).toBeGreaterThanOrEqual(4);
  });

  test("with HEAD is answered by a head alone", async () => {
    using server = answers("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");

    const result = await run(server.port, {
      requests: [{ ...get, method: "HEAD" }],
      maxRequests: 10,
    });

    expect(result.requests).toBe(10);
    expect(result.errors).toEqual(noErrors());
  });
});

describe("at a fixed rate", () => {
  test("every request that is due is counted, late, unsent or an error", async () => {
    using server = answers();

    const result = await run(server.port, { ratePerS: 200, durationMs: 500 });

    expect(result.requests + result.late + result.unsent).toBe(100);
    expect(result.errors).toEqual(noErrors());
    expect(server.requests).toBe(result.requests + result.late);
  });

  test("latency counts from when a request was due, while the one connection waits for a stalled server", async () => {
    let stalled: (() => void)[] | null = [];
    using server = rawServer((socket) => {
      if (stalled === null) return void socket.write(okAnswer);
      stalled.push(() => socket.write(okAnswer));
      if (stalled.length > 1) return;
      setTimeout(() => {
        for (const answer of stalled ?? []) answer();
        stalled = null;
      }, 400);
    });

    const result = await run(server.port, { concurrency: 1, ratePerS: 100, durationMs: 1500 });

    // The 30 that were due in the first 300 ms of the stall: a closed loop would have seen a single one.
    const histogram = new Histogram();
    histogram.add(result.histogram);
    expect(result.requests).toBeGreaterThan(40);
    const slowShare = 100 - (30 / result.requests) * 100;
    expect(histogram.percentileMs(slowShare)).toBeGreaterThan(90);
    expect(result.latency.max).toBeGreaterThan(390);
  });

  test("what was due and never sent is told", async () => {
    using server = neverAnswers();

    const result = await run(server.port, {
      concurrency: 1,
      ratePerS: 100,
      durationMs: 300,
      clientTimeoutMs: 500,
    });

    expect(server.requests).toBe(1);
    expect(result.unsent).toBe(29);
    expect(result.errors).toEqual({ ...noErrors(), timeout: 1 });
  });

  test("a connection that the server closes while it is idle is replaced, and that is no error", async () => {
    using server = rawServer((socket) => {
      socket.write(okAnswer);
      socket.end();
    });

    const result = await run(server.port, { ratePerS: 2, durationMs: 2000, concurrency: 1 });

    expect(result.requests).toBeGreaterThan(1);
    expect(result.errors).toEqual(noErrors());
    expect(result.reconnects).toBeGreaterThan(0);
  });
});

test("the phases are told in their order, and what a plan does not have is passed through", async () => {
  using server = answers();
  const phases: LoadPhase[] = [];

  await generator.run(planFor(server.port, { maxRequests: 1 }), {
    onPhase: (phase) => phases.push(phase),
  });

  expect(phases).toEqual(["opening", "warm-up", "counting", "draining"]);
});

/** Goal: nothing is lost or counted twice, whatever the server does. Method: a server that counts its misdeeds. */
test("requests and errors add up to what the server has done", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const bad = ["close", "500", "reset", "half", "never", "twice"] as const;
  const deeds = [...bad, ..."123456789".split("").map(() => "ok" as const)];
  const did = { ok: 0, close: 0, "500": 0, reset: 0, half: 0, never: 0, twice: 0 };
  using server = rawServer((socket) => {
    const deed = pick(random, deeds);
    did[deed] += 1;
    if (deed === "ok") socket.write(okAnswer);
    else if (deed === "close") {
      socket.write(okAnswer.replace("content", "connection: close\r\ncontent"));
      socket.end();
    } else if (deed === "500") socket.write("HTTP/1.1 500 x\r\ncontent-length: 1\r\n\r\nx");
    else if (deed === "reset") socket.terminate();
    else if (deed === "half") {
      socket.write(halfAnswer);
      socket.end();
    } else if (deed === "twice") socket.write(okAnswer + okAnswer);
  });

  const result = await run(server.port, {
    concurrency: 8 + random(40),
    maxRequests: 600,
    // Longer than a busy server takes for its answer.
    clientTimeoutMs: 1000,
    durationMs: 40_000,
  });

  const evidence = `LEVAIN_TEST_SEED=${seed}`;
  expect(server.requests, evidence).toBe(600);
  expect(result.requests, evidence).toBe(did.ok + did.close + did["500"]);
  expect(result.errors, evidence).toEqual({
    timeout: did.never,
    reset: did.reset + did.half,
    refused: 0,
    protocol: did.twice,
    status: { 500: did["500"] },
  });
  expect(result.late, evidence).toBe(0);
  await until(() => server.open === 0);
}, 30_000);
