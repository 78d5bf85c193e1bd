/** Goal: routes behave as under plain Bun. Method: the same requests to both. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type BareAnswer, BareServer } from "./bare-for-tests.ts";
import { TestRunner } from "./runner-for-tests.ts";

let bare: BareServer;
let runner: TestRunner;

beforeAll(async () => {
  [bare, runner] = await Promise.all([
    BareServer.start("every-route.ts"),
    TestRunner.start("every-route.ts"),
  ]);
});

afterAll(async () => {
  await Promise.all([bare[Symbol.asyncDispose](), runner[Symbol.asyncDispose]()]);
});

function shown({ status, headers, cookies, body }: BareAnswer) {
  const { "content-type": _type, ...lines } = headers;
  return { status, headers: lines, cookies, body: body.toString("latin1") };
}

type Asked = [method: string, path: string, headers?: Record<string, string>];

const asked: Asked[] = [
  ...[
    "/ /exact /exact/ /exact?a=1 /exact#x /EXACT //exact /exact/me /exact/1 /exact/1/x /exact/1/2",
    "/exact/ /exact//x /exact/1/ /exact/1/2/3 /nothing /nothing/ /exact/../static /./exact",
    "/wild /wild/ /wild/b /wild/a /wild/a/ /wild/a/b/c /middle/x/end /middle/x/y",
    "/exact/a%2Fb /exact/%zz /exact/a%zzb /exact/% /exact/%4 /exact/x%4 /exact/%c3%a9 /exact/%c3",
    "/exact/%e2%82 /exact/%c3%28 /exact/a%00b /exact/%f0%9f%98%80 /exact/%41%zz%42 /exact/%%41",
    "/exact/%2541 /exact/+1 /exact/1;a=b /exact/:id /exact/* /space%20here",
    "/catch/all/x /catch/all/never /catch/all/only-post /never /never-get /only-post /methods /off/x /off/x/y",
    "/static /static/json /static/empty /static/blank /static/bytes /static/404 /static/redirect",
    "/static/tagged /file /file/response /file/missing",
    "/cookie /cookie/later /cookie/redirect /throw /file-later /used /later",
  ]
    .join(" ")
    .split(" ")
    .map((path): Asked => ["GET", path]),
  ...["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].flatMap((method) =>
    [
      "/methods",
      "/only-post",
      "/never-get",
      "/exact",
      "/static",
      "/catch/all/only-post",
      "/file",
    ].map((path): Asked => [method, path]),
  ),
  ["GET", "/cookie", { cookie: "in=1; old=2" }],
  ["GET", "/cookie/unchanged", { cookie: "in=1; old=2" }],
  ["GET", "/file", { range: "bytes=2-4" }],
  ["GET", "/file", { range: "bytes=-3" }],
  ["GET", "/file", { range: "bytes=5-" }],
  ["GET", "/file", { range: "bytes=2-1000" }],
  ["GET", "/file", { range: "bytes=100-" }],
  ["GET", "/file", { range: "bytes=0-0,2-3" }],
  ["GET", "/file", { range: "lines=1" }],
  ["GET", "/file/response", { range: "bytes=0-0" }],
  ["GET", "/static", { range: "bytes=0-0" }],
  ["GET", "/file", { "if-modified-since": "Wed, 21 Oct 2099 07:28:00 GMT" }],
  ["HEAD", "/file", { "if-modified-since": "Wed, 21 Oct 2099 07:28:00 GMT" }],
  ["GET", "/file", { "if-modified-since": "Wed, 21 Oct 2009 07:28:00 GMT" }],
  ["GET", "/file", { "if-modified-since": "yesterday" }],
  ["GET", "/static", { "if-none-match": '"other"' }],
  ["GET", "/static/tagged", { "if-none-match": '"mine"' }],
  ["GET", "/static/tagged", { "if-none-match": '"a", W/"mine"' }],
  ["GET", "/static", { "if-none-match": "*" }],
  ["POST", "/static", { "if-none-match": "*" }],
];

describe("routes as under plain Bun", () => {
  test.each(asked)("%s %s", async (method, path, headers = {}) => {
    const expected = await bare.ask(path, { method, headers });

    const answer = await runner.ask(path, { method, headers });

    expect(shown(answer)).toEqual(shown(expected));
  });

  test("a client that has a static answer is told so, also when it came from Bun", async () => {
    for (const path of ["/static", "/static/json", "/static/bytes"]) {
      const { etag } = (await bare.ask(path)).headers;
      for (const method of ["GET", "HEAD"]) {
        const headers = { "if-none-match": etag! };
        expect((await bare.ask(path, { method, headers })).status).toBe(304);
        const answer = await runner.ask(path, { method, headers });
        expect([path, answer.status, answer.body.length]).toEqual([path, 304, 0]);
      }
    }
  });
});

describe("cookies of a route", () => {
  test("a Response that several clients share carries to none of them the cookie of another", async () => {
    const first = await runner.ask("/cookie/shared?alice");
    const second = await runner.ask("/cookie/shared?bob");

    expect(first.cookies).toEqual(["who=alice; Path=/; SameSite=Lax"]);
    expect(second.cookies).toEqual(["who=bob; Path=/; SameSite=Lax"]);
  });
});

describe("the error handler", () => {
  test("one that has no answer, or fails itself, leaves it to the node", async () => {
    const quiet = await runner.ask("/quiet").catch((error) => error);
    const failing = await runner.ask("/failing").catch((error) => error);

    expect([quiet.reason, quiet.message]).toEqual(["HANDLER_THREW", "no answer"]);
    expect([failing.reason, failing.message]).toEqual(["HANDLER_THREW", "failed again"]);
  });

  test("what it has answered is not printed as an error", async () => {
    const before = runner.stderr;
    await runner.ask("/throw");

    expect((await runner.ask("/exact")).status).toBe(200);
    expect(runner.stderr.slice(before.length)).toBe("");
  });
});

describe("server.reload", () => {
  test("replaces routes, even by none, and keeps the handlers that are not given", async () => {
    await using own = await TestRunner.start("reloads.ts");
    const seen = () =>
      Promise.all(["/a", "/b", "/c"].map(async (path) => (await own.ask(path)).text));

    expect(await seen()).toEqual(["route a", "first fetch", "first fetch"]);
    await own.ask("/step");
    expect(await seen()).toEqual(["second fetch", "second fetch", "second fetch"]);
    await own.ask("/step");
    expect(await seen()).toEqual(["second fetch", "route b", "second fetch"]);
    await own.ask("/step");
    expect(await seen()).toEqual(["first error", "first error", "first error"]);
  });
});

describe("what cannot be served", () => {
  test.each([
    ["no-fetch-no-routes", "Bun.serve() needs either a routes object or a fetch handler"],
    ["fetch-is-no-function", "Expected fetch() to be a function"],
    ["route-without-slash", `Invalid route "a". Path must start with '/'`],
    ["route-is-text", 'Route "/a" has no handler'],
    ["route-is-html", 'Route "/" is an HTML import that was not bundled'],
  ])("%s fails to load and says why", async (kind, message) => {
    const error = await TestRunner.start("serves-badly.ts", { env: { KIND: kind } }).catch(
      (error) => error,
    );

    expect(error.failure).toMatchObject({ type: "failed", code: "THREW" });
    expect(error.failure.message).toStartWith(message);
  });
});
