/** Servers of node:http: which of them is the app, whatever it asks to listen on, and what none can be. */
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { type RunnerOptions, TestRunner } from "./runner-for-tests.ts";

interface Facts {
  name: string;
  address: { port: number; address: string };
  events: string[];
  argv: string[];
}

const start = (how: string, options: RunnerOptions = {}) =>
  TestRunner.start("listens.ts", { ...options, env: { PORT: "4321", HOW: how, ...options.env } });
const factsOf = async (runner: TestRunner): Promise<Facts> =>
  JSON.parse((await runner.ask("/")).text);

async function failureOf(how: string): Promise<{ code: string; message: string }> {
  const started = await start(how).catch((error: unknown) => error);
  if (started instanceof TestRunner) {
    await started[Symbol.asyncDispose]();
    throw new Error(`listens.ts took requests with HOW=${how}`);
  }
  return (started as { failure: { code: string; message: string } }).failure;
}

describe("a server that listens", () => {
  test.each([
    ["port", 4321, "::", ["listening", "called"]],
    ["text", 4321, "::", ["listening"]],
    ["options", 4321, "0.0.0.0", ["listening", "called"]],
    ["options-text", 4321, "0.0.0.0", ["listening"]],
    ["host", 4321, "127.0.0.1", ["listening", "called"]],
    ["late", 4321, "::", ["listening"]],
    ["again", 4321, "::", ["listening", "listening"]],
    ["fixed", 8123, "::", ["listening"]],
    ["await", 4321, "::", ["listening"]],
  ])(
    "by %s gets the requests, and believes to be where it asked to be",
    async (how, port, address, events) => {
      await using runner = await start(how);

      const facts = await factsOf(runner);

      expect(facts.address).toMatchObject({ port, address });
      expect(facts.events.toSorted()).toEqual(events.toSorted());
    },
  );

  test("on a port that is not PORT is told that it could start sooner", async () => {
    await using runner = await start("fixed");

    expect(runner.stderr).toContain("The app listens on 8123: on process.env.PORT (4321)");
  });

  test.each(["any", "nothing"])("on a port of the system's choice (%s) has one", async (how) => {
    await using runner = await start(how);

    expect((await factsOf(runner)).address.port).toBeGreaterThan(1024);
  });

  test("has no name by which other processes could get to it, also when it listens again", async () => {
    for (const how of ["port", "again", "fixed"]) {
      await using runner = await start(how);
      expect((await factsOf(runner)).name).toBe("app");

      expect(readdirSync(runner.folder).filter((name) => name !== "app.sock")).toEqual([]);
    }
  });

  test("on a unix socket of its own gets the requests there", async () => {
    await using runner = await start("path");

    expect((await factsOf(runner)).address as unknown).toEndWith("/own.sock");
  });

  test("on PORT is the app, before and after another one", async () => {
    await using runner = await start("beside");
    expect((await factsOf(runner)).name).toBe("app");

    expect(runner.stderr).toContain(
      "The server on 9090 gets no requests: they go to the one on 4321",
    );

    await using late = await start("beside-late");
    while ((await factsOf(late)).name !== "app") await Bun.sleep(20);
  });

  test("on a port that is taken hears so", async () => {
    await using runner = await start("twice");

    expect((await factsOf(runner)).name).toBe("app");
    await runner.printed("stdout", (text) => text.includes("error: EADDRINUSE"));
  });

  test("on the same port of another address is no trouble, and the first one is asked", async () => {
    await using runner = await start("both");

    expect((await factsOf(runner)).name).toBe("app");
    expect(runner.stdout + runner.stderr).toBe("");
  });

  test("beside a handler gets none", async () => {
    await using runner = await start("handler");

    expect((await factsOf(runner)).name).toBe("handler");
  });

  test("and closes is missed by the next request", async () => {
    await using runner = await start("closes");

    for (let asked = 0; asked < 500; asked++) {
      const answer = await runner.ask("/").catch((error: Error) => error);
      if (answer instanceof Error) {
        expect(answer.message).toBe("the app's server does not listen any more");
        return;
      }
      await Bun.sleep(5);
    }
    throw new Error("it still answers");
  });

  test("and closes within a request has no connection left over, and may listen again", async () => {
    await using runner = await start("reopens");
    expect((await factsOf(runner)).events).toEqual(["listening"]);

    for (let asked = 0; asked < 500; asked++) {
      const facts = await factsOf(runner).catch((error: Error) => error);
      if (!(facts instanceof Error)) return expect(facts.events).toHaveLength(2);
      expect(facts.message).toBe("the app's server does not listen any more");
      await Bun.sleep(5);
    }
    throw new Error("it never closed");
  });

  test("finds its arguments behind the entry, and PORT when it sets none", async () => {
    await using runner = await TestRunner.start("listens.ts", { args: ["./server.js", "--fast"] });

    const { argv, address } = await factsOf(runner);

    expect(argv.slice(2)).toEqual(["./server.js", "--fast"]);
    expect(address.port).toBe(3000);
  });
});

describe("an app that listens in a way that gives it no requests", () => {
  test.each([
    ["several", "SEVERAL_SERVERS", "8001, 8002"],
    ["tls", "TLS_SERVER", "4321"],
    ["cluster", "CLUSTER_SERVER", ""],
  ])(
    "(%s) fails with %s",
    async (how, code, message) => {
      expect(await failureOf(how)).toMatchObject({ code, message });
    },
    60_000,
  );

  test("and waits for ever says that it waits", async () => {
    await using runner = await TestRunner.spawn();
    runner.load("listens.ts", { env: { HOW: "never" } }).catch(() => {});

    expect(await runner.control(({ type }) => type === "waiting")).toEqual({ type: "waiting" });
  });

  test("is refused when its state ends with each request", async () => {
    const failed = await start("port", { ephemeral: true }).catch(({ failure }) => failure);

    expect(failed.code).toBe("EPHEMERAL_SERVER");
  });
});

describe("frameworks", () => {
  test("Express answers, reads JSON and knows its client", async () => {
    await using runner = await TestRunner.start("listens-express.ts");
    const headers = { "content-type": "application/json" };

    const json = await runner.ask("/json", { method: "POST", headers, body: '{"a":[1]}' });

    expect((await runner.ask("/")).text).toBe("express");
    expect(json.text).toBe('{"a":[1]}');
    expect(JSON.parse((await runner.ask("/who", { peer: "203.0.113.9 5555" })).text)).toEqual({
      ip: "203.0.113.9",
      port: 5555,
    });
    expect((await runner.ask("/nothing")).status).toBe(404);
  });

  test("Fastify answers and reads JSON", async () => {
    await using runner = await TestRunner.start("listens-fastify.ts");
    const headers = { "content-type": "application/json" };

    const json = await runner.ask("/json", { method: "POST", headers, body: '{"a":[1]}' });

    expect((await runner.ask("/")).text).toBe('{"hello":"fastify"}');
    expect(json.text).toBe('{"a":[1]}');
  });
});
