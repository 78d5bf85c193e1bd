/** Goal: a hook sees a request as it is, and cannot send what is no HTTP. Method: a real lane, raw sockets. */
import { describe, expect, test } from "bun:test";
import type { HookAnswer, HookRequest, RequestHook } from "../../sdk/src/hooks.ts";
import { hookAnswerBytesMax, hookLinesBytesMax } from "../../src/edge/limits.ts";
import { targetBytesMax } from "../../src/http/limits.ts";
import { valuesOf } from "../http/answer-reader.ts";
import { header, type RawLane } from "../lane/raw-lane.ts";
import { ask, asking, codeOf, type Seen, seenIn, startHookLane } from "./hook-lane.ts";

/** What a hook has read of the request with this head. */
async function readOf(
  head: string,
  read: (request: HookRequest) => unknown,
  options: { trustedProxies?: string[]; app?: string } = {},
): Promise<unknown> {
  let what: unknown;
  const hook = asking((request) => {
    what = read(request);
    return { status: 200 };
  });
  await using lane = startHookLane([hook], options);
  const answer = await ask(lane, head, options);
  expect(answer.status, String(answer.body)).toBe(200);
  return what;
}

/** What the app has seen of a request that a hook has changed. */
async function changed(head: string, change: (request: HookRequest) => void): Promise<Seen> {
  await using lane = startHookLane([asking(change)]);
  return seenIn(await ask(lane, head));
}

/** Why the lane has rejected what a hook did; null when it has not. */
async function failureOf(lane: RawLane, head = "GET / HTTP/1.1"): Promise<string | null> {
  const answer = await ask(lane, head);
  if (answer.status !== 500) return null;
  expect(codeOf(answer)).toBe("HOOK_FAILED");
  return String(lane.records.findLast(({ event }) => event === "verdict")?.fields?.["cause"]);
}

describe("a hook reads", () => {
  test("where the request leads, and what it asks for", async () => {
    const what = await readOf("POST /a%20b?c=d HTTP/1.1\r\nHost: SEEN.localhost:81", (request) => {
      const { method, target, path, plainPath, query, host, authority, scheme } = request;
      const { app, branch, version, isWebSocket } = request;
      const asked = [method, target, path, plainPath, query];
      return [...asked, host, authority, scheme, app, branch, version, isWebSocket];
    });

    const asked = ["POST", "/a%20b?c=d", "/a%20b", "/a b", "?c=d"];
    const led = ["seen.localhost", "SEEN.localhost:81", "http", "seen", "main", 1, false];
    expect(what).toEqual([...asked, ...led]);
  });

  test("that it leads nowhere", async () => {
    const read = ({ app, branch, version, host }: HookRequest) => [app, branch, version, host];

    expect(await readOf("GET / HTTP/1.1\r\nHost: nobody.test", read)).toEqual([
      null,
      null,
      null,
      "nobody.test",
    ]);
  });

  test("headers in any case, one or many, and none of those that only the edge writes", async () => {
    const lines = [
      "X-One: 1 ",
      "x-MANY: a",
      "X-Many:\tb",
      "Cookie: a=1",
      "cookie: b=2",
      "X_Under: _",
      "X-Forwarded-For: 6.6.6.6",
      "Forwarded: for=6.6.6.6",
      "X-Real-IP: 6.6.6.6",
      "Connection: close, x-one",
      "Keep-Alive: 5",
    ];

    const what = await readOf(`GET / HTTP/1.1\r\n${lines.join("\r\n")}`, ({ headers }) => [
      ["X-ONE", "x-many", "cookie", "x_under", "X-UNDER", "none"].map((name) => headers.get(name)),
      headers.getAll("x-many"),
      ["x-forwarded-for", "forwarded", "x-real-ip", "connection", "keep-alive"].filter((name) =>
        headers.has(name),
      ),
      [...headers].map(([name]) => name),
    ]);

    expect(what).toEqual([
      ["1", "a, b", "a=1; b=2", "_", null, null],
      ["a", "b"],
      [],
      ["x-one", "x-many", "x-many", "cookie", "cookie", "x_under", "host"],
    ]);
  });

  test.each([
    ["nobody is trusted", [], "127.0.0.1", "http"],
    ["the peer is trusted", ["127.0.0.1"], "3.3.3.3", "https"],
    ["several are trusted", ["127.0.0.0/8", "3.3.3.0/24"], "2.2.2.2", "https"],
    ["all are trusted", ["0.0.0.0/0"], "1.1.1.1", "https"],
  ])("the client's address when %s", async (_, trustedProxies, address, scheme) => {
    const lines = [
      "X-Forwarded-For: 1.1.1.1",
      "x-forwarded-for: 2.2.2.2, 3.3.3.3:1234",
      "X-Forwarded-Proto: HTTPS, http",
    ];

    const what = await readOf(
      `GET / HTTP/1.1\r\n${lines.join("\r\n")}`,
      (request) => [request.clientAddress, request.scheme],
      { trustedProxies },
    );

    expect(what).toEqual([address, scheme]);
  });

  test("that a WebSocket is wanted, and can refuse it", async () => {
    const hook = asking(({ isWebSocket }) => (isWebSocket ? { reject: "no sockets" } : undefined));
    await using lane = startHookLane([hook]);
    const upgrade = [
      "GET /socket HTTP/1.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ].join("\r\n");

    const refused = await ask(lane, upgrade, { app: "a" });
    expect([refused.status, codeOf(refused)]).toEqual([403, "REQUEST_REJECTED"]);
  });

  test("and changes a WebSocket's request, which opens", async () => {
    const hook = asking((request) => {
      if (request.isWebSocket) request.rewrite("/socket");
      request.headers.set("x-added", "1");
    });
    await using lane = startHookLane([hook]);
    const url = `ws://a.localhost:${lane.port}/elsewhere`;
    const socket = new WebSocket(url);
    const answered = Promise.withResolvers<string>();
    socket.onopen = () => socket.send("3");
    socket.onmessage = ({ data }) => answered.resolve(String(data));
    socket.onerror = () => answered.reject(new Error("did not open"));

    expect((await answered.promise).length).toBe(1000);
    socket.close();
  });
});

describe("a hook changes", () => {
  test("path and query, and the host stays", async () => {
    const seen = await changed("GET /old HTTP/1.1", (request) => request.rewrite("/n%20ew?a=%0D"));

    expect([seen.pathname, seen.search]).toEqual(["/n%20ew", "?a=%0D"]);
    expect(new URL(seen.url).hostname).toBe("seen.localhost");
  });

  test("header lines: set, appended and deleted, whatever their case was", async () => {
    const lines = ["X-Set: 1", "x-set: 2", "X-Append: 1", "X-Gone: 1", "X-Stays: \xe9"];

    const { headers } = await changed(`GET / HTTP/1.1\r\n${lines.join("\r\n")}`, (request) => {
      request.headers.set("X-SET", "new");
      request.headers.append("x-append", "\xe8");
      request.headers.delete("x-GONE");
      request.headers.set("x-twice", "a");
      request.headers.set("x-twice", "b");
      request.headers.set("authorization", "");
    });

    expect(headers).toMatchObject({
      "x-set": "new",
      "x-append": "1, \xe8",
      "x-stays": "\xe9",
      "x-twice": "b",
      host: "seen.localhost",
      "x-forwarded-for": "127.0.0.1",
    });
    expect(headers["x-gone"]).toBeUndefined();
  });

  test("what the next hook reads", async () => {
    await using lane = startHookLane([
      asking((request) => {
        request.rewrite("/two");
        request.headers.set("x-by", "one");
      }),
      asking(({ path, headers }) => ({ status: 200, body: `${path} ${headers.get("x-by")}` })),
    ]);

    expect(String((await ask(lane, "GET /one HTTP/1.1")).body)).toBe("/two one");
  });

  test("a request with a body, which arrives whole", async () => {
    await using lane = startHookLane([asking(({ headers }) => headers.set("x-a", "b"))]);
    const body = "x".repeat(300_000);

    const answer = await ask(lane, `POST / HTTP/1.1\r\nContent-Length: ${body.length}`, { body });

    expect(seenIn(answer)).toMatchObject({ bodyBytes: 300_000, headers: { "x-a": "b" } });
  });
});

describe("what no hook can do is its failure:", () => {
  /** On a lane of its own, whose log has each of them. */
  async function failureWith(hook: RequestHook): Promise<string | null> {
    await using lane = startHookLane([asking(hook)]);
    return await failureOf(lane);
  }

  const edits: [string, (request: HookRequest) => void, string][] = [
    ["a value with CR LF", ({ headers }) => headers.set("x", "a\r\nb: c"), "Latin-1"],
    ["a value with LF", ({ headers }) => headers.append("x", "a\nb"), "Latin-1"],
    ["a value with NUL", ({ headers }) => headers.set("x", "\0"), "Latin-1"],
    [
      "a value that Latin-1 would cut to LF",
      ({ headers }) => headers.set("x", "\u010a"),
      "Latin-1",
    ],
    ["a value that is no text", ({ headers }) => headers.set("x", 5 as never), "Latin-1"],
    ["a name with a colon", ({ headers }) => headers.set("x:y", "a"), "no name"],
    ["an empty name", ({ headers }) => headers.set("", "a"), "no name"],
    ["another host", ({ headers }) => headers.set("Host", "a.localhost"), '"host"'],
    ["a length", ({ headers }) => headers.set("Content-Length", "5"), '"content-length"'],
    ["no length", ({ headers }) => headers.delete("content-length"), '"content-length"'],
    ["chunks", ({ headers }) => headers.set("transfer-encoding", "chunked"), '"transfer-encoding"'],
    ["an upgrade", ({ headers }) => headers.set("upgrade", "h2c"), '"upgrade"'],
    ["another client", ({ headers }) => headers.set("X-Forwarded-For", "::1"), '"x-forwarded-for"'],
    [
      "headers without end",
      ({ headers }) => {
        while (true) headers.append("x", "y".repeat(100));
      },
      `${hookLinesBytesMax} bytes`,
    ],
    ["a target with CR LF", (request) => request.rewrite("/ HTTP/1.1\r\nx: y"), "a target"],
    ["a target with a space", (request) => request.rewrite("/a b"), "a target"],
    ["a target that is not ASCII", (request) => request.rewrite("/\u00e9"), "a target"],
    ["a target with a fragment", (request) => request.rewrite("/#a"), "a target"],
    ["a whole URL", (request) => request.rewrite("http://a.localhost/"), "a target"],
    ["no target", (request) => request.rewrite(undefined as never), "a target"],
    ["a long target", (request) => request.rewrite(`/${"x".repeat(targetBytesMax)}`), "a target"],
  ];

  test.each(edits)("%s", async (_, change, why) => {
    expect(await failureWith(change)).toContain(why);
  });

  const answers: [string, unknown, string][] = [
    ["status 101", { status: 101 }, "from 200 to 599"],
    ["status 600", { status: 600 }, "from 200 to 599"],
    ["a status that is text", { status: "200" }, "from 200 to 599"],
    ["no status", {}, "from 200 to 599"],
    ["a rejection that is none", { reject: "", status: 200 }, "from 400 to 599"],
    ["a header with CR LF", { status: 200, headers: { x: "a\r\nb: c" } }, "Latin-1"],
    ["a header that is no text", { status: 200, headers: { x: undefined } }, ""],
    ["a length", { status: 200, headers: { "Content-Length": "1" } }, '"content-length"'],
    ["another length", { reject: "", headers: { "content-length": "1" } }, '"content-length"'],
    ["a connection", { status: 200, headers: [["connection", "close"]] }, '"connection"'],
    ["a body where none is", { status: 204, body: "x" }, "no body"],
    [
      "a body that is a stream",
      { status: 200, body: new ReadableStream() },
      "string or a Uint8Array",
    ],
    ["a long body", { status: 200, body: "x".repeat(hookAnswerBytesMax + 1) }, "at most"],
    ["a promise's wrong answer", Promise.resolve({ status: 0 }), "from 200 to 599"],
    ["null", null, "null"],
    ["a text", "no", "a string"],
  ];

  test.each(answers)("an answer with %s", async (_, answer, why) => {
    expect(await failureWith(() => answer as HookAnswer)).toContain(why);
  });

  test("changing or reading a request that is over", async () => {
    const kept: HookRequest[] = [];
    await using lane = startHookLane([asking((request) => void kept.push(request))]);
    await ask(lane, "GET /first HTTP/1.1\r\nX-Secret: 1");
    await ask(lane, "GET /second HTTP/1.1\r\nX-Secret: 2");
    const [first] = kept;

    expect(() => first!.rewrite("/")).toThrow("sent on");
    expect(() => first!.headers.set("x", "y")).toThrow("sent on");
    // It would read the buffer of another request.
    expect(() => first!.headers.get("x-secret")).toThrow("read them before");
    expect(first!.target).toBe("/first");
  });
});

describe("a hook answers", () => {
  test("with status, headers and body, and the app is not asked", async () => {
    const hook = asking(({ path }) =>
      path === "/own"
        ? { status: 201, headers: { "X-A": "b", "set-cookie": ["a=1", "b=2"] }, body: "caf\u00e9" }
        : undefined,
    );
    await using lane = startHookLane([hook]);

    const answer = await ask(lane, "GET /own HTTP/1.1");

    expect([answer.status, String(answer.body)]).toEqual([201, "caf\u00e9"]);
    expect(valuesOf(answer, "set-cookie")).toEqual(["a=1", "b=2"]);
    expect(["x-a", "content-type", "content-length"].map((name) => header(answer, name))).toEqual([
      "b",
      "text/plain;charset=utf-8",
      "5",
    ]);
    expect(header(answer, "x-request-id")).not.toBeNull();
    expect(header(answer, "date")).not.toBeNull();
    const pool = lane.lane.pools.of(lane.spec("seen"));
    expect(pool.facts(0).requests).toBe(0);
  });

  test.each([
    ["HEAD", { status: 200, body: "hello" }, ["5", ""]],
    ["GET", { status: 304, headers: { etag: '"a"' } }, [null, ""]],
    ["GET", { status: 204 }, [null, ""]],
    ["GET", { status: 200 }, ["0", ""]],
    ["GET", { status: 200, body: new Uint8Array([0x68, 0x69]) }, ["2", "hi"]],
    [
      "GET",
      { status: 200, headers: new Headers({ "content-type": "a/b" }), body: "x" },
      ["1", "x"],
    ],
  ] as [string, HookAnswer, unknown][])("%s with %j", async (method, given, expected) => {
    await using lane = startHookLane([asking(() => given)]);

    const answer = await ask(lane, `${method} / HTTP/1.1`);

    expect([header(answer, "content-length"), String(answer.body)]).toEqual(expected as string[]);
  });

  test("one request after another on the same connection, bodies read away", async () => {
    await using lane = startHookLane([
      asking(({ path }) => (path === "/hook" ? { status: 200, body: "hook" } : undefined)),
    ]);
    const client = await lane.open([{ method: "POST" }, { method: "GET" }, { method: "POST" }]);
    const post = "POST /hook HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n\r\n12345";

    await client.take(`${post}GET / HTTP/1.1\r\nHost: {host}\r\n\r\n${post}`);
    await client.take({ until: "answer", answer: 2 });

    expect(client.answers.map(({ body }) => String(body))).toEqual(["hook", "hello", "hook"]);
    expect(client.ended).toBeNull();
  });

  test("instead of asking for a body that the client holds back", async () => {
    await using lane = startHookLane([asking(() => ({ status: 403 }))]);
    const head = "POST / HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue";

    const answer = await ask(lane, head);

    expect([answer.status, answer.interim.length, header(answer, "connection")]).toEqual([
      403,
      0,
      "close",
    ]);
  });

  test("for a host that leads nowhere, which is told so when no hook does", async () => {
    const toWww = asking(({ host }) =>
      host === "www.test" ? { status: 308, headers: { location: "http://test/" } } : undefined,
    );
    await using lane = startHookLane([toWww]);

    expect((await ask(lane, "GET / HTTP/1.1\r\nHost: www.test")).status).toBe(308);
    expect(codeOf(await ask(lane, "GET / HTTP/1.1\r\nHost: ww.test"))).toBe("HOST_UNKNOWN");
  });
});

describe("a rejection", () => {
  test("is a page or JSON, with the hook's status and headers, and no verdict of the app's log", async () => {
    const hook = asking(() => ({
      reject: "come <back> later",
      status: 503,
      headers: { "retry-after": "7", "X-A": "b" },
    }));
    await using lane = startHookLane([hook]);

    const json = await ask(lane, "GET / HTTP/1.1");
    const page = await ask(lane, "GET / HTTP/1.1\r\nAccept: text/html");

    expect(JSON.parse(String(json.body)).error).toMatchObject({
      code: "REQUEST_REJECTED",
      message: "Cannot accept the request: come <back> later",
    });
    expect([json.status, valuesOf(json, "retry-after"), header(json, "x-a")]).toEqual([
      503,
      ["7"],
      "b",
    ]);
    expect(String(page.body)).toContain("come &lt;back&gt; later");
    expect(String(page.body)).toContain("503 REQUEST_REJECTED");
    expect(lane.records.filter(({ event }) => event === "verdict")).toEqual([]);
  });

  test("is counted by its code, and the request log names the hook; so it does for an answer", async () => {
    const hook = asking(
      ({ path }) => (path === "/no" ? { reject: "no", status: 429 } : { status: 204 }),
      "gate",
    );
    await using lane = startHookLane([hook], { keepsRequests: true });

    await ask(lane, "GET /no HTTP/1.1");
    await ask(lane, "GET /yes HTTP/1.1");

    const pool = [...lane.lane.pools.all()].find(({ spec }) => spec.app === "seen")!;
    expect([...pool.traffic.verdicts]).toEqual([["REQUEST_REJECTED", 1]]);
    lane.lane.requestLog.flush();
    const [rejected, answered] = lane.requests.map(({ fields }) => fields);
    expect(rejected).toMatchObject({ code: "REQUEST_REJECTED", by: "hook", hook: "gate" });
    expect(answered).toMatchObject({ status: 204, by: "hook", hook: "gate" });
    expect(answered).not.toHaveProperty("code");
  });

  test("without a status is 403", async () => {
    await using lane = startHookLane([asking(() => ({ reject: "not you" }))]);

    expect((await ask(lane, "GET / HTTP/1.1")).status).toBe(403);
  });
});

describe("a hook that throws", () => {
  test.each([
    [
      "at once",
      () => {
        throw new Error("secret of the operator");
      },
    ],
    [
      "later",
      async () => {
        await 0;
        throw new Error("secret of the operator");
      },
    ],
  ])(
    "%s rejects the request; the log has name and stack, the visitor has neither",
    async (_, onRequest) => {
      const notes: string[] = [];
      await using lane = startHookLane([asking(onRequest, "./quota.ts")], { notes });

      const answer = await ask(lane, "GET / HTTP/1.1");

      expect([answer.status, codeOf(answer)]).toEqual([500, "HOOK_FAILED"]);
      for (const word of ["quota", "secret", "request-hooks.test"]) {
        expect(String(answer.body)).not.toContain(word);
      }
      const [record] = lane.records.filter(({ event }) => event === "verdict");
      expect(record).toMatchObject({
        requestId: header(answer, "x-request-id"),
        fields: { code: "HOOK_FAILED", hook: "./quota.ts", cause: "secret of the operator" },
      });
      expect(String(record?.fields?.["stack"])).toContain("request-hooks.test");
      expect(notes).toHaveLength(1);
      expect(notes[0]).toContain("Hook ./quota.ts failed");
      expect(notes[0]).toContain("secret of the operator");
    },
  );

  test("all the time is told to the operator once a while, with a count", async () => {
    const notes: string[] = [];
    const hook = asking(() => {
      throw "no error at all";
    });
    await using lane = startHookLane([hook], { notes });

    for (let count = 0; count < 5; count++) await ask(lane, "GET / HTTP/1.1\r\nHost: nobody.test");
    lane.clock.push(60_000);
    await ask(lane, "GET / HTTP/1.1");

    expect(notes.map((line) => /\((\d+) more/.exec(line)?.[1])).toEqual([undefined, "4"]);
  });
});
