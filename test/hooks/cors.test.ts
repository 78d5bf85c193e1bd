/** Goal: a browser lets the pages read what the rules say, and nothing else. Method: a real lane, raw sockets. */
import { describe, expect, test } from "bun:test";
import type { CorsOptions } from "../../hooks/cors.ts";
import { type Answer, valuesOf } from "../http/answer-reader.ts";
import { header, type RawLane } from "../lane/raw-lane.ts";
import { ask, sharedLane, startHookLane, startShippedLane } from "./hook-lane.ts";

const good = "https://www.example.com";
const lanes = (options: CorsOptions): Promise<RawLane> => startShippedLane([["cors", options]]);

/** The lines that a browser looks at. */
const corsOf = (answer: Answer) =>
  Object.fromEntries(
    answer.headers
      .map(([name, value]) => [name.toLowerCase(), value] as const)
      .filter(([name]) => name.startsWith("access-control-")),
  );

const from = (origin: string, ...lines: string[]) =>
  ["GET / HTTP/1.1", `Origin: ${origin}`, ...lines].join("\r\n");

const preflight = (origin: string, ...lines: string[]) =>
  ["OPTIONS / HTTP/1.1", `Origin: ${origin}`, "Access-Control-Request-Method: PUT", ...lines].join(
    "\r\n",
  );

describe("a page", () => {
  const shared = sharedLane(() =>
    lanes({ origins: [good, "https://*.pages.example", "http://localhost:3000"] }),
  );

  test.each([
    [good, true],
    ["https://a.pages.example", true],
    ["https://a.b.pages.example", true],
    ["http://localhost:3000", true],
    ["HTTPS://WWW.EXAMPLE.COM", false],
    ["http://www.example.com", false],
    ["https://www.example.com:444", false],
    ["https://www.example.com.evil.com", false],
    ["https://evilwww.example.com", false],
    ["https://pages.example", false],
    ["https://.pages.example", false],
    ["https://evil.com/.pages.example", false],
    ["https://evil.com#.pages.example", false],
    ["https://evil.com?.pages.example", false],
    ["https://evilpages.example", false],
    ["http://a.pages.example", false],
    ["null", false],
    ["*", false],
    ["", false],
    [`${good}, https://evil.com`, false],
    ["constructor", false],
  ])("of %j may read the answer: %p", async (origin, isAllowed) => {
    const answer = await ask(shared.lane, from(origin));

    expect(corsOf(answer)).toEqual(isAllowed ? { "access-control-allow-origin": origin } : {});
    expect(valuesOf(answer, "vary").join()).toContain("Origin");
    expect(answer.status).toBe(200);
  });

  test("with two origins may not", async () => {
    await using lane = await lanes({ origins: [good] });

    expect(corsOf(await ask(lane, from(good, `Origin: ${good}`)))).toEqual({});
  });

  test("may send cookies and read headers where that is said", async () => {
    await using lane = await lanes({
      origins: [good],
      credentials: true,
      exposeHeaders: ["X-App", "x-request-id"],
    });

    expect(corsOf(await ask(lane, from(good)))).toEqual({
      "access-control-allow-origin": good,
      "access-control-allow-credentials": "true",
      "access-control-expose-headers": "X-App, x-request-id",
    });
    expect(corsOf(await ask(lane, from("https://evil.com")))).toEqual({});
  });

  test("of any origin may, where everybody may, without cookies", async () => {
    await using lane = await lanes({ origins: ["*"] });

    const answer = await ask(lane, from("https://anybody.example"));

    expect(corsOf(answer)).toEqual({ "access-control-allow-origin": "*" });
    expect(header(answer, "vary")).toBeNull();
  });

  test("may read the platform's errors too, and those of hooks behind", async () => {
    await using lane = await startShippedLane([
      ["cors", { origins: [good] }],
      ["rate-limit", { requestsMax: 1, perMs: 60_000 }],
    ]);

    const unknown = await ask(lane, from(good, "Host: nobody.test"));
    const limited = await ask(lane, from(good));

    expect([unknown.status, limited.status]).toEqual([404, 429]);
    for (const answer of [unknown, limited]) {
      expect(header(answer, "access-control-allow-origin")).toBe(good);
    }
  });
});

test("what the app says about origins is replaced; what it varies by stays", async () => {
  const app = {
    name: "app",
    onRequest: () => ({
      status: 200,
      headers: {
        vary: "Accept, origin",
        "access-control-allow-origin": "*",
        "Access-Control-Allow-Credentials": "true",
      },
    }),
    onResponse: null,
  };
  const { default: cors } = await import("../../hooks/cors.ts");
  const { onRequest = null, onResponse = null } = await cors(
    { origins: [good] },
    { nowMs: () => 0, env: {} },
  );
  await using lane = startHookLane([{ name: "cors", onRequest, onResponse }, app]);

  const evil = await ask(lane, from("https://evil.com"));
  const fine = await ask(lane, from(good));

  expect(corsOf(evil)).toEqual({});
  expect(corsOf(fine)).toEqual({ "access-control-allow-origin": good });
  expect(valuesOf(fine, "vary")).toEqual(["Accept, origin"]);
});

describe("a preflight", () => {
  test("is answered in place of the app", async () => {
    await using lane = await lanes({ origins: [good], credentials: true, maxAgeS: 5 });

    const answer = await ask(
      lane,
      preflight(good, "Access-Control-Request-Headers: content-type, X-Mine"),
    );

    expect([answer.status, answer.body.length]).toEqual([204, 0]);
    expect(corsOf(answer)).toEqual({
      "access-control-allow-origin": good,
      "access-control-allow-methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
      "access-control-allow-headers": "content-type, X-Mine",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "5",
    });
    expect(header(answer, "vary")).toBe(
      "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    );
    expect(lane.lane.pools.of(lane.spec("seen")).facts(0).requests).toBe(0);
  });

  test("of a page that may not is answered without permission", async () => {
    await using lane = await lanes({ origins: [good] });

    const answer = await ask(lane, preflight("https://evil.com"));

    expect([answer.status, corsOf(answer)]).toEqual([204, {}]);
  });

  test("names the headers that are allowed, whatever is asked for", async () => {
    await using lane = await lanes({ origins: [good], headers: ["X-One"], methods: ["GET"] });

    const answer = await ask(lane, preflight(good, "Access-Control-Request-Headers: x-two"));

    expect(corsOf(answer)).toMatchObject({
      "access-control-allow-headers": "X-One",
      "access-control-allow-methods": "GET",
    });
  });

  test.each([`x: y`, "a b", "a,,b", `a${"b".repeat(3000)}`, "\xe9", '"a"'])(
    "does not repeat what is no list of names: %j",
    async (asked) => {
      await using lane = await lanes({ origins: [good] });

      const answer = await ask(lane, preflight(good, `Access-Control-Request-Headers: ${asked}`));

      expect(answer.status).toBe(204);
      expect(header(answer, "access-control-allow-headers")).toBeNull();
    },
  );

  test.each([
    ["OPTIONS / HTTP/1.1\r\nAccess-Control-Request-Method: PUT"],
    [`OPTIONS / HTTP/1.1\r\nOrigin: ${good}`],
    [
      `POST / HTTP/1.1\r\nContent-Length: 0\r\nOrigin: ${good}\r\nAccess-Control-Request-Method: PUT`,
    ],
  ])("is not what lacks one of its marks: %j", async (head) => {
    await using lane = await lanes({ origins: [good] });

    expect(header(await ask(lane, head), "x-app")).toBe("seen");
  });

  test("of another app is that app's business", async () => {
    await using lane = await lanes({ origins: [good], apps: ["a"] });

    const answer = await ask(lane, preflight(good));

    expect([header(answer, "x-app"), corsOf(answer)]).toEqual(["seen", {}]);
    expect((await ask(lane, preflight(good), { app: "a" })).status).toBe(204);
  });
});

test.each([
  [undefined, "`origins` must"],
  [{ origins: [] }, "`origins` must"],
  [{ origins: ["*"], credentials: true }, "cannot go with"],
  [{ origins: [good, "*"], credentials: true }, "cannot go with"],
  [{ origins: ["www.example.com"] }, "no origin"],
  [{ origins: ["https://www.example.com/"] }, "no origin"],
  [{ origins: ["https://*"] }, "no origin"],
  [{ origins: ["https://a.*.com"] }, "no origin"],
  [{ origins: [good], headers: ["a\r\nb: c"] }, "`headers` must"],
  [{ origins: [good], method: ["GET"] }, "no option"],
  [
    { origins: ["a", "b"], methods: ["G T"], method: 1 },
    /no option `method`; "a" is no origin, [^;]*; "b" is no origin, [^;]*; `methods` must/,
  ],
])("options %j are refused at the start", async (options, why) => {
  await expect(lanes(options as CorsOptions)).rejects.toThrow(why);
});
