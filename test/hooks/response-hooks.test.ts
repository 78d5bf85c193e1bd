/** Goal: a hook changes the head of an answer and never where its body ends. Method: a real lane, raw sockets. */
import { describe, expect, test } from "bun:test";
import type { HookResponse, ResponseHook } from "../../sdk/src/hooks.ts";
import type { LoadedHook } from "../../src/hooks/load.ts";
import { type Answer, valuesOf } from "../http/answer-reader.ts";
import { get, header } from "../lane/raw-lane.ts";
import { adorning, ask, asking, codeOf, startHookLane } from "./hook-lane.ts";

const later =
  (hook: ResponseHook): ResponseHook =>
  async (response, request) => {
    await Bun.sleep(1);
    await hook(response, request);
  };

/** The answer of app `a` to a GET of this path, changed by a hook at once and by one that is waited for. */
async function adorned(path: string, change: (response: HookResponse) => void, method = "GET") {
  const answers: Answer[] = [];
  for (const hook of [change, later(change)]) {
    await using lane = startHookLane([adorning(hook)]);
    answers.push(await ask(lane, `${method} ${path} HTTP/1.1`, { app: "a" }));
  }
  return answers;
}

test("an answer that a hook holds on to is closed to it, and the next ones are right", async () => {
  const held: HookResponse[] = [];
  await using lane = startHookLane([adorning((response) => void held.push(response))]);

  const before = await ask(lane, "GET /bytes?count=200000 HTTP/1.1", { app: "a" });
  await ask(lane, "GET /bytes?count=100000 HTTP/1.1", { app: "a" });

  const [first] = held;
  expect(() => first!.headers.get("x-app")).toThrow("read them before it returns");
  expect(() => first!.headers.set("x-app", "late")).toThrow("it has been sent on");
  expect(() => {
    first!.status = 201;
  }).toThrow("it has been sent on");
  const after = await ask(lane, "GET /bytes?count=200000 HTTP/1.1", { app: "a" });
  expect(after.body.equals(before.body)).toBeTrue();
});

const becomes = (status: number) => (response: HookResponse) => {
  response.status = status;
};

describe("a hook", () => {
  test("sets, appends and deletes header lines; date and request id stay single", async () => {
    await using lane = startHookLane([
      adorning(({ headers }) => {
        expect([...headers].map(([name]) => name).sort()).toEqual(
          ["content-type", "set-cookie", "x-app"].sort(),
        );
        headers.set("X-App", "hook");
        headers.append("set-cookie", "b=2");
        headers.delete("content-type");
        headers.set("date", "Thu, 01 Jan 1970 00:00:00 GMT");
        headers.set("X-Request-ID", "mine");
      }),
    ]);

    const answer = await ask(lane, "GET / HTTP/1.1");

    expect(valuesOf(answer, "x-app")).toEqual(["hook"]);
    expect(valuesOf(answer, "set-cookie")).toEqual(["a=1", "b=2"]);
    expect(valuesOf(answer, "content-type")).toEqual([]);
    expect(valuesOf(answer, "date")).toEqual(["Thu, 01 Jan 1970 00:00:00 GMT"]);
    expect(valuesOf(answer, "x-request-id")).toEqual(["mine"]);
    expect(Number(header(answer, "content-length"))).toBe(answer.body.length);
  });

  test.each(["/bytes?count=10", "/bytes?count=100000", "/long?count=300000&key=k", "/drip"])(
    "leaves the body of %s as it is",
    async (path) => {
      for (const answer of await adorned(path, ({ headers }) => headers.set("x-a", "b"))) {
        expect([answer.complete, header(answer, "x-a")]).toEqual([true, "b"]);
        const text = String(answer.body);
        const count = Number(/count=(\d+)/.exec(path)?.[1] ?? 0);
        expect(text.length === count || text === "drip drop").toBeTrue();
      }
    },
  );

  test("adorns the answer to a HEAD without giving it a body", async () => {
    const change = ({ headers }: HookResponse) => headers.set("x-a", "b");

    for (const answer of await adorned("/bytes?count=10", change, "HEAD")) {
      expect([answer.body.length, header(answer, "x-a")]).toEqual([0, "b"]);
      expect(header(answer, "content-length")).toBe("10");
    }
  });

  test("gives another status, and its reason", async () => {
    for (const answer of await adorned("/", (response) => {
      response.status = 404;
    })) {
      expect([answer.status, answer.reason, String(answer.body)]).toEqual([
        404,
        "Not Found",
        "hello",
      ]);
    }
  });

  test("reads the request, also when its buffer was used again", async () => {
    await using lane = startHookLane([
      adorning((response, { headers, method, target }) =>
        response.headers.set("x-saw", `${method} ${target} ${headers.get("x-mine")}`),
      ),
    ]);
    const client = await lane.open(3, "a");
    const paths = ["/after?count=60", "/after?count=1", "/"];

    await client.take(paths.map((path, index) => get(path, `X-Mine: ${index}`)).join(""));
    await client.take({ until: "answer", answer: 2 });

    expect(client.answers.map((answer) => header(answer, "x-saw"))).toEqual(
      paths.map((path, index) => `GET ${path} ${index}`),
    );
  });

  test("sees the answers of the platform, and those of the hooks behind it, in reverse order", async () => {
    const order: string[] = [];
    const both = (name: string): LoadedHook => ({
      name,
      onRequest: ({ path }) => {
        order.push(`${name} asked`);
        if (path === `/${name}`) return { status: 200, body: name };
        if (path === `/no-${name}`) return { reject: "no" };
      },
      onResponse: ({ source, status }) => void order.push(`${name} saw ${source} ${status}`),
    });
    await using lane = startHookLane([both("one"), both("two"), both("three")]);
    const orderOf = async (path: string, host = "{host}") => {
      order.length = 0;
      await ask(lane, `GET ${path} HTTP/1.1\r\nHost: ${host}`, { app: "a" });
      return [...order];
    };

    const asked = ["one asked", "two asked", "three asked"];
    const saw = (what: string) => ["three", "two", "one"].map((name) => `${name} saw ${what}`);
    expect(await orderOf("/")).toEqual([...asked, ...saw("app 200")]);
    expect(await orderOf("/", "nobody.test")).toEqual([...asked, ...saw("platform 404")]);
    expect(await orderOf("/exit")).toEqual([...asked, ...saw("platform 502")]);
    expect(await orderOf("/two")).toEqual(["one asked", "two asked", "one saw hook 200"]);
    expect(await orderOf("/no-two")).toEqual(["one asked", "two asked", "one saw hook 403"]);
    expect(await orderOf("/one")).toEqual(["one asked"]);
  });

  test("does not see a WebSocket's 101", async () => {
    const statuses: number[] = [];
    await using lane = startHookLane([adorning(({ status }) => void statuses.push(status))]);
    const client = await lane.open(1, "a");
    await client.take(
      get(
        "/socket",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ),
    );
    await client.until(() => client.answered > 0);

    expect(client.reader.current?.status).toBe(101);
    expect(statuses).toEqual([]);
  });
});

describe("what no hook can do is its failure, and the app's answer is not sent:", () => {
  const changes: [string, string, (response: HookResponse) => void, string][] = [
    ["a length", "/", ({ headers }) => headers.set("Content-Length", "1"), '"content-length"'],
    [
      "chunks",
      "/",
      ({ headers }) => headers.append("Transfer-Encoding", "x"),
      '"transfer-encoding"',
    ],
    ["a connection", "/", ({ headers }) => headers.delete("connection"), '"connection"'],
    ["CR LF", "/", ({ headers }) => headers.set("location", "/\r\nset-cookie: a=b"), "Latin-1"],
    ["no body", "/", becomes(204), "no body"],
    ["a status that is none", "/", becomes(99), "200 to 599"],
    ["status 101", "/", becomes(101), "200 to 599"],
  ];

  test.each(changes)("%s", async (_, path, change, why) => {
    for (const hook of [change, later(change)]) {
      await using lane = startHookLane([adorning(hook)]);

      const answer = await ask(lane, `GET ${path} HTTP/1.1`, { app: "a" });

      expect([answer.status, codeOf(answer)]).toEqual([500, "HOOK_FAILED"]);
      const record = lane.records.findLast(({ event }) => event === "verdict");
      expect(record?.fields?.["cause"]).toContain(why);
    }
  });

  test("the connection serves on after it, and the app is told to stop", async () => {
    await using lane = startHookLane([
      adorning((_, { path }) => {
        if (path === "/first") throw new Error("no");
      }),
    ]);
    const client = await lane.open(2, "a");

    await client.take(get("/first?key=k") + get("/"));
    await client.take({ until: "answer", answer: 1 });

    expect(client.answers.map(({ status }) => status)).toEqual([500, 200]);
    expect(await lane.notes("k cancelled")).toBe(1);
  });

  test("a rejection by a hook before is not shown to one that has failed", async () => {
    let calls = 0;
    await using lane = startHookLane([
      adorning(() => {
        calls += 1;
        throw new Error("no");
      }),
      asking(() => ({ reject: "why" })),
    ]);

    const answer = await ask(lane, "GET / HTTP/1.1");

    expect([answer.status, codeOf(answer), calls]).toEqual([500, "HOOK_FAILED", 1]);
  });
});
