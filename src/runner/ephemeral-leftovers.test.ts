/**
 * Goal: nothing that a request of an ephemeral app opened or changed outlives it. Method: a real runner, whose
 * descriptors are read from /proc, and a peer that counts its connections and speaks as much of
 * PostgreSQL's protocol as it takes to be connected to.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readlinkSync } from "node:fs";
import { until } from "../base/until-for-tests.ts";
import { TestRunner } from "./runner-for-tests.ts";

let runner: TestRunner;
let peer: Bun.TCPSocketListener;
/** Connections that are open, and how many there have been. */
let open: Set<unknown>;
let seen: number;

beforeEach(async () => {
  open = new Set();
  seen = 0;
  peer = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        seen += 1;
        open.add(socket);
      },
      close: (socket) => void open.delete(socket),
      error: () => {},
      data: (socket, bytes) => {
        const code = bytes.length >= 8 ? bytes.readUInt32BE(4) : 0;
        if (code === sslRequest) socket.write("N");
        if (code === startup) socket.write(new Uint8Array([...authenticated, ...readyForQuery]));
      },
    },
  });
  runner = await TestRunner.start("leaves-open.ts", {
    ephemeral: true,
    env: {
      DATABASE_URL: `postgres://user:secret@127.0.0.1:${peer.port}/db`,
      REDIS_URL: `redis://127.0.0.1:${peer.port}`,
      PORT_OF_PEER: String(peer.port),
      KEPT: "as deployed",
      REMOVED: "no",
    },
  });
});

afterEach(async () => {
  await runner[Symbol.asyncDispose]();
  peer.stop(true);
});

// PostgreSQL's protocol, version 3.
const sslRequest = 80877103;
const startup = 196608;
const authenticated = [82, 0, 0, 0, 8, 0, 0, 0, 0];
const readyForQuery = [90, 0, 0, 0, 5, 73];

const json = async (path: string) => JSON.parse((await runner.ask(path)).text);

/** What the runner's descriptors lead to, without what Bun itself opens once and keeps. */
function descriptors(): string[] {
  const folder = `/proc/${runner.child.pid}/fd`;
  return readdirSync(folder)
    .flatMap((name) => {
      try {
        return readlinkSync(`${folder}/${name}`);
      } catch {
        return [];
      }
    })
    .map((target) => target.replace(/\d+/g, "*"))
    .sort();
}

describe("an ephemeral request leaves open", () => {
  test.each([
    "bun-socket",
    "node-socket",
    "fetch",
    "websocket",
    "bun-sql",
    "bun-sql-default",
    "bun-sql-query",
    "bun-redis-default",
    "pg-client",
    "pg-pool",
  ])("no connection: %s", async (way) => {
    // A request may be over before what it has begun has reached the peer.
    await until(async () => {
      await runner.ask(`/${way}`);
      return seen >= 3;
    });

    await until(() => open.size === 0);
  });

  test.each(["node-server", "watcher", "writer", "sqlite", "worker", "fetch", "pg-pool"])(
    "no descriptor: %s",
    async (way) => {
      // What is opened once and kept is open afterwards.
      for (let round = 0; round < 3; round++) await runner.ask(`/${way}`);
      let before = descriptors();
      await until(() => {
        const now = descriptors();
        const isSame = now.join() === before.join();
        before = now;
        return isSame;
      });

      for (let round = 0; round < 10; round++) await runner.ask(`/${way}`);

      await until(() => descriptors().length <= before.length);
    },
  );

  test("no listener on the process", async () => {
    const before = await json("/counts");

    for (let round = 0; round < 5; round++) await runner.ask("/listeners");

    expect(await json("/counts")).toEqual(before);
  });
});

describe("an ephemeral request changes for nobody else", () => {
  test("the environment, also when several run at once", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `MINE_${index}`);
    const before = await json("/env");

    const seenBy = await Promise.all(names.map((name) => json(`/env/set?name=${name}`)));

    const { REMOVED: _, ...kept } = before;
    expect(seenBy).toEqual(
      names.map((name) => ({ ...kept, KEPT: `${name} as deployed`, [name]: "1" })),
    );
    expect(await json("/env")).toEqual(before);
  });

  test("the environment of its children is its own", async () => {
    expect(await json("/env/child?name=mine")).toMatchObject({ KEPT: "mine", REMOVED: "no" });
    expect((await json("/env"))["KEPT"]).toBe("as deployed");
  });

  test("the working folder", async () => {
    const before = await json("/cwd");

    const error = await runner.ask("/chdir").catch((thrown: Error) => thrown.message);

    expect(error).toContain("process.chdir() is not supported");
    expect(await json("/cwd")).toBe(before);
  });

  test("whether the process lives: process.exit ends the request, caught or not", async () => {
    for (const path of ["/exit?name=3", "/exit-caught?name=3"]) {
      const error = await runner.ask(path).catch((thrown: Error) => thrown.message);
      expect(error).toContain("process.exit(3) was called");
    }

    expect(await json("/cwd")).toBeString();
    expect(runner.child.exitCode).toBeNull();
  });
});
