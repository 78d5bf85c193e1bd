/** Goal: every answer of the platform's own about an app is in that app's log. Method: provoke each, compare. */
import { describe, expect, test } from "bun:test";
import { until } from "../../src/base/until-for-tests.ts";
import { get, header, request, startRawLane, told } from "./raw-lane.ts";

const fixtures = `${import.meta.dir}/../../src/pool/fixtures`;
const chunked = (path: string, ...lines: string[]) =>
  `${request(`POST ${path} HTTP/1.1`, "Transfer-Encoding: chunked", ...lines)}b\r\n12345678901\r\n0\r\n\r\n`;

const apps = {
  a: { ...told, limits: { bodyBytesMax: 10, requestTimeoutMs: 300 } },
  bad: { folder: fixtures, entry: "throws-at-boot.ts" },
  throws: { folder: fixtures, entry: "throws-per-request.ts" },
  lies: { folder: fixtures, entry: "writes-garbage-to-fd-3.ts" },
};

const cases: [string, number, keyof typeof apps, (...lines: string[]) => string][] = [
  [
    "REQUEST_BODY_TOO_LARGE",
    413,
    "a",
    (...lines) => `${request("POST /all HTTP/1.1", "Content-Length: 11", ...lines)}12345678901`,
  ],
  ["REQUEST_BODY_TOO_LARGE", 413, "a", (...lines) => chunked("/all", ...lines)],
  [
    "REQUEST_MALFORMED",
    400,
    "a",
    (...lines) => `${request("POST /never HTTP/1.1", "Transfer-Encoding: chunked", ...lines)}x\r\n`,
  ],
  ["APP_RESPONSE_TIMEOUT", 504, "a", (...lines) => get("/never", ...lines)],
  ["APP_EXITED", 502, "a", (...lines) => get("/exit", ...lines)],
  ["APP_PROTOCOL_BROKEN", 502, "lies", (...lines) => get("/write", ...lines)],
  ["APP_THREW", 500, "throws", (...lines) => get("/", ...lines)],
  ["APP_START_FAILED", 503, "bad", (...lines) => get("/", ...lines)],
];

describe("a verdict is in the app's log with its code and the request's id", () => {
  test.each(cases)("%s, %d", async (code, status, app, ask) => {
    await using lane = startRawLane(apps);
    const client = await lane.open([{ method: "GET" }], app);

    await client.take(ask("X-Request-Id: request-1"));
    await client.take({ until: "answer" });

    const answer = client.answers[0]!;
    expect([answer.status, header(answer, "levain-error")]).toEqual([status, code]);
    expect(header(answer, "x-request-id")).toBe("request-1");
    expect(header(answer, "retry-after")).toBe(status === 503 ? "1" : null);
    const records = lane.records.filter(({ event }) => event === "verdict");
    expect(records).toMatchObject([{ app, version: 1, requestId: "request-1" }]);
    expect(records[0]!.fields).toMatchObject({ code, status });
  });

  test("APP_BUSY, 503", async () => {
    await using lane = startRawLane({
      a: { ...told, limits: { concurrencyMax: 1, queueMax: 0 } },
    });
    const [first, second] = [await lane.open(1), await lane.open(1)];
    await first.take(get("/first"));
    await first.take({ until: "body", bytes: 1 });

    await second.take(get("/", "X-Request-Id: busy-1"));
    await second.take({ until: "answer" });

    expect(header(second.answers[0]!, "levain-error")).toBe("APP_BUSY");
    expect(lane.records.find(({ event }) => event === "verdict")).toMatchObject({
      requestId: "busy-1",
      fields: { code: "APP_BUSY", status: 503 },
    });
  });
});

test("a verdict about no app is in no app's log", async () => {
  await using lane = startRawLane();
  const client = await lane.open(3, "nobody");

  await client.take(get("/") + request("GET / HTTP/1.1", "Host: two"));
  await client.take({ until: "closed" });

  expect(client.answers.map(({ status }) => status)).toEqual([404, 400]);
  expect(lane.records).toEqual([]);
  expect(lane.lane.edge.counters.verdicts).toBe(0);
});

test("verdicts from 500 up are counted", async () => {
  await using lane = startRawLane({ a: { ...told, limits: { requestTimeoutMs: 100 } } });

  await lane.fetch("a", "/never");

  expect(lane.lane.edge.counters.verdicts).toBe(1);
});

describe("forwarded addresses are believed", () => {
  const ranges: [string[], string][] = [
    [["127.0.0.1"], "9.9.9.9, 127.0.0.1"],
    [["10.0.0.0/8", "127.0.0.0/8"], "9.9.9.9, 127.0.0.1"],
    [["::1", "fd00::/8", "10.0.0.0/8"], "127.0.0.1"],
    [[], "127.0.0.1"],
  ];

  test.each(ranges)("of proxies in %j: %s", async (trustedProxies, expected) => {
    await using lane = startRawLane({ a: told }, { trustedProxies });

    const response = await lane.fetch("a", "/forwarded-for", {
      headers: { "x-forwarded-for": "9.9.9.9" },
    });

    expect(await response.text()).toBe(expected);
    await until(() => lane.lane.edge.counters.requests === 1);
  });
});
