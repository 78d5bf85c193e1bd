/** From a module to an app that takes requests, and every way this can fail. */
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunnerOptions, TestRunner } from "./runner-for-tests.ts";

/** What an app answers to GET /. */
async function answerOf(entry: string, options: RunnerOptions = {}): Promise<string> {
  await using runner = await TestRunner.start(entry, options);
  return (await runner.ask("/")).text;
}

interface Failure {
  failure: { code: string; message: string };
  stderr: string;
}

/** Why an app cannot be loaded. */
async function failureOf(entry: string, options: RunnerOptions = {}): Promise<Failure> {
  const loaded = await TestRunner.start(entry, options).catch((error) => error);
  if (loaded instanceof TestRunner) {
    await loaded[Symbol.asyncDispose]();
    throw new Error(`${entry} was loaded`);
  }
  return loaded;
}

/** How a process ends that does not live until it is loaded. */
async function endOf(entry: string, kind: string) {
  await using runner = await TestRunner.spawn();
  await runner.load(entry, { env: { KIND: kind } }).catch(() => {});
  await runner.ended;
  const { exitCode, signalCode } = runner.child;
  return { exitCode, signalCode, stdout: runner.stdout, stderr: runner.stderr };
}

describe("an app that serves", () => {
  test.each([
    ["hello.ts", "hello"],
    ["serves-late.ts", "late"],
    ["serves-after-await.ts", "after await"],
    ["serves-and-exports.ts", "served"],
    ["serves-commonjs.cjs", "commonjs serves"],
    ["exports-commonjs.cjs", "commonjs true"],
    ["exports-class.ts", "an instance"],
    ["exports-routes.ts", "a route"],
    ["exports-hono.ts", "hono"],
    ["exports-elysia.ts", "elysia"],
    ["listens-elysia.ts", "elysia listens"],
  ])("%s is loaded", async (entry, expected) => {
    expect(await answerOf(entry)).toBe(expected);
  });

  test("believes to listen where it said", async () => {
    expect(JSON.parse(await answerOf("serves-imported.ts"))).toEqual({
      port: 8080,
      hostname: "0.0.0.0",
      url: "http://0.0.0.0:8080/",
    });
    expect(await answerOf("serves-on-port.ts")).toBe("3000");
    expect(await answerOf("serves-on-port.ts", { env: { PORT: "4321" } })).toBe("4321");
  });

  test("a second server gets no requests, and the app is told so", async () => {
    await using runner = await TestRunner.start("serves-twice.ts");

    expect((await runner.ask("/")).text).toBe("first");
    expect(runner.stderr).toContain("Bun.serve was called a second time");
  });

  test("frameworks get what they need of a request", async () => {
    for (const entry of ["exports-hono.ts", "exports-elysia.ts"]) {
      await using runner = await TestRunner.start(entry);
      const body = '{"a":[1]}';
      const headers = { "content-type": "application/json" };
      expect(JSON.parse((await runner.ask("/json/7")).text)).toEqual({ id: "7" });
      expect((await runner.ask("/body", { method: "POST", headers, body })).text).toBe(body);
      expect((await runner.ask("/nothing")).status).toBe(404);
    }
  });
});

describe("an app that does not serve", () => {
  test.each(["null", "text", "function", "object", "fetch-is-text", "instance-without-fetch"])(
    "a default export that is %s is no handler",
    async (kind) => {
      const { failure } = await failureOf("exports-nothing-useful.ts", { env: { KIND: kind } });

      expect(failure.code).toBe("NO_HANDLER");
    },
  );

  test("one that ends is told from one that serves, without waiting", async () => {
    const { failure } = await failureOf("ends.ts");

    expect(failure.code).toBe("NO_HANDLER");
    expect(failure.message).toEndWith("ends.ts");
  });

  test("one that waits for nothing that could come is told so too", async () => {
    expect((await failureOf("awaits-for-ever.ts")).failure.code).toBe("NO_HANDLER");
  });

  test("one that keeps itself busy is waited for, as long as the node likes", async () => {
    await using runner = await TestRunner.spawn();
    let settled = false;
    const load = runner.load("keeps-a-timer.ts").finally(() => {
      settled = true;
    });
    load.catch(() => {});

    await runner.printed("stdout", (text) => text.split("tick").length > 20);

    expect(settled).toBe(false);
  });
});

describe("an app that fails while it is loaded", () => {
  test.each([
    ["throw", "THREW", "thrown at the top"],
    ["throw-later", "THREW", "thrown after an await"],
    ["throw-text", "THREW", "just a text"],
    ["reject", "THREW", "rejected at the top"],
    ["missing-package", "MODULE_MISSING", "a-package-that-is-not-there"],
    ["missing-file", "MODULE_MISSING", "./not-there.ts"],
    ["missing-require", "MODULE_MISSING", "a-package-that-is-not-there"],
  ])("%s is reported as %s and printed", async (kind, code, message) => {
    const { failure, stderr } = await failureOf("throws-at-top.ts", { env: { KIND: kind } });

    expect(failure).toMatchObject({ code, message });
    expect(stderr).toContain(message);
  });

  test("a text that does not fit a frame is cut on the wire and whole in the output", async () => {
    const { failure, stderr } = await failureOf("throws-at-top.ts", {
      env: { KIND: "throw-much" },
    });

    expect(failure.code).toBe("THREW");
    expect(failure.message).toStartWith("much much ");
    expect(stderr.length).toBeGreaterThan(500_000);
  });

  test("a module that is not there is named, also when it is the entry", async () => {
    const { failure } = await failureOf("no-such-entry.ts");

    expect(failure.code).toBe("MODULE_MISSING");
    expect(failure.message).toContain("no-such-entry.ts");
  });

  test("a syntax error is reported with its place", async () => {
    const root = mkdtempSync(join(tmpdir(), "levain-syntax-"));
    try {
      writeFileSync(join(root, "index.ts"), "export default {\n  fetch( => 1\n};\n");
      const { failure, stderr } = await failureOf("index.ts", { root });

      expect(failure.code).toBe("THREW");
      expect(stderr).toContain("index.ts:2");
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  test("a folder that is not there is reported, not thrown", async () => {
    const { failure } = await failureOf("index.ts", { root: "/no/such/folder" });

    expect(failure).toMatchObject({ code: "THREW" });
    expect(failure.message).toContain("ENOENT");
  });

  test.each([
    ["exit-0", 0, null],
    ["exit-3", 3, null],
    ["abort", null, "SIGKILL"],
    ["reject-unhandled", 1, null],
  ])("%s ends the process as under plain Bun", async (kind, exitCode, signalCode) => {
    const end = await endOf("throws-at-top.ts", kind);

    expect(end).toMatchObject({ exitCode, signalCode });
    if (kind === "exit-3") expect(end.stdout).toBe("last words\n");
    if (kind === "reject-unhandled") expect(end.stderr).toContain("nobody waits");
  });
});
