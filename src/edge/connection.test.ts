/**
 * Goal: what a connection does when the kernel takes as little as it likes, which real sockets seldom show. Method: a
 * kernel and an app played by the test, and a clock that stands still.
 */
import { describe, expect, test } from "bun:test";
import { noSites } from "../assets/sites.ts";
import { StillClock } from "../base/clock-for-tests.ts";
import { Deadlines, deadlineTickMs } from "../base/deadlines.ts";
import { PlatformError } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { ClientStream, Destination, RequestStart } from "../router/destination.ts";
import type { Router } from "../router/router.ts";
import { AnswerCounts, Traffic } from "../telemetry/traffic.ts";
import { VerdictLog } from "../telemetry/verdict-log.ts";
import { Connection } from "./connection.ts";
import { DateLine, type EdgeContext } from "./edge-context.ts";
import { Peer } from "./forwarded-head.ts";
import { keepAliveTimeoutMs, lingerTimeoutMs } from "./limits.ts";
import { TraceLines } from "./trace-lines.ts";

const streamIdleMs = 20_000;

class App {
  readonly spec = {
    app: "shop",
    number: 1,
    assets: null,
    limits: { requestTimeoutMs: 30_000, streamIdleMs, bodyBytesMax: 1000 },
  } as VersionSpec;
  /** Requests that came, oldest first. */
  readonly streams: ClientStream[] = [];
  readonly cancelled: ClientStream[] = [];

  submit(stream: ClientStream, _start: RequestStart): void {
    this.streams.push(stream);
    stream.onOpen();
  }

  readonly traffic = new Traffic();
  readonly requestLog = null;

  cancel(stream: ClientStream): void {
    this.cancelled.push(stream);
  }

  /** Answers the latest request. */
  answer(body: string, { length = -1, ended = true } = {}): void {
    const buffer = Buffer.from(body);
    this.streams.at(-1)!.onResponse(200, "", length, buffer, 0, 0, 0, buffer.length, ended);
  }
}

function setup() {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const app = new App();
  let closed = 0;
  const context: EdgeContext = {
    sites: noSites,
    router: {
      route: (host: string) =>
        host === "shop"
          ? (app as unknown as Destination)
          : new PlatformError("HOST_UNKNOWN", [host]),
    } as Router,
    verdictLog: new VerdictLog({ write: () => {} }, clock, deadlines),
    clock: new TurnClock(clock),
    trace: new TraceLines((bytes) => bytes.fill(1)),
    deadlines,
    counters: { connections: 0, requests: 0, verdicts: 0, unrouted: new AnswerCounts() },
    date: new DateLine(clock),
    hooks: null,
    isTrusted: () => false,
    isDraining: false,
    onClosed: () => {
      closed += 1;
    },
  };
  /** The kernel takes so many bytes more. */
  let room = Number.POSITIVE_INFINITY;
  let taken = "";
  const calls: string[] = [];
  const connection = new Connection(
    context,
    {
      write: (data, offset = 0, bytes = data.length) => {
        const count = Math.min(bytes, room);
        room -= count;
        taken += Buffer.from(data.subarray(offset, offset + count)).latin1Slice();
        return count;
      },
      pause: () => void calls.push("pause"),
      resume: () => void calls.push("resume"),
      shutdown: () => void calls.push("finish"),
      end: () => void calls.push("close"),
      terminate: () => void calls.push("reset"),
    },
    new Peer("127.0.0.1", 1, false),
  );
  return {
    app,
    calls,
    connection,
    context,
    closed: () => closed,
    taken: () => taken,
    send: (text: string) => connection.onData(Buffer.from(text, "latin1")),
    /** What the kernel takes from now on; it says so, when it had been full. */
    allow: (bytes: number) => {
      room = bytes;
      connection.onDrain();
    },
    stop: () => {
      room = 0;
    },
    pass: (ms: number) => {
      for (const untilMs = clock.timeMs + ms; clock.timeMs < untilMs; ) {
        clock.timeMs += deadlineTickMs;
        deadlines.advance();
      }
    },
  };
}

const get = (host = "shop", ...lines: string[]) =>
  `GET / HTTP/1.1\r\n${[`Host: ${host}`, ...lines].map((line) => `${line}\r\n`).join("")}\r\n`;

describe("a client that does not read", () => {
  test("is not asked for more, nor is the app asked for it, until its answer has left", () => {
    const c = setup();
    c.send(get());
    c.stop();
    c.app.answer("first");

    for (let count = 0; count < 10; count++) c.send(get());
    expect(c.app.streams).toHaveLength(1);
    c.allow(1);
    expect(c.app.streams).toHaveLength(1);
    c.allow(1000);

    expect(c.app.streams).toHaveLength(2);
  });

  test("and sends on is not read beyond a bound, and is read again later", () => {
    const c = setup();
    c.send(get());

    for (let count = 0; count < 3000; count++) c.send(get());
    expect(c.calls).toEqual(["pause"]);
    for (let count = 0; count < 3001; count++) c.app.answer("x");

    expect(c.app.streams).toHaveLength(3001);
    expect(c.calls.at(-1)).toBe("resume");
  });

  test("is given up after the stream's idle time, in whatever state", () => {
    const inStream = setup();
    inStream.send(get());
    inStream.stop();
    inStream.app.answer("first", { ended: false });
    const afterAnswer = setup();
    afterAnswer.send(get());
    afterAnswer.stop();
    afterAnswer.app.answer("whole");
    const afterLast = setup();
    afterLast.send(get("shop", "Connection: close"));
    afterLast.stop();
    afterLast.app.answer("whole");

    for (const c of [inStream, afterAnswer, afterLast]) {
      c.pass(streamIdleMs - deadlineTickMs);
      expect([c.calls.includes("reset"), c.closed()]).toEqual([false, 0]);
      c.pass(4 * deadlineTickMs);
      expect([c.calls.at(-1), c.closed()]).toEqual(["reset", 1]);
    }
  });

  test("is not given up as long as it reads a little", () => {
    for (const ended of [true, false]) {
      const c = setup();
      c.send(get("shop", "Connection: close"));
      c.stop();
      c.app.answer("x".repeat(1000), { ended });

      for (let count = 0; count < 20; count++) {
        c.pass(streamIdleMs / 2);
        c.allow(10);
      }

      expect([c.calls, c.closed()]).toEqual([[], 0]);
    }
  });
});

describe("the last answer", () => {
  test("is followed by FIN when it has left, and the rest is read away until the client closes", () => {
    const c = setup();
    c.send(get("shop", "Connection: close"));
    c.stop();
    c.app.answer("whole");
    expect(c.calls).toEqual([]);

    c.allow(1000);
    expect(c.calls).toEqual(["finish"]);
    c.send("more that nobody reads");
    c.connection.onEnd();
    c.connection.onClose();

    expect([c.app.streams.length, c.closed()]).toEqual([1, 1]);
  });

  test("is followed by a close when the client does not close in time", () => {
    const c = setup();
    c.send(get("shop", "Connection: close"));
    c.app.answer("whole");

    c.pass(lingerTimeoutMs + 3 * deadlineTickMs);

    expect([c.calls, c.closed()]).toEqual([["finish", "close"], 1]);
  });
});

describe("a node that goes down", () => {
  test("ends an idle connection, one that reads its answer, and one whose body is read away", () => {
    const idle = setup();
    const reading = setup();
    reading.send(get());
    reading.stop();
    reading.app.answer("whole");
    const discarding = setup();
    discarding.send("POST / HTTP/1.1\r\nHost: nobody\r\nContent-Length: 10\r\n\r\n12345");

    for (const c of [idle, reading, discarding]) {
      c.context.isDraining = true;
      c.connection.drain();
    }
    reading.allow(1000);
    discarding.send("67890");

    for (const c of [idle, reading, discarding]) expect(c.calls.at(-1)).toBe("finish");
  });

  test("reads no further request on a connection that was busy", () => {
    const c = setup();
    c.send(get() + get());
    c.context.isDraining = true;
    c.connection.drain();

    c.app.answer("last");

    expect(c.app.streams).toHaveLength(1);
    expect(c.taken()).toContain("connection: close\r\n");
    expect(c.calls).toEqual(["finish"]);
  });
});

test("a thousand verdicts in one piece are written without recursion", () => {
  const c = setup();

  c.send(get("nobody").repeat(1000));

  expect(c.taken().split("HTTP/1.1 404 ").length - 1).toBe(1000);
  expect(c.calls).toEqual([]);
});

test("an idle connection ends after its time, and every deadline is taken back", () => {
  const c = setup();
  c.send(get());
  c.app.answer("whole");

  c.pass(keepAliveTimeoutMs + 3 * deadlineTickMs);
  expect(c.calls).toEqual(["finish"]);
  c.connection.onClose();
  c.connection.onClose();
  c.pass(10 * keepAliveTimeoutMs);

  expect([c.calls, c.closed()]).toEqual([["finish"], 1]);
});

test("a client that is gone costs its app the request, once", () => {
  const c = setup();
  c.send(get());

  c.connection.onClose();

  expect(new Set(c.app.cancelled)).toEqual(new Set(c.app.streams));
  expect(c.closed()).toBe(1);
});
