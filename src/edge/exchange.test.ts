/**
 * Goal: what goes to a client is HTTP, whatever an app's process says. Method: the exchange is told what a wire would
 * bring, also what an honest runner never sends.
 */
import { describe, expect, test } from "bun:test";
import { noSites } from "../assets/sites.ts";
import { StillClock } from "../base/clock-for-tests.ts";
import { Deadlines } from "../base/deadlines.ts";
import { PlatformError } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { ClientSocket } from "../http/client-socket.ts";
import { ParsedHead } from "../http/parsed-head.ts";
import { type Destination, HAS_REQUEST_ID, ResetReason } from "../router/destination.ts";
import type { Router } from "../router/router.ts";
import { verdictRecordsBurstMax } from "../telemetry/limits.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { AnswerCounts, Traffic } from "../telemetry/traffic.ts";
import { VerdictLog } from "../telemetry/verdict-log.ts";
import { DateLine, type EdgeContext } from "./edge-context.ts";
import { Exchange, type ExchangeHost } from "./exchange.ts";
import { Peer } from "./forwarded-head.ts";
import { halfCloseProbeMs, movedBytesMin } from "./limits.ts";
import { TraceLines } from "./trace-lines.ts";

interface SetupOptions {
  method?: string;
  isHttp10?: boolean;
  keepsAlive?: boolean;
}

/** An exchange that has begun, and whatever it writes and tells. */
function setup({ method = "GET", isHttp10 = false, keepsAlive = true }: SetupOptions = {}) {
  const clock = new StillClock();
  const records: LogRecord[] = [];
  const written: string[] = [];
  const told: string[] = [];
  const traffic = new Traffic();
  const deadlines = new Deadlines(clock);
  const context: EdgeContext = {
    sites: noSites,
    router: null as unknown as Router,
    verdictLog: new VerdictLog({ write: (record) => void records.push(record) }, clock, deadlines),
    clock: new TurnClock(clock),
    trace: new TraceLines((bytes) => bytes.fill(1)),
    deadlines,
    counters: { connections: 0, requests: 0, verdicts: 0, unrouted: new AnswerCounts() },
    date: new DateLine(clock),
    hooks: null,
    isTrusted: () => false,
    isDraining: false,
    onClosed: () => {},
  };
  const host: ExchangeHost = {
    onOpen: () => void told.push("open"),
    onWindow: () => void told.push("window"),
    keepsAlive: () => keepsAlive,
    onProgress: () => void told.push("progress"),
    onTunnel: () => void told.push("tunnel"),
    onComplete: () => void told.push("complete"),
    abort: () => void told.push("abort"),
  };
  const socket = new ClientSocket({
    write: (data, offset = 0, bytes = data.length) => {
      written.push(Buffer.from(data.subarray(offset, offset + bytes)).latin1Slice());
      return bytes;
    },
    pause: () => {},
    resume: () => {},
    shutdown: () => {},
    end: () => {},
    terminate: () => {},
  });
  const exchange = new Exchange(context, host, socket, new Peer("127.0.0.1", 1, false));
  const begin = () => {
    exchange.begin(Object.assign(new ParsedHead(), { method, target: "/path", isHttp10 }));
    exchange.id.set("id-1");
    exchange.pool = {
      spec: { app: "shop", number: 1 },
      traffic,
      requestLog: null,
      cancel: () => void told.push("cancel"),
    } as unknown as Destination;
  };
  begin();
  return {
    exchange,
    traffic,
    records,
    told,
    written,
    begin,
    /** A response's head with the first bytes of its body. */
    head: (status: number, length: number, body = "", ended = false, block = "", reason = "") => {
      const buffer = Buffer.from(block + body, "latin1");
      const { length: blockEnd } = block;
      exchange.onResponse(
        status,
        reason,
        length,
        buffer,
        0,
        blockEnd,
        blockEnd,
        buffer.length,
        ended,
      );
    },
    data: (body: string, ended = false, more = false) => {
      const buffer = Buffer.from(body, "latin1");
      exchange.onData(buffer, 0, buffer.length, ended, more);
    },
    /** Time for a probe. */
    wait: () => {
      for (let ticks = 0; ticks < 10; ticks++) {
        clock.timeMs += halfCloseProbeMs / 4;
        deadlines.advance();
      }
    },
  };
}

const date = "date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
const id = "x-request-id: id-1\r\n";

describe("what is counted", () => {
  test("is what the client gets: nothing of a body that it has not asked for", () => {
    const { head, data, traffic } = setup({ method: "HEAD" });

    head(200, 5, "he");
    data("llo", true);

    expect(traffic.sentBytes).toBe(0);
    expect(traffic.answers.of("2xx")).toBe(1);
  });

  test("is counted once, whatever comes after its end", () => {
    const { exchange, head, traffic } = setup();
    head(200, -1, "hello", true);

    exchange.drop();
    exchange.drop();

    expect(traffic.answers.total).toBe(1);
    expect(traffic.sentBytes).toBe(5);
  });
});

describe("an answer", () => {
  test("that is whole leaves with one write", () => {
    const { head, written, told } = setup();

    head(200, -1, "hello", true, "x-a: b\r\n");

    expect(written).toEqual([
      `HTTP/1.1 200 OK\r\n${date}${id}x-a: b\r\ncontent-length: 5\r\n\r\nhello`,
    ]);
    expect(told).toEqual(["complete"]);
  });

  test("of unknown length is chunked, and ends with the last chunk", () => {
    const { head, data, written } = setup();

    head(200, -1, "one");
    data("two");
    data("", true);

    expect(written).toEqual([
      `HTTP/1.1 200 OK\r\n${date}${id}transfer-encoding: chunked\r\n\r\n3\r\none\r\n`,
      "3\r\ntwo\r\n",
      "0\r\n\r\n",
    ]);
  });

  test("leaves with one write when its pieces came together", () => {
    const { head, data, written } = setup();

    head(200, -1, "one");
    data("two", false, true);
    data("three", false, true);
    expect(written).toHaveLength(1);
    data("four", false);
    data("", true);

    expect(written.slice(1)).toEqual(["3\r\ntwo\r\n5\r\nthree\r\n4\r\nfour\r\n", "0\r\n\r\n"]);
  });

  test("that is long is sent from where it came, behind its head", () => {
    const { head, data, written } = setup();
    const long = "x".repeat(movedBytesMin);

    head(200, 2 * long.length, long, false, `x-pad: ${"y".repeat(500)}\r\n`);
    data(long, true);

    expect(written).toHaveLength(2);
    expect(written.join("")).toEndWith(`content-length: ${2 * long.length}\r\n\r\n${long}${long}`);
  });

  test("of known length is not chunked", () => {
    const { head, data, written, told } = setup();

    head(200, 6, "one");
    data("two", true);

    expect(written.join("")).toEndWith("content-length: 6\r\n\r\nonetwo");
    expect(told).toEqual(["progress", "complete"]);
  });

  test("to HTTP/1.0 ends with the connection when its length is unknown", () => {
    const { exchange, head, written } = setup({ isHttp10: true });

    head(200, -1, "one");

    expect(written.join("")).toEndWith("connection: close\r\n\r\none");
    expect(exchange.endsWithConnection).toBe(true);
  });

  test("to HTTP/1.0 says that the connection is kept", () => {
    const { head, written } = setup({ isHttp10: true });

    head(200, -1, "one", true);

    expect(written.join("")).toContain("connection: keep-alive\r\n");
  });

  test("that is the last one says so", () => {
    const { head, written } = setup({ keepsAlive: false });

    head(200, -1, "one", true);

    expect(written.join("")).toContain("connection: close\r\n");
  });

  test.each([204, 304, 205])("with status %d has no body, whatever the app sent", (status) => {
    const { head, data, written } = setup();

    head(status, -1, "body");
    data("more", true);

    expect(written).toHaveLength(1);
    expect(written[0]).toEndWith("\r\n\r\n");
    expect(written[0]).not.toContain("transfer-encoding");
    expect(written[0]!.includes("content-length: 0")).toBe(status === 205);
  });

  test("to HEAD has the length and no body", () => {
    const { head, written } = setup({ method: "HEAD" });

    head(200, 5, "hello", true);

    expect(written.join("")).toEndWith("content-length: 5\r\n\r\n");
  });

  test("with a status of its own has the reason it says, or none", () => {
    const { head, written, begin } = setup();

    head(299, 0, "", true, "", "Fine");
    begin();
    head(299, 0, "", true);

    expect(written.map((text) => text.split("\r\n")[0])).toEqual([
      "HTTP/1.1 299 Fine",
      "HTTP/1.1 299 ",
    ]);
  });
});

describe("an app's process that lies about the length", () => {
  test("with more in the first piece is answered for, before anything is written", () => {
    const { head, written, told, records } = setup();

    head(200, 3, "too much");

    expect(written).toHaveLength(1);
    expect(written[0]).toStartWith("HTTP/1.1 502 ");
    expect(written[0]).not.toContain("too much");
    expect(told).toEqual(["cancel", "complete"]);
    expect(records[0]?.fields).toMatchObject({ code: "APP_RESPONSE_INVALID", status: 502 });
  });

  test("with more later is cut, before a byte of it is written", () => {
    const { head, data, written, told } = setup();

    head(200, 5, "one");
    data("two and a response of its own");

    expect(written.join("")).toEndWith("one");
    expect(told.at(-1)).toBe("abort");
  });

  test("with less is cut", () => {
    const { head, data, told } = setup();

    head(200, 5, "one");
    data("", true);

    expect(told.at(-1)).toBe("abort");
  });
});

describe("a request that fails", () => {
  test("before the head is answered with a verdict, in the app's log with its id", () => {
    const { exchange, written, told, records } = setup();

    exchange.onReset(ResetReason.HANDLER_THREW, "secret");

    expect(written[0]).toStartWith("HTTP/1.1 500 ");
    expect(written[0]).not.toContain("secret");
    expect(told).toEqual(["cancel", "complete"]);
    expect(records).toMatchObject([
      {
        app: "shop",
        version: 1,
        event: "verdict",
        requestId: "id-1",
        fields: { code: "APP_THREW", status: 500, method: "GET", target: "/path", cause: "secret" },
      },
    ]);
  });

  test("like thousands before it is counted, and left out of the log", () => {
    const { exchange, begin, traffic, records } = setup();

    for (let count = 0; count < 5000; count++) {
      begin();
      exchange.fail(new PlatformError("APP_BUSY", ["shop", 4]));
    }

    expect(traffic.verdicts.get("APP_BUSY")).toBe(5000);
    expect(records).toHaveLength(verdictRecordsBurstMax);
  });

  test("after the head breaks the connection, and is in the log too", () => {
    const { exchange, head, written, told, records } = setup();
    head(200, -1, "one");

    exchange.onLost(new PlatformError("APP_EXITED", ["shop", "exit code 1"]));

    expect(written).toHaveLength(1);
    expect(told.at(-1)).toBe("abort");
    expect(records[0]?.fields).toMatchObject({ code: "APP_EXITED" });
  });

  test("has its own id, though the answer before had one of the app's", () => {
    const { exchange, begin, head, written } = setup();
    exchange.foundLines = HAS_REQUEST_ID;
    head(200, 0, "", true);
    expect(written[0]).not.toContain("x-request-id");

    begin();
    exchange.fail(new PlatformError("APP_BUSY", ["shop", 1]));

    expect(written[1]).toContain("x-request-id: id-1\r\n");
  });
});

describe("a client that has stopped sending", () => {
  test("is sent an interim answer before the head, once", () => {
    const { exchange, wait, written } = setup();
    exchange.armProbe();

    wait();
    wait();

    expect(written).toEqual(["HTTP/1.1 100 Continue\r\n\r\n"]);
  });

  test("is sent a leading zero between chunks", () => {
    const { exchange, head, data, wait, written } = setup();
    head(200, -1, "one");
    exchange.armProbe();

    wait();
    data("two", true);

    expect(written.slice(1).join("")).toBe("03\r\ntwo\r\n0\r\n\r\n");
  });

  test("is sent nothing where anything would be taken for the answer, or after it", () => {
    const old = setup({ isHttp10: true });
    old.exchange.armProbe();
    old.wait();
    const counted = setup();
    counted.head(200, 10, "one");
    counted.exchange.armProbe();
    counted.wait();
    const done = setup();
    done.exchange.armProbe();
    done.head(200, -1, "one", true);
    done.wait();

    expect([old.written.length, counted.written.length, done.written.length]).toEqual([0, 1, 1]);
  });
});
