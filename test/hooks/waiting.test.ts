/**
 * Goal: while a hook is waited for, whatever the client or the app does is handled, nothing grows without bound, and the
 * wait has an end. Method: hooks that wait for the test, raw sockets, a pushed clock.
 */
import { describe, expect, test } from "bun:test";
import type { ResponseHook } from "../../sdk/src/hooks.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { halfCloseProbeMs, hookTimeoutMs, pipelinedBytesMax } from "../../src/edge/limits.ts";
import { get, header, request } from "../lane/raw-lane.ts";
import { adorning, ask, asking, codeOf, gate, seenIn, startHookLane } from "./hook-lane.ts";

describe("while a hook is asked about a request", () => {
  test("the client's bytes wait, and only so many; all of them arrive", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open([{ method: "POST" }], "seen");
    const bytes = 8 * 1024 * 1024;
    await client.take(request("POST /all HTTP/1.1", `Content-Length: ${bytes}`));
    await reached;
    let isSent = false;
    const sent = client.send(Buffer.alloc(bytes)).then(() => {
      isSent = true;
    });
    // The node does not read on: what the kernel keeps is far less than the body.
    await Bun.sleep(100);
    expect(isSent).toBeFalse();

    go();
    await sent;
    await client.take({ until: "answer" });

    expect(seenIn(client.answers[0]!).bodyBytes).toBe(bytes);
  });

  test.each([1, 1000, pipelinedBytesMax, pipelinedBytesMax + 1, 300_000])(
    "a body of %d bytes that comes meanwhile arrives whole, and the next request after it",
    async (bytes) => {
      const { hook, go, reached } = gate();
      await using lane = startHookLane([asking(hook)]);
      const client = await lane.open([{ method: "POST" }, { method: "GET" }], "seen");
      await client.take(request("POST / HTTP/1.1", `Content-Length: ${bytes}`));
      await reached;
      const sent = client.take("x".repeat(bytes) + get("/next"));
      await Bun.sleep(20);

      go();
      await sent;
      await client.take({ until: "answer", answer: 1 });

      const [first, second] = client.answers.map(seenIn);
      expect([first!.bodyBytes, second!.pathname]).toEqual([bytes, "/next"]);
    },
  );

  test("a chunked body arrives whole", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open([{ method: "POST" }], "seen");
    await client.take(request("POST / HTTP/1.1", "Transfer-Encoding: chunked"));
    await reached;
    await client.take("5\r\nhello\r\n");
    go();
    await client.take("6\r\n world\r\n0\r\n\r\n");
    await client.take({ until: "answer" });

    expect(seenIn(client.answers[0]!).bodyBytes).toBe(11);
  });

  test("a body that is held back is asked for afterwards", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open([{ method: "POST" }], "seen");
    const lines = ["Content-Length: 5", "Expect: 100-continue"];
    await client.take(request("POST / HTTP/1.1", ...lines));
    await reached;
    expect(client.reader.interim).toEqual([]);

    go();
    await client.take({ until: "interim" });
    await client.take("hello");
    await client.take({ until: "answer" });

    expect(seenIn(client.answers[0]!).bodyBytes).toBe(5);
  });

  test.each(["reset", "close"] as const)(
    "a client that goes away (%s) is let go, and the app is never asked",
    async (how) => {
      const { hook, go, reached } = gate();
      await using lane = startHookLane([asking(hook)]);
      const client = await lane.open(1, "seen");
      await client.take(get("/"));
      await reached;

      if (how === "reset") await client.take({ reset: true });
      else client.hangUp();
      await until(() => lane.lane.edge.counters.connections === 0);
      go();
      await Bun.sleep(20);

      const pool = lane.lane.pools.of(lane.spec("seen"));
      expect([pool.state, pool.facts(0).requests]).toEqual(["stopped", 0]);
    },
  );

  test("a client that has only stopped sending is answered", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open([{ method: "POST" }], "seen");
    await client.take(`${request("POST / HTTP/1.1", "Content-Length: 5")}12345`);
    await reached;
    await client.take({ halfClose: true });
    lane.clock.push(halfCloseProbeMs);
    await Bun.sleep(20);

    go();
    await client.take({ until: "closed" });

    const [answer] = client.answers;
    expect([seenIn(answer!).bodyBytes, header(answer!, "connection")]).toEqual([5, "close"]);
  });

  test("a body that the client ends too early is refused", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open([{ method: "POST" }], "seen");
    await client.take(`${request("POST / HTTP/1.1", "Content-Length: 50")}12345`);
    await reached;
    await client.take({ halfClose: true });

    go();
    await client.take({ until: "closed" });

    expect(codeOf(client.answers[0]!)).toBe("REQUEST_MALFORMED");
  });

  test("time runs out: the request is rejected, and what the hook says later counts for nothing", async () => {
    const { hook, go, reached } = gate();
    const notes: string[] = [];
    await using lane = startHookLane([asking(hook, "./slow.ts")], { notes });
    const client = await lane.open(2, "seen");
    await client.take(get("/"));
    await reached;

    lane.clock.push(hookTimeoutMs);
    await client.take({ until: "answer" });
    go();
    // The hook lets everything pass now.
    await client.take(get("/second"));
    await client.take({ until: "answer", answer: 1 });

    const [first, second] = client.answers;
    expect([first!.status, codeOf(first!)]).toEqual([500, "HOOK_FAILED"]);
    expect(seenIn(second!).pathname).toBe("/second");
    expect(notes[0]).toContain(`Hook ./slow.ts failed`);
    expect(notes[0]).toContain(`after ${hookTimeoutMs} ms`);
  });

  test("the time is one for all hooks together", async () => {
    const first = gate();
    const second = gate();
    await using lane = startHookLane([asking(first.hook), asking(second.hook)]);
    const client = await lane.open(1, "seen");
    await client.take(get("/"));
    await first.reached;
    lane.clock.push(hookTimeoutMs * 0.7);
    await Bun.sleep(250);
    first.go();
    await second.reached;

    lane.clock.push(hookTimeoutMs * 0.7);
    await client.take({ until: "answer" });
    second.go();

    expect(codeOf(client.answers[0]!)).toBe("HOOK_FAILED");
  });

  test("more than one request is kept of it, and a FIN behind them is noticed", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open([{ method: "POST" }, { method: "GET" }], "a");
    const bytes = 60_000;
    await client.take(request("POST /never?key=k HTTP/1.1", `Content-Length: ${bytes}`));
    await reached;
    await client.take("x".repeat(bytes) + get("/next", `X-Pad: ${"p".repeat(10_000)}`));
    await Bun.sleep(50);
    go();
    await until(async () => (await lane.notes("k started")) === 1);

    await client.take({ halfClose: true });
    lane.clock.push(halfCloseProbeMs);

    await client.take({ until: "interim" });
    expect(client.reader.interim.map(({ status }) => status)).toEqual([100]);
  });

  test("app and client hear the same id, also when other requests come between", async () => {
    await using lane = startHookLane([asking(() => Bun.sleep(5))]);

    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask(lane, "GET / HTTP/1.1")),
    );

    const ids = answers.map((answer) => {
      const { headers } = seenIn(answer);
      const id = header(answer, "x-request-id");
      expect(headers["x-request-id"]).toBe(id!);
      expect(headers["traceparent"]).toMatch(new RegExp(`^00-${id}-[0-9a-f]{16}-01$`));
      return id;
    });
    expect(new Set(ids).size).toBe(20);
  });

  test("the client's own id and trace stay", async () => {
    await using lane = startHookLane([asking(() => Bun.sleep(1))]);
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`;

    const answer = await ask(
      lane,
      `GET / HTTP/1.1\r\nX-Request-Id: mine\r\ntraceparent: ${traceparent}`,
    );

    expect(seenIn(answer).headers).toMatchObject({ "x-request-id": "mine", traceparent });
    expect(header(answer, "x-request-id")).toBe("mine");
  });

  test("it keeps the request's head, whatever other connections bring", async () => {
    const hook = asking(async (asked) => {
      const before = asked.target;
      await Bun.sleep(before.includes("slow") ? 60 : 0);
      asked.headers.set("x-saw", `${before} ${asked.headers.get("x-mine")}`);
      asked.rewrite(`${asked.target}&late`);
    });
    await using lane = startHookLane([hook]);

    const answers = await Promise.all(
      ["/slow?1", "/2?2", "/slow?3", "/4?4"].map((path, index) =>
        ask(lane, `GET ${path} HTTP/1.1\r\nX-Mine: ${index}\r\nx-pad: ${"p".repeat(index * 999)}`),
      ),
    );

    expect(answers.map(seenIn).map(({ search, headers }) => [search, headers["x-saw"]])).toEqual([
      ["?1&late", "/slow?1 0"],
      ["?2&late", "/2?2 1"],
      ["?3&late", "/slow?3 2"],
      ["?4&late", "/4?4 3"],
    ]);
  });

  test("the node stops: the answer is given first", async () => {
    const { hook, go, reached } = gate();
    await using lane = startHookLane([asking(hook)]);
    const client = await lane.open(1, "seen");
    await client.take(get("/"));
    await reached;

    const stopped = lane.lane.edge.stop(5000);
    go();
    await client.take({ until: "closed" });
    await stopped;

    expect(client.answers[0]?.status).toBe(200);
  });
});

/** An `onResponse` that waits for the test. */
function responseGate() {
  const { hook, ...rest } = gate();
  const waits = hook as unknown as () => Promise<void>;
  return { ...rest, hook: (async () => waits()) satisfies ResponseHook };
}

describe("while a hook is shown an answer", () => {
  test.each(["/bytes?count=200000", "/long?count=3000000&key=k", "/bytes?count=10"])(
    "the body of %s waits, with no more of it than the wire was granted",
    async (path) => {
      const { hook, go, reached } = responseGate();
      await using lane = startHookLane([adorning(hook)]);
      const client = await lane.open(1, "a");
      await client.take(get(path));
      await reached;
      await Bun.sleep(50);
      expect(client.reader.current).toBeNull();

      go();
      await client.take({ until: "answer" });

      const [answer] = client.answers;
      expect([answer!.complete, answer!.body.length]).toEqual([
        true,
        Number(/count=(\d+)/.exec(path)![1]),
      ]);
    },
  );

  test("time runs out: the app's answer is dropped, and the app is told", async () => {
    const { hook, go, reached } = responseGate();
    let isFirst = true;
    const once: ResponseHook = async () => {
      if (isFirst) {
        isFirst = false;
        await hook();
      }
    };
    await using lane = startHookLane([adorning(once)]);
    const client = await lane.open(2, "a");
    await client.take(get("/first?key=k"));
    await reached;

    lane.clock.push(hookTimeoutMs);
    await client.take({ until: "answer" });
    go();
    await client.take(get("/"));
    await client.take({ until: "answer", answer: 1 });

    expect(codeOf(client.answers[0]!)).toBe("HOOK_FAILED");
    expect(String(client.answers[1]!.body)).toBe("hello");
    await until(async () => (await lane.notes("k cancelled")) === 1);
  });

  test("time runs out although the request's body goes on", async () => {
    const { hook, go, reached } = responseGate();
    await using lane = startHookLane([adorning(hook)]);
    const client = await lane.open([{ method: "POST" }], "a");
    await client.take(request("POST /some?count=10 HTTP/1.1", "Content-Length: 1000"));
    await client.take("x".repeat(100));
    await reached;
    await client.take("x".repeat(100));
    await Bun.sleep(50);

    lane.clock.push(hookTimeoutMs);
    await client.take({ until: "answer" });
    go();

    expect(codeOf(client.answers[0]!)).toBe("HOOK_FAILED");
  });

  test("a client that goes away is let go, and the app is told", async () => {
    const { hook, go, reached } = responseGate();
    await using lane = startHookLane([
      adorning((response, asked) => (asked.path === "/first" ? hook() : void response)),
    ]);
    const client = await lane.open(1, "a");
    await client.take(get("/first?key=k"));
    await reached;

    await client.take({ reset: true });

    await until(async () => (await lane.notes("k cancelled")) === 1);
    go();
    await Bun.sleep(20);
    await until(() => lane.lane.edge.counters.connections <= 1);
  });

  test("the app dies: the client is told so, through the hooks", async () => {
    const { hook, go, reached } = responseGate();
    const seen: string[] = [];
    await using lane = startHookLane([
      adorning(({ source, headers }) => {
        seen.push(source);
        headers.set("x-a", source);
        return source === "app" ? hook() : undefined;
      }),
    ]);
    const client = await lane.open(1, "a");
    await client.take(get("/drips"));
    await reached;

    await ask(lane, "GET /exit HTTP/1.1", { app: "a" });
    await client.take({ until: "answer" });
    go();

    const [answer] = client.answers;
    expect([codeOf(answer!), header(answer!, "x-a")]).toEqual(["APP_EXITED", "platform"]);
    expect(seen).toEqual(["app", "platform", "platform"]);
  });

  test("the request's body goes on to the app", async () => {
    const { hook, go, reached } = responseGate();
    await using lane = startHookLane([adorning(hook)]);
    const client = await lane.open([{ method: "POST" }], "a");
    const bytes = 2_000_000;
    await client.take(request("POST /some?count=10 HTTP/1.1", `Content-Length: ${bytes}`));
    await client.take("x".repeat(100));
    await reached;
    const sent = client.send(Buffer.alloc(bytes - 100));
    go();
    await client.take({ until: "answer" });
    await sent;

    expect(String(client.answers[0]!.body)).toBe("enough");
  });

  test("a hook that is waited for adorns the platform's own answers too", async () => {
    await using lane = startHookLane([
      adorning(async ({ headers }) => {
        await Bun.sleep(1);
        headers.set("x-a", "b");
      }),
    ]);

    const answer = await ask(lane, "GET / HTTP/1.1\r\nHost: nobody.test");

    expect([answer.status, header(answer, "x-a")]).toEqual([404, "b"]);
  });
});
