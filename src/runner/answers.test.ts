/**
 * Goal: an app answers behind the wire as it does under plain Bun. Method: every kind of Response is asked for from both,
 * and where a runner means to differ, the test says how.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type BareAnswer, BareServer } from "./bare-for-tests.ts";
import { paths } from "./fixtures/every-answer.ts";
import type { RequestOptions } from "./request-for-tests.ts";
import { TestRunner } from "./runner-for-tests.ts";

let bare: BareServer;
let runner: TestRunner;
let upstream: Bun.Server<undefined>;
let folder: string;

beforeAll(async () => {
  upstream = Bun.serve({
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/gzip")
        ? new Response(Bun.gzipSync(Buffer.from("plain text")), {
            headers: { "content-encoding": "gzip", "content-type": "text/plain", "x-up": "1" },
          })
        : new Response("plain text", { headers: { "x-up": "1" } }),
  });
  folder = mkdtempSync(join(tmpdir(), "levain-files-"));
  const file = join(folder, "large.bin");
  writeFileSync(file, Buffer.alloc(300_000, "0123456789"));
  const env = { UPSTREAM_PORT: String(upstream.port), LARGE_FILE: file };
  [bare, runner] = await Promise.all([
    BareServer.start("every-answer.ts", env),
    TestRunner.start("every-answer.ts", { env: { ...env, NODE_ENV: "production" } }),
  ]);
});

afterAll(async () => {
  await Promise.all([bare[Symbol.asyncDispose](), runner[Symbol.asyncDispose]()]);
  await upstream.stop(true);
  rmSync(folder, { recursive: true });
});

/** What a client gets, in words that can be compared. A type that nobody gave is Bun's guess. */
function shown({ status, headers, cookies, body }: BareAnswer) {
  const { date: _date, ...lines } = headers;
  if (lines["content-type"] === "application/octet-stream") delete lines["content-type"];
  return { status, headers: lines, cookies, body: body.toString("latin1") };
}

const differing =
  /^\/(form|status-text|reused|upstream\/decompressed|upstream\/compressed|error|invalid|broken)/;
const same = paths.filter((path) => !differing.test(path) && path !== "/json/undefined");

/** The name of the reason why there is no answer. */
async function failure(path: string, options: RequestOptions = {}): Promise<string> {
  const error = await runner.ask(path, options).then(
    () => ({ reason: "it answered" }),
    (error) => error,
  );
  return error.reason;
}

describe("answers as under plain Bun", () => {
  test.each(same)("GET %s", async (path) => {
    const expected = await bare.ask(path);

    // Where Bun sends a 500 of its own, the node does; where it guesses 500 for its error, the runner says so.
    if (expected.status === 500) {
      expect(await failure(path)).toBe("HANDLER_THREW");
    } else {
      expect(shown(await runner.ask(path))).toEqual(shown(expected));
    }
  });

  // To HEAD of a file that is not there Bun answers 200.
  test.each(same.filter((path) => path !== "/file/missing"))("HEAD %s", async (path) => {
    const expected = await bare.ask(path, { method: "HEAD" });

    if (expected.status === 500) {
      expect(await failure(path, { method: "HEAD" })).toBe("HANDLER_THREW");
      return;
    }
    const answer = shown(await runner.ask(path, { method: "HEAD" }));
    // Bun leaves the type out where it knows it only by the body.
    const { "content-type": type, ...headers } = shown(expected).headers;
    if (type === undefined) delete answer.headers["content-type"];
    else headers["content-type"] = type;
    expect(answer).toEqual({ ...shown(expected), headers });
  });

  test.each(["/file", "/file/large", "/file/slice", "/file/created", "/file/typed", "/string"])(
    "a range of %s",
    async (path) => {
      const ranges = "bytes=2-4 bytes=-3 bytes=5- bytes=0-0 bytes=0-1000000 bytes=100000-199999";
      for (const range of `${ranges} bytes=1000000- bytes=4-2 bytes=0-0,2-3 bytes=- x=1-2`.split(
        " ",
      )) {
        const headers = { range };
        const expected = await bare.ask(path, { headers });
        // Bun answers a range of another status as if it were 200.
        if (path === "/file/created" && expected.status === 206) continue;
        const answer = await runner.ask(path, { headers });
        // Where there is no body, Bun names a type only if the app did.
        if (!("content-type" in expected.headers)) delete answer.headers["content-type"];
        expect([range, shown(answer)]).toEqual([range, shown(expected)]);
      }
    },
  );

  test("the length of a body is told with its head whenever it is known, to HEAD too", async () => {
    const known = {
      "/string": 8,
      "/string/large": 400_000,
      "/null": 0,
      "/bytes/large": 300_000,
      "/json": 17,
      "/blob/large": 400_000,
      "/file": 11,
      "/file/slice": 3,
      "/stream/length": 5,
    };

    for (const [path, bytes] of Object.entries(known)) {
      const head = await runner.request(path).head;
      expect([path, head.contentLength]).toEqual([path, bytes]);
      const answer = await runner.ask(path, { method: "HEAD" });
      expect([path, answer.contentLength]).toEqual([path, bytes]);
    }
  });

  test("a body that is there at once travels with its head, a large one in pieces", async () => {
    const wholes = [
      "/string",
      "/json",
      "/null",
      "/204",
      "/stream",
      "/bytes",
      "/file",
      "/async-generator",
    ];
    for (const path of wholes)
      expect([path, (await runner.ask(path)).isWhole]).toEqual([path, true]);
    for (const path of ["/string/large", "/bytes/large", "/blob/large"]) {
      expect([path, (await runner.ask(path)).isWhole]).toEqual([path, false]);
    }
  });
});

describe("answers that differ from plain Bun", () => {
  test("a status text is passed on, which Bun does not", async () => {
    expect((await runner.ask("/status-text")).reason).toBe("Très bien");
  });

  test("a form has the boundary that its type names", async () => {
    const { headers, text } = await runner.ask("/form");

    const boundary = headers["content-type"]!.split("boundary=")[1]!;
    expect(text.startsWith(`--${boundary}\r\n`)).toBe(true);
    expect(text.endsWith(`--${boundary}--\r\n`)).toBe(true);
  });

  test("a Response of a text can be returned again and again, and be cloned afterwards", async () => {
    for (let round = 0; round < 3; round++) {
      expect(await runner.ask("/reused")).toMatchObject({
        text: "reused",
        headers: { "x-kind": "reused" },
      });
      expect(await runner.ask("/reused/clone")).toMatchObject({ text: "reused" });
    }
  });

  test("a body that fetch has decompressed is sent without the encoding it came with", async () => {
    for (const path of ["", "-again", "-headers"]) {
      const { headers, text, contentLength } = await runner.ask(`/upstream/decompressed${path}`);
      expect(text).toBe("plain text");
      expect(headers).toMatchObject({ "content-type": "text/plain", "x-up": "1" });
      expect(headers["content-encoding"]).toBeUndefined();
      expect([-1, 10]).toContain(contentLength);
    }
  });

  test("a body that is compressed keeps its encoding", async () => {
    for (const path of ["/upstream/not-decompressed", "/upstream/compressed-again"]) {
      const { headers, body } = await runner.ask(path);
      expect(headers["content-encoding"]).toBe("gzip");
      expect(gunzipSync(body).toString()).toBe("plain text");
    }
  });
});

describe("handlers that fail", () => {
  test("what a handler throws or rejects with is the text of the reset, and is printed", async () => {
    const texts = {
      throw: "thrown",
      "throw-text": "a text",
      "throw-undefined": "undefined",
      reject: "rejected",
      "reject-undefined": "undefined",
    };

    for (const [path, text] of Object.entries(texts)) {
      const error = await runner.ask(`/error/${path}`).catch((error) => error);
      expect([path, error.reason, error.message]).toEqual([path, "HANDLER_THREW", text]);
    }
    await runner.printed("stderr", (printed) => printed.includes("error: rejected"));
    expect(runner.stderr).toContain("every-answer.ts");
  });

  test("a fetch that fails is printed with the app's line", async () => {
    expect(await failure("/error/fetch")).toBe("HANDLER_THREW");

    const line = 'await fetch("http://127.0.0.1:1/not-there")';
    await runner.printed("stderr", (printed) => printed.includes("ECONNREFUSED"));
    expect(runner.stderr).toContain(line);
    expect(runner.stderr).not.toContain("native(");
  });

  test("a thrown Response is an error", async () => {
    expect(await failure("/error/throw-response")).toBe("HANDLER_THREW");
  });

  test("a body that was read already, or is being read, cannot be sent", async () => {
    expect(await failure("/error/used")).toBe("HANDLER_THREW");
    expect(await failure("/error/locked")).toBe("HANDLER_THREW");
  });

  test("what is no Response, or none that can end a request, is refused", async () => {
    for (const path of ["undefined", "null", "text", "object", "thenable", "101", "error"]) {
      expect([path, await failure(`/invalid/${path}`)]).toEqual([path, "RESPONSE_INVALID"]);
    }
  });

  test("nothing in a head can end its line early", async () => {
    for (const path of ["status-text", "status-text-wide", "header-wide"]) {
      expect([path, await failure(`/invalid/${path}`)]).toEqual([path, "RESPONSE_INVALID"]);
    }
  });

  test("headers that do not fit a frame are refused, and the runner lives on", async () => {
    const error = await runner.ask("/invalid/headers-long").catch((error) => error);

    expect(error.reason).toBe("RESPONSE_INVALID");
    expect(error.message).toMatch(/its headers have \d+ bytes, more than \d+/);
    expect((await runner.ask("/string")).status).toBe(200);
  });

  test("a stream that breaks is cut after what it gave, and the error is printed", async () => {
    for (const [path, text] of Object.entries({
      "/broken/stream": "Error: it broke",
      "/broken/piece": "TypeError: A body can have text and bytes, not an object (Object)",
    })) {
      const request = runner.request(path);
      const error = await request.answer.catch((error) => error);
      expect([error.reason, error.message]).toEqual(["BODY_FAILED", text]);
      expect((await request.head).status).toBe(200);
      expect(request.received.toString()).toBe("start");
      await runner.printed("stderr", (printed) =>
        printed.includes(text.slice(text.indexOf(" ") + 1)),
      );
    }
  });
});
