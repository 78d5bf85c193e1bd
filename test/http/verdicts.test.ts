/**
 * Goal: answers of the platform's own are typed, bounded in time, and say the same to the client and to the app's log;
 * what the edge adds to a request cannot be forged.
 * Method: lanes with small limits, raw requests, and the records of the log.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { VersionLimits } from "../../src/base/version-spec.ts";
import { startTestLane, type TestLane } from "../lane-for-tests.ts";
import { type Answer, onlyValueOf } from "./answer-reader.ts";
import { chunk, chunkedHead, get, head, post, raw } from "./corpus/request-text.ts";
import { converse, RawConnection, type Step } from "./raw-client.ts";
import { markCount, newKey } from "./run-case.ts";
import { appsDir } from "./targets.ts";

let lane: TestLane | null = null;
afterEach(async () => {
  await lane?.stop();
  lane = null;
});

interface Setup {
  limits?: Partial<VersionLimits>;
  trustedProxies?: string[];
}

function setup({ limits = {}, trustedProxies = [] }: Setup = {}) {
  const app = { folder: appsDir, entry: "fetch-shape.ts", limits };
  const started = startTestLane({ probe: app }, { trustedProxies });
  lane = started;
  const target = { port: started.port, host: `probe.localhost:${started.port}`, deadlineMs: 4500 };
  return {
    target,
    records: started.records,
    /** Sends the steps as one request; the connection's fate is not looked at. */
    ask: async (steps: Step[], method = "GET"): Promise<Answer> => {
      const asked = [{ method }];
      const { answers, fault } = await converse({ ...target, steps, asked, finally: "leave" });
      expect(fault).toBeNull();
      return answers[0]!;
    },
  };
}

const JSON_LINE = "Accept: application/json";

function codeOf(answer: Answer): string {
  return (JSON.parse(answer.body.toString()) as { error: { code: string } }).error.code;
}

describe("a verdict", () => {
  test("is a page for people and JSON for programs, with the request's id in both", async () => {
    const { ask } = setup();
    const unknown = (...lines: string[]) => [
      raw("GET / HTTP/1.1", "Host: nobody.localhost", ...lines),
    ];

    const page = await ask(unknown("Accept: text/html,application/xhtml+xml,*/*;q=0.8"));
    const json = await ask(unknown("Accept: application/json"));
    const any = await ask(unknown("Accept: */*"));
    const none = await ask(unknown());

    expect(onlyValueOf(page, "content-type")).toStartWith("text/html");
    expect(page.body.toString()).toContain("HOST_UNKNOWN");
    expect(page.body.toString()).toContain(onlyValueOf(page, "x-request-id")!);
    for (const answer of [json, any, none]) {
      expect(onlyValueOf(answer, "content-type")).toStartWith("application/json");
      const { error } = JSON.parse(answer.body.toString());
      expect(error).toMatchObject({
        code: "HOST_UNKNOWN",
        requestId: onlyValueOf(answer, "x-request-id"),
      });
    }
  });

  test("repeats nothing of the request that a browser would run", async () => {
    const { ask } = setup();

    const answer = await ask(
      [
        head(
          "POST / HTTP/1.1",
          "Accept: text/html",
          "Expect: <script>alert(1)</script>",
          "Content-Length: 0",
        ),
      ],
      "POST",
    );

    expect(answer.status).toBe(417);
    expect(answer.body.toString()).not.toContain("<script>");
  });

  test("has no body when the request was HEAD", async () => {
    const { ask } = setup();

    const answer = await ask([raw("HEAD / HTTP/1.1", "Host: nobody.localhost")], "HEAD");

    expect(answer).toMatchObject({ status: 404, complete: true });
  });

  test("stands in the app's log with its code and the request's id", async () => {
    const { ask, records } = setup();

    const answer = await ask([get("/fail/throw", JSON_LINE)]);

    const record = records.find(({ event }) => event === "verdict");
    expect(record).toMatchObject({ app: "probe", fields: { code: "APP_THREW", status: 500 } });
    expect(record?.requestId).toBe(onlyValueOf(answer, "x-request-id")!);
  });
});

describe("a bound", () => {
  test("a body declared longer than allowed is refused before the app hears of it", async () => {
    const { ask, target } = setup({ limits: { bodyBytesMax: 1000 } });

    const fits = await ask([post("/digest", "x".repeat(1000))], "POST");
    const key = newKey();
    const long = await ask([post(`/mark/${key}`, "x".repeat(1001), JSON_LINE)], "POST");

    expect(fits.status).toBe(200);
    expect(long.status).toBe(413);
    expect(codeOf(long)).toBe("REQUEST_BODY_TOO_LARGE");
    expect(await markCount(target, target.host, `/mark/${key}`)).toBe(0);
  });

  test("a client that asks first is refused before it sends a body that is too long", async () => {
    const { ask } = setup({ limits: { bodyBytesMax: 1000 } });

    const answer = await ask(
      [head("POST /digest HTTP/1.1", "Content-Length: 1001", "Expect: 100-continue")],
      "POST",
    );

    expect(answer).toMatchObject({ status: 413, interim: [] });
  });

  test("a chunked body that becomes longer than allowed is refused where it does", async () => {
    const { ask } = setup({ limits: { bodyBytesMax: 1000 } });

    const answer = await ask(
      [chunkedHead("/digest", JSON_LINE) + chunk("x".repeat(600)), chunk("x".repeat(600))],
      "POST",
    );

    expect(answer.status).toBe(413);
    expect(codeOf(answer)).toBe("REQUEST_BODY_TOO_LARGE");
  });

  test("an app that does not answer in time is aborted and answered for", async () => {
    const { ask, target } = setup({ limits: { requestTimeoutMs: 300 } });
    const key = newKey();

    const answer = await ask([get(`/paced/never?key=${key}`, JSON_LINE)]);

    expect(answer.status).toBe(504);
    expect(codeOf(answer)).toBe("APP_RESPONSE_TIMEOUT");
    const waiting = await RawConnection.open(target, []);
    await waiting.take({ meanwhile: get(`/marks/wait?name=${key}:aborted`) });
    waiting.hangUp();
  });

  test("an answer that goes silent is cut, not ended", async () => {
    const { ask } = setup({ limits: { streamIdleMs: 300 } });

    const answer = await ask([get(`/paced/stream?key=${newKey()}`)]);

    expect(answer).toMatchObject({ status: 200, complete: false });
    expect(answer.body.toString()).toBe("first ");
  });

  test("requests beyond what may run wait, and beyond what may wait are refused", async () => {
    const { ask, target } = setup({ limits: { concurrencyMax: 1, queueMax: 1 } });
    const key = newKey();
    await ask([get("/hello")]); // the app has started: from here on it is its slots that count
    const clients: RawConnection[] = [];
    for (const text of [get(`/paced/answer?key=${key}`), get("/hello"), get("/hello", JSON_LINE)]) {
      const client = await RawConnection.open(target, [{ method: "GET" }]);
      await client.take(text);
      clients.push(client);
    }
    const [running, waiting, refused] = clients as [RawConnection, RawConnection, RawConnection];

    await refused.take({ until: "answer" });

    expect(refused.answers[0]?.status).toBe(503);
    expect(codeOf(refused.answers[0]!)).toBe("APP_BUSY");
    expect(Number(onlyValueOf(refused.answers[0]!, "retry-after"))).toBeGreaterThan(0);
    expect(waiting.answers).toEqual([]);

    // The one slot is taken, so the app can only be told to go on by its own end: the client of the first leaves.
    running.hangUp();
    await waiting.take({ until: "answer" });
    expect(waiting.answers[0]?.body.toString()).toBe("hello");
    expect((await ask([get("/hello")])).status).toBe(200);
    for (const client of [waiting, refused]) client.hangUp();
  });

  test("an app that ends during a request fails that request, and serves the next one", async () => {
    const { ask } = setup();

    const failed = await ask([get("/fail/exit", JSON_LINE)]);
    const next = await ask([get("/hello")]);

    expect(failed.status).toBe(502);
    expect(codeOf(failed)).toBe("APP_EXITED");
    expect(next.body.toString()).toBe("hello");
  });
});

describe("what the edge adds", () => {
  const seenBy = (answer: Answer): Record<string, string> =>
    Object.fromEntries(
      (JSON.parse(answer.body.toString()) as { headers: [string, string][] }).headers,
    );

  const FORGED = [
    "X-Forwarded-For: 203.0.113.9",
    "x-forwarded-for: 203.0.113.10",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.example",
    "Forwarded: for=203.0.113.9;proto=https",
    "X-Forwarded-Port: 443",
  ];

  test("an app never sees forwarded headers of a client that is not trusted", async () => {
    const { ask } = setup();

    const seen = seenBy(await ask([get("/echo", ...FORGED)]));

    expect(seen["x-forwarded-for"]).toBe("127.0.0.1");
    expect(seen["x-forwarded-proto"]).toBe("http");
    expect(seen["forwarded"]).toBeUndefined();
    expect(JSON.stringify(seen)).not.toMatch(/203\.0\.113|evil\.example|443/);
  });

  test("forwarded headers of a trusted proxy are kept, with the proxy's address after them", async () => {
    const { ask } = setup({ trustedProxies: ["127.0.0.0/8"] });

    const seen = seenBy(
      await ask([get("/echo", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https")]),
    );

    expect(seen["x-forwarded-for"]).toBe("203.0.113.9, 127.0.0.1");
    expect(seen["x-forwarded-proto"]).toBe("https");
  });

  test("the request's id is the same for the client and the app", async () => {
    const { ask } = setup();

    const made = await ask([get("/echo")]);
    const given = await ask([get("/echo", "X-Request-Id: abc-123")]);
    const nonsense = await ask([get("/echo", "X-Request-Id: a b, c;d")]);

    expect(onlyValueOf(made, "x-request-id")).toMatch(/^[0-9a-f]{32}$/);
    expect(onlyValueOf(given, "x-request-id")).toBe("abc-123");
    expect(onlyValueOf(nonsense, "x-request-id")).toMatch(/^[0-9a-f]{32}$/);
    for (const answer of [made, given, nonsense]) {
      expect(seenBy(answer)["x-request-id"]).toBe(onlyValueOf(answer, "x-request-id")!);
    }
  });

  test("a trace goes on when it is valid and begins otherwise", async () => {
    const { ask } = setup();
    const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const traceparent = async (...lines: string[]) =>
      seenBy(await ask([get("/echo", ...lines)]))["traceparent"]!;

    const passed = await traceparent(`Traceparent: ${valid}`, "Tracestate: a=b");
    const none = await traceparent();
    const zero = await traceparent(`Traceparent: 00-${"0".repeat(32)}-00f067aa0ba902b7-01`);

    expect(passed.split("-")[1]).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
    for (const made of [none, zero]) {
      expect(made).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
      expect(made).not.toContain("0".repeat(32));
    }
  });
});
