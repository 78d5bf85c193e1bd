/**
 * Goal: of a busy app's requests as many are recorded as the budget allows, all others are counted, and failures are
 * found. Method: time is set by the test; the log's own timer runs.
 */
import { describe, expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import {
  requestFailuresBurstMax,
  requestFailuresPerSecondMax,
  requestGapReportMs,
  requestRecordsBurstMax,
  requestRecordsPerSecondMax,
  requestRecordsTotalBurstMax,
} from "./limits.ts";
import type { LogRecord } from "./log-record.ts";
import { RequestLog } from "./request-log.ts";
import { requestRecord } from "./request-record.ts";
import { ABORTED } from "./traffic.ts";

function setup() {
  const clock = new StillClock();
  const records: LogRecord[] = [];
  const log = new RequestLog({ sink: { write: (record) => void records.push(record) }, clock });
  /** Answers so many requests of an app now; returns how many were taken. */
  const answer = (count: number, status = 200, app = "shop") => {
    const appLog = log.of(app);
    let taken = 0;
    for (let index = 0; index < count; index++) {
      if (!appLog.takes(status, clock.timeMs)) continue;
      taken += 1;
      appLog.add(request(app, status, clock.timeMs));
    }
    return taken;
  };
  return { clock, records, log, answer };
}

function request(app: string, status: number, endedAtMs: number) {
  return {
    app,
    version: 3,
    instance: "i1",
    endedAtMs,
    requestId: "id-1",
    method: "GET",
    target: "/cart?voucher=hush",
    status,
    durationMs: 3.21987,
    sentBytes: 1229,
    receivedBytes: 10,
    client: "192.0.2.7",
    code: null,
    hook: null,
    wake: null,
  };
}

const gaps = (records: readonly LogRecord[], app = "shop") =>
  records.filter((record) => record.event === "throttle" && record.app === app);
const left = (records: readonly LogRecord[], app = "shop") =>
  gaps(records, app).reduce((total, { fields }) => total + Number(fields?.["dropped"]), 0);

describe("the budget", () => {
  test("takes a burst, then so many a second", () => {
    const { clock, answer } = setup();

    expect(answer(5000)).toBe(requestRecordsBurstMax);
    clock.timeMs += 1000;
    expect(answer(5000)).toBe(requestRecordsPerSecondMax);
    clock.timeMs += 60_000;
    expect(answer(5000)).toBe(requestRecordsBurstMax);
  });

  test("keeps some for failures when good answers have used it up", () => {
    const { clock, answer } = setup();
    answer(5000);

    expect(answer(1000, 503)).toBe(requestFailuresBurstMax);
    clock.timeMs += 1000;
    answer(5000);
    expect(answer(1000, 500)).toBe(requestFailuresPerSecondMax);
    expect(answer(1000, 404)).toBe(0);
    expect(answer(1000, ABORTED)).toBe(0);
  });

  test("of one app is no other app's, but all together are bounded", () => {
    const { answer } = setup();
    let taken = 0;

    for (let app = 0; app < 50; app++) taken += answer(5000, 200, `app-${app}`);

    expect(answer(5000, 200, "app-0")).toBe(0);
    expect(taken).toBe(requestRecordsTotalBurstMax);
  });
});

describe("the log", () => {
  test("makes records later, in the order the answers ended", async () => {
    const { clock, records, answer } = setup();
    clock.timeMs = 1000;
    answer(1, 404);
    clock.timeMs = 2000;
    answer(1, ABORTED);

    expect(records).toEqual([]);
    await until(() => records.length === 2);
    expect(records[0]).toEqual({
      time: "1970-01-01T00:00:01.000Z",
      app: "shop",
      version: 3,
      instance: "i1",
      stream: "platform",
      requestId: "id-1",
      event: "request",
      message: "GET /cart?voucher=… 404",
      fields: {
        method: "GET",
        target: "/cart?voucher=…",
        status: 404,
        durationMs: 3.22,
        sentBytes: 1229,
        receivedBytes: 10,
        client: "192.0.2.7",
      },
    });
    expect(records[1]?.fields?.["status"]).toBe(499);
  });

  test("says once a second how many were left out", async () => {
    const { clock, records, answer } = setup();
    answer(requestRecordsBurstMax + 7);
    await until(() => gaps(records).length === 1);
    answer(5);
    answer(1, 404, "blog");
    await until(() => records.some(({ app }) => app === "blog"));

    expect(left(records)).toBe(7);
    clock.timeMs += requestGapReportMs;
    await until(() => left(records) === 12);
    expect(gaps(records).length).toBe(2);
  });

  test("writes what waits when it is closed, and nothing later", () => {
    const { records, log, answer } = setup();
    answer(requestRecordsBurstMax + 3);

    log.close();
    answer(3);
    log.close();

    expect(records.length).toBe(requestRecordsBurstMax + 1);
    expect(left(records)).toBe(3);
  });

  test("forgets an app that is deleted", async () => {
    const { records, log, answer } = setup();
    answer(requestRecordsBurstMax + 3);
    answer(1, 200, "blog");

    log.forget("shop");

    await until(() => records.length > 0);
    expect(records.map(({ app }) => app)).toEqual(["blog"]);
  });

  test("has a record or a count for every request, whatever comes", async () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const { clock, records, log, answer } = setup();
    const asked = { shop: 0, blog: 0, wiki: 0 };
    for (let round = 0; round < 300; round++) {
      const app = pick(random, ["shop", "blog", "wiki"] as const);
      const count = random(400);
      answer(count, pick(random, [200, 304, 404, 500, ABORTED]), app);
      asked[app] += count;
      clock.timeMs += random(300);
      if (random(20) === 0) await Bun.sleep(0);
      if (random(50) === 0) log.flush();
    }
    log.close();

    for (const [app, count] of Object.entries(asked)) {
      const recorded = records.filter((record) => record.app === app && record.event === "request");
      const sum = recorded.length + left(records, app);
      expect(sum, `${app}, LEVAIN_TEST_SEED=${seed}`).toBe(count);
    }
  });
});

test("a record says which hook has answered", () => {
  const record = requestRecord({ ...request("shop", 429, 0), hook: "levain/hooks/rate-limit" });

  expect(record.fields).toMatchObject({ by: "hook", hook: "levain/hooks/rate-limit" });
});

test("a record says why the platform answered itself", () => {
  const record = requestRecord({ ...request("shop", 503, 0), code: "APP_BUSY" });

  expect(record.fields?.["code"]).toBe("APP_BUSY");
});
