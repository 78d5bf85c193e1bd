import { describe, expect, test } from "bun:test";
import { namedHosts } from "./declared-hosts.ts";
import { TestRunner } from "./runner-for-tests.ts";

describe("hosts that are named", () => {
  test("are none when any host of each port will do", () => {
    expect(namedHosts([])).toBe(null);
    expect(namedHosts(["*:443", "db:5432", "*:5432"])).toBe(null);
  });

  test("are those of their port", () => {
    expect(namedHosts(["*:443", "DB.example:5432", "other:5432"])).toEqual(
      new Map([
        [443, new Set(["*"])],
        [5432, new Set(["db.example", "other"])],
      ]),
    );
  });
});

describe("an app that names hosts", () => {
  test("reaches those, and no other on the same port", async () => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
    const connect = [`127.0.0.1:${server.port}`];
    await using runner = await TestRunner.start("connects.ts", { connect });
    const ask = async (host: string) =>
      JSON.parse((await runner.ask(`/?to=${host}:${server.port}`)).text);

    const reached = {
      fetch: "reached",
      request: "reached",
      WebSocket: "reached",
      connect: "reached",
    };
    expect(await ask("127.0.0.1")).toEqual(reached);
    const refused = { fetch: "EACCES", request: "EACCES", WebSocket: "EACCES", connect: "EACCES" };
    expect(await ask("localhost")).toEqual(refused);
  });

  test("that names none has what Bun has", async () => {
    using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok") });
    await using runner = await TestRunner.start("connects.ts", { connect: [`*:${server.port}`] });

    const { text } = await runner.ask(`/?to=localhost:${server.port}`);

    expect(JSON.parse(text)).toMatchObject({ fetch: "reached" });
  });
});
