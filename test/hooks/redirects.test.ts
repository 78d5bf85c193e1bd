/** Goal: a client goes where a rule says, and nowhere else, whatever it writes. Method: a real lane, raw sockets. */
import { describe, expect, test } from "bun:test";
import type { RedirectsOptions } from "../../hooks/redirects.ts";
import { pick, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { valuesOf } from "../http/answer-reader.ts";
import type { RawLane } from "../lane/raw-lane.ts";
import { ask, codeOf, seenIn, sharedLane, startShippedLane } from "./hook-lane.ts";

const lanes = (options: RedirectsOptions): Promise<RawLane> =>
  startShippedLane([["redirects", options]]);

/** Where it redirects to, or null. */
async function locationOf(lane: RawLane, target: string, host = "{host}"): Promise<string | null> {
  const answer = await ask(lane, `GET ${target} HTTP/1.1\r\nHost: ${host}`);
  const [location = null, ...more] = valuesOf(answer, "location");
  expect(more).toEqual([]);
  return location;
}

describe("a redirect", () => {
  const options: RedirectsOptions = {
    redirects: [
      { from: "/old", to: "/new" },
      { from: "/old/*", to: "/new/*" },
      { from: "/articles/:year/:id", to: "/blog/:id-:year", status: 301 },
      { from: "/caf\u00e9", to: "/coffee" },
      { from: "/search", to: "/find?by=word", status: 302 },
      { host: "www.seen.localhost", from: "/*", to: "https://seen.localhost:8443/*" },
      { app: "a", from: "/only-a", to: "/yes" },
      { from: "/flat/*", to: "/*" },
      { from: "/out/*", to: "https://other.example/in/*" },
      { from: "/to/:host", to: "https://other.example/:host" },
    ],
  };

  const shared = sharedLane(() => lanes(options));

  test.each([
    ["/old", "/new"],
    ["/%6fld", "/new"],
    ["/old?a=b&c=%20", "/new?a=b&c=%20"],
    ["/old/", "/new/"],
    ["/old/a/b%20c", "/new/a/b%20c"],
    ["/old/%C3%A9%2F%25?q", "/new/%C3%A9%2F%25?q"],
    ["/older", null],
    ["/OLD", null],
    ["/articles/2026/x%2Fy", "/blog/x%2Fy-2026"],
    ["/articles/2026", null],
    ["/articles/2026/a/b", null],
    ["/articles//a", null],
    ["/caf%C3%A9", "/coffee"],
    ["/caf\xc3\xa9", "/coffee"],
    ["/caf%E9", null],
    ["/search", "/find?by=word"],
    ["/search?q=%26", "/find?by=word&q=%26"],
    ["/only-a", null],
    ["/%zz", null],
  ])("of %s leads to %p", async (target, location) => {
    const { lane } = shared;

    expect(await locationOf(lane, target)).toBe(location);
  });

  test("has the rule's status, else 308, for any method", async () => {
    const { lane } = shared;
    const statusOf = async (line: string) => (await ask(lane, `${line} HTTP/1.1`)).status;

    expect([
      await statusOf("GET /old"),
      await statusOf("DELETE /articles/1/2"),
      await statusOf("HEAD /search"),
    ]).toEqual([308, 301, 302]);
  });

  test("can be of one host, also one that leads to no app, or of one app", async () => {
    const { lane } = shared;

    const www = await locationOf(lane, "/a?b", "WWW.seen.localhost:80");
    const absolute = await locationOf(lane, "http://www.seen.localhost/a?b", "seen.localhost");
    const ofA = await ask(lane, "GET /only-a HTTP/1.1", { app: "a" });

    expect([www, absolute]).toEqual(Array(2).fill("https://seen.localhost:8443/a?b"));
    expect(valuesOf(ofA, "location")).toEqual(["/yes"]);
  });

  test.each([
    ["/flat//evil.com", "/evil.com"],
    ["/flat///evil.com", "/evil.com"],
    ["/flat/\\evil.com", "/evil.com"],
    ["/flat/\\/evil.com", "/evil.com"],
    ["/flat/%2f/evil.com", "/%2f/evil.com"],
    ["/flat/%5cevil.com", "/%5cevil.com"],
    ["/flat/.//evil.com", "/evil.com"],
    ["/flat/%2e%2e//evil.com", null],
    ["/flat/https://evil.com", "/https://evil.com"],
    ["/flat/@evil.com", "/@evil.com"],
    ["/flat/%0d%0aset-cookie:a=b", "/%0d%0aset-cookie:a=b"],
    ["/out//@evil.com", "https://other.example/in//@evil.com"],
    ["/out/..%2f..", "https://other.example/in/..%2f.."],
    ["/out/%2e%2e/%2e%2e/x", null],
    ["/to/@evil.com", "https://other.example/@evil.com"],
    ["/to/.evil.com", "https://other.example/.evil.com"],
    ["//evil.com/%2e%2e", null],
  ])("cannot be made to lead elsewhere: %s to %p", async (target, location) => {
    const { lane } = shared;

    expect(await locationOf(lane, target)).toBe(location);
  });

  test("leads to the rule's host for any target", async () => {
    const { lane } = shared;
    const seed = testSeed();
    const random = randomOf(seed);
    const parts = [
      "/",
      "\\",
      "//",
      ".",
      "..",
      "%2f",
      "%5c",
      "%2e",
      "%0a",
      "@",
      ":",
      "?",
      "evil.com",
      "https:",
      "%00",
      "\xff",
      ";",
      "&",
      "*",
    ];
    const client = await lane.open(400, "seen");
    const targets = Array.from({ length: 400 }, () => {
      const root = pick(random, ["/flat/", "/out/", "/to/", "/old/", "/"]);
      return root + Array.from({ length: random(7) }, () => pick(random, parts)).join("");
    });
    for (const target of targets)
      await client.take(`GET ${target} HTTP/1.1\r\nHost: {host}\r\n\r\n`);
    await client.until(() => client.answered === targets.length || client.ended !== null);

    expect(client.answers.length).toBe(targets.length);
    for (const [index, answer] of client.answers.entries()) {
      const [location] = valuesOf(answer, "location");
      if (location === undefined) continue;
      const { host } = new URL(location, "http://seen.localhost/");
      expect(["seen.localhost", "other.example"], `${targets[index]} (seed ${seed})`).toContain(
        host,
      );
    }
  });

  test("to an address that is too long is refused, not failed", async () => {
    const { lane } = shared;

    const answer = await ask(lane, `GET /old/${"x".repeat(12_000)} HTTP/1.1`);

    expect([answer.status, codeOf(answer)]).toEqual([414, "REQUEST_REJECTED"]);
  });
});

describe("a rewrite", () => {
  const options: RedirectsOptions = {
    redirects: [{ from: "/api/v0/*", to: "/api/v1/*" }],
    rewrites: [
      { from: "/api/v1/*", to: "/v1/*?api" },
      { from: "/api/*", to: "/none/*" },
      { from: "/public/*", to: "/files/public/*" },
      { from: "/one/:x", to: "/x/:x/:x" },
    ],
  };

  const shared = sharedLane(() => lanes(options));

  test.each([
    ["/api/v1/a%20b?c=d", "/v1/a%20b", "?api&c=d"],
    ["/api/v2/a", "/none/v2/a", ""],
    ["/one/%25", "/x/%25/%25", ""],
    ["/public/..%2f..%2fsecret", "/files/public/..%2f..%2fsecret", ""],
    ["/public/../secret", "/secret", ""],
    ["/public/%2e%2e/%2E%2E/secret", "/secret", ""],
    ["/public/a/../b", "/files/public/b", ""],
    ["/public//evil", "/files/public//evil", ""],
    ["/else", "/else", ""],
  ])("of %s gives the app %s%s", async (target, pathname, search) => {
    const { lane } = shared;

    const answer = await ask(lane, `GET ${target} HTTP/1.1`);

    expect(seenIn(answer)).toMatchObject({ pathname, search });
  });

  test("comes after redirects", async () => {
    const { lane } = shared;

    expect(await locationOf(lane, "/api/v0/a")).toBe("/api/v1/a");
  });
});

test.each([
  [{ redirects: [{ from: "old", to: "/new" }] }, "`from` must"],
  [{ redirects: [{ from: "/a*", to: "/new" }] }, "`from` must"],
  [{ redirects: [{ from: "/*/a", to: "/new" }] }, "`from` must"],
  [{ redirects: [{ from: "/a", to: "//evil.com/" }] }, "`to` must"],
  [{ redirects: [{ from: "/a", to: "/\\evil.com/" }] }, "`to` must"],
  [{ redirects: [{ from: "/*", to: "https://*/" }] }, "`to` must"],
  [{ redirects: [{ from: "/:a", to: "https://:a.example/" }] }, "`to` must"],
  [{ redirects: [{ from: "/*", to: "https://example.com*" }] }, "`to` must"],
  [{ redirects: [{ from: "/a", to: "https://user@example.com/" }] }, "`to` must"],
  [{ redirects: [{ from: "/a", to: "javascript:alert(1)" }] }, "`to` must"],
  [{ redirects: [{ from: "/a", to: "/b\r\nx: y" }] }, "percent-encoded"],
  [{ redirects: [{ from: "/a", to: "/caf\u00e9" }] }, "percent-encoded"],
  [{ redirects: [{ from: "/a", to: "/:b" }] }, "has :b"],
  [{ redirects: [{ from: "/a", to: "/b", status: 200 }] }, "no redirect"],
  [{ rewrites: [{ from: "/a", to: "https://example.com/" }] }, "`to` must"],
  [{ rules: [] }, "no option"],
  [
    { rules: [], redirects: [{ from: "a", to: "/" }], rewrites: [{ from: "/", to: "b" }] },
    /no option `rules`; `from` must .*; `to` must/,
  ],
])("rules %j are refused at the start", async (options, why) => {
  await expect(lanes(options as RedirectsOptions)).rejects.toThrow(why);
});
