import { describe, expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { requestReportMs, requestShapesMax, requestsCountedMax } from "./limits.ts";
import { requestOfName, requestOfText } from "./request-mark.ts";
import { RequestTally } from "./request-tally.ts";
import { sqlShape } from "./sql-shape.ts";

const one = sqlShape("select 1");
const two = sqlShape("select name from users where id = $1");

describe("queries of a request", () => {
  test("are reported once, all of them, when the request is silent", () => {
    const tally = new RequestTally();

    for (let index = 0; index < 100; index += 1) tally.count("r1", two, 10, index);
    tally.count("r1", one, 10, 100);

    expect(tally.due(100 + requestReportMs - 1)).toEqual([]);
    expect(tally.isWaiting).toBe(true);
    expect(tally.due(100 + requestReportMs)).toEqual([
      { requestId: "r1", queries: 101, tookMs: 100, shape: two, times: 100, shapes: 2 },
    ]);
    expect(tally.isWaiting).toBe(false);
    expect(tally.due(Number.POSITIVE_INFINITY)).toEqual([]);
  });

  test("within the budget are reported never", () => {
    const tally = new RequestTally();

    for (let index = 0; index < 10; index += 1) tally.count("r1", two, 10, index);

    expect(tally.due(Number.POSITIVE_INFINITY)).toEqual([]);
  });

  test("of any number of requests and shapes take bounded room", () => {
    const tally = new RequestTally();
    const seed = testSeed();
    const random = randomOf(seed);

    for (let index = 0; index < 20_000; index += 1) {
      const shape = { text: "x", fingerprint: String(random(1000)) };
      tally.count(`r${random(3 * requestsCountedMax)}`, shape, 1, index);
      expect(tally.size).toBeLessThanOrEqual(requestsCountedMax);
    }

    const reports = tally.due(Number.POSITIVE_INFINITY);
    expect(reports.length, `seed ${seed}`).toBeLessThanOrEqual(requestsCountedMax);
    for (const { shapes } of reports) expect(shapes).toBeLessThanOrEqual(requestShapesMax);
  });

  test("over the budget wait for their report in bounded number, the newest of them", () => {
    const tally = new RequestTally();
    const count = 2 * requestsCountedMax;

    // First those of the first half, then those of the second, which are all known before one of them is over.
    for (const from of [0, requestsCountedMax]) {
      for (const _query of [1, 2]) {
        for (let index = from; index < from + requestsCountedMax; index += 1) {
          tally.count(`r${index}`, two, 1, index);
        }
      }
    }

    const reports = tally.due(Number.POSITIVE_INFINITY);
    expect(reports).toHaveLength(requestsCountedMax);
    expect(reports[0]?.requestId).toBe(`r${requestsCountedMax}`);
    expect(reports.at(-1)?.requestId).toBe(`r${count - 1}`);
  });
});

describe("the mark of a request", () => {
  test("is a comment anywhere in the text", () => {
    expect(requestOfText("/* levain:request=abc-1 */ select 1")).toBe("abc-1");
    expect(requestOfText("select 1 /*levain:request=0f3a*/")).toBe("0f3a");
    expect(requestOfText("select 1")).toBeNull();
    expect(requestOfText("select 'levain:request=x'")).toBeNull();
    expect(requestOfText(`/* levain:request=${"x".repeat(100)} */`)).toBeNull();
    expect(requestOfText("/* levain:request=a'b */")).toBeNull();
  });

  test("is the end of an application_name", () => {
    expect(requestOfName("api levain:request=abc-1")).toBe("abc-1");
    expect(requestOfName("levain:request=abc-1")).toBe("abc-1");
    expect(requestOfName("levain:request=abc-1 api")).toBeNull();
    expect(requestOfName("psql")).toBeNull();
  });
});
