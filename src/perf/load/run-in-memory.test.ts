import { describe, expect, test } from "bun:test";
import { noSites } from "../../assets/sites.ts";
import { StillClock } from "../../base/clock-for-tests.ts";
import { Deadlines } from "../../base/deadlines.ts";
import { PlatformError } from "../../base/errors.ts";
import { TurnClock } from "../../base/turn-clock.ts";
import { until } from "../../base/until-for-tests.ts";
import { Connection } from "../../edge/connection.ts";
import { DateLine, type EdgeContext } from "../../edge/edge-context.ts";
import { Peer } from "../../edge/forwarded-head.ts";
import { TraceLines } from "../../edge/trace-lines.ts";
import type { RawSocket } from "../../http/client-socket.ts";
import { AnswerCounts } from "../../telemetry/traffic.ts";
import { VerdictLog } from "../../telemetry/verdict-log.ts";
import type { Accept, ServerConnection } from "./memory-dialer.ts";
import { runInMemory } from "./run-in-memory.ts";
import { get, halfAnswer, okAnswer, planFor } from "./servers-for-tests.ts";
import { noErrors } from "./tally.ts";

interface MemoryServer {
  accept: Accept;
  connections: number;
  open: number;
  requests: number;
  bytes: number;
}

/** A server in memory: `onRequest` is called for each head. */
function memoryServer(onRequest: (socket: RawSocket) => void): MemoryServer {
  const server: MemoryServer = {
    connections: 0,
    open: 0,
    requests: 0,
    bytes: 0,
    accept: (socket) => {
      server.connections += 1;
      server.open += 1;
      let isClosed = false;
      return {
        onData(chunk) {
          server.bytes += chunk.length;
          if (!chunk.includes("\r\n\r\n")) return;
          server.requests += 1;
          onRequest(socket);
        },
        onDrain() {},
        onEnd() {},
        onClose() {
          if (isClosed) return;
          isClosed = true;
          server.open -= 1;
        },
      };
    },
  };
  return server;
}

const write = (socket: RawSocket, text: string) => void socket.write(Buffer.from(text));

describe("a server in memory", () => {
  test("is loaded and counted like one behind a socket", async () => {
    const server = memoryServer((socket) => write(socket, okAnswer));

    const result = await runInMemory(
      planFor(0, { maxRequests: 1000, concurrency: 20 }),
      server.accept,
    );

    expect(result.requests).toBe(1000);
    expect(result.errors).toEqual(noErrors());
    expect(result.bytesRead).toBe(1000 * okAnswer.length);
    expect([server.requests, server.connections]).toEqual([1000, 20]);
    await until(() => server.open === 0);
  });

  test("is not called again while it answers, so that a run of any length has a stack of one request", async () => {
    let depth = 0;
    let depthMax = 0;
    const server = memoryServer((socket) => {
      depth += 1;
      depthMax = Math.max(depthMax, depth);
      write(socket, okAnswer);
      depth -= 1;
    });

    await runInMemory(planFor(0, { maxRequests: 50_000 }), server.accept);

    expect(depthMax).toBe(1);
  });

  test("that answers later, or ends the connection, is counted as over a socket", async () => {
    let number = 0;
    const server = memoryServer((socket) => {
      number += 1;
      if (number % 4 === 0) return socket.terminate();
      if (number % 4 === 1) {
        write(socket, halfAnswer);
        return socket.end();
      }
      if (number % 4 === 2) {
        write(socket, "HTTP/1.1 200 OK\r\n\r\nuntil the end");
        return socket.shutdown();
      }
      setTimeout(() => write(socket, okAnswer), 1);
    });

    const result = await runInMemory(planFor(0, { maxRequests: 20 }), server.accept);

    expect(result.requests).toBe(10);
    expect(result.errors).toEqual({ ...noErrors(), reset: 10 });
    await until(() => server.open === 0);
  });

  test("that never answers is a time-out, and late answers do not count", async () => {
    const never = memoryServer(() => {});
    const late = memoryServer((socket) => setTimeout(() => write(socket, okAnswer), 150));

    const lost = await runInMemory(
      planFor(0, { maxRequests: 2, clientTimeoutMs: 50 }),
      never.accept,
    );
    const missed = await runInMemory(planFor(0, { durationMs: 50 }), late.accept);

    expect(lost.errors).toEqual({ ...noErrors(), timeout: 2 });
    expect(missed).toMatchObject({ requests: 0, late: 2 });
    await until(() => never.open === 0 && late.open === 0);
  });

  test("gets no more of a body while it has paused", async () => {
    const sockets: RawSocket[] = [];
    const server = memoryServer((socket) => {
      sockets.push(socket);
      socket.pause();
    });
    const body = Buffer.alloc(300_000);
    const run = runInMemory(
      planFor(0, {
        requests: [{ ...get, method: "POST", body }],
        maxRequests: 1,
        concurrency: 1,
      }),
      server.accept,
    );
    await until(() => sockets.length === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.bytes).toBe(64 * 1024);

    sockets[0]!.resume();

    await until(() => server.bytes > body.length);
    write(sockets[0]!, okAnswer);
    expect(await run).toMatchObject({ requests: 1, errors: noErrors() });
  });
});

/** Goal: the edge's own connections fit. Method: a router that knows no host, so that every answer is a verdict. */
test("the edge's connections are driven in memory", async () => {
  const clock = new StillClock();
  const closed: unknown[] = [];
  const context: EdgeContext = {
    sites: noSites,
    router: { route: (host) => new PlatformError("HOST_UNKNOWN", [host]) } as EdgeContext["router"],
    verdictLog: new VerdictLog({ write: () => {} }, clock, new Deadlines(clock)),
    clock: new TurnClock(clock),
    trace: new TraceLines((bytes) => bytes.fill(1)),
    deadlines: new Deadlines(clock),
    counters: { connections: 0, requests: 0, verdicts: 0, unrouted: new AnswerCounts() },
    date: new DateLine(clock),
    hooks: null,
    isTrusted: () => false,
    isDraining: false,
    onClosed: (connection) => void closed.push(connection),
  };
  const peer = new Peer("127.0.0.1", 1, false);
  const accept = (socket: RawSocket): ServerConnection => new Connection(context, socket, peer);

  const result = await runInMemory(planFor(0, { maxRequests: 500, concurrency: 5 }), accept);

  expect(context.counters.requests).toBe(500);
  expect(result.requests).toBe(500);
  expect(result.errors).toEqual({ ...noErrors(), status: { 404: 500 } });
  await until(() => closed.length === 5);
});
