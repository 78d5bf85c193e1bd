/** Goal: a lane that stops loses no answer and leaves nothing. Method: raw sockets, real processes. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { TurnClock } from "../../src/base/turn-clock.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { startEdge } from "../../src/edge/edge.ts";
import { RawConnection } from "../http/raw-client.ts";
import { get, header, startRawLane } from "./raw-lane.ts";

const runFolders = (dataDir: string) => readdirSync(join(dataDir, "run"));

describe("a lane that stops", () => {
  test("ends idle connections at once, and answers what is under way with a goodbye", async () => {
    await using lane = startRawLane();
    const [idle, busy, streaming] = [await lane.open(1), await lane.open(1), await lane.open(1)];
    for (const [client, path] of [
      [idle, "/"],
      [busy, "/after?count=300"],
      [streaming, "/drip"],
    ] as const) {
      await client.take(get(path));
    }
    await idle.take({ until: "answer" });
    await streaming.take({ until: "body", bytes: 1 });

    const stopped = lane.lane.stop(10_000);
    await idle.take({ until: "closed" });
    expect(busy.answers).toEqual([]);
    await Promise.all([busy.take({ until: "closed" }), streaming.take({ until: "closed" })]);
    for (const client of [idle, busy, streaming]) client.hangUp();
    await stopped;

    expect(header(idle.answers[0]!, "connection")).toBeNull();
    expect(busy.answers[0]!.body.toString()).toBe("after");
    expect(header(busy.answers[0]!, "connection")).toBe("close");
    expect(streaming.answers[0]!.body.toString()).toBe("drip drop");
    expect([idle.ended, busy.ended, streaming.ended]).toEqual(["closed", "closed", "closed"]);
    expect(lane.lane.edge.counters.connections).toBe(0);
  });

  test("cuts what is not done in time, and stopping twice is safe", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    await client.take(get("/never?key=k"));
    await until(async () => (await lane.notes("k started")) === 1);
    const pids = readdirSync(join(lane.dataDir, "run"));

    const first = lane.lane.stop(100);
    const second = lane.lane.stop(100);
    await Promise.all([first, second]);
    await lane.lane.stop(100);
    await client.take({ until: "closed" });

    expect(pids.length).toBeGreaterThan(0);
    expect(runFolders(lane.dataDir)).toEqual([]);
    expect(lane.lane.edge.counters.connections).toBe(0);
  });

  test("takes no new connection, and its port is free when it has stopped", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    await client.take(get("/after?count=200"));
    await until(() => lane.lane.edge.counters.requests > 0);

    const stopped = lane.lane.stop(10_000);
    const late = await RawConnection.open(
      { port: lane.port, host: "a.localhost", deadlineMs: 1000 },
      [{ method: "GET" }],
    ).catch(() => "refused");
    await client.take({ until: "closed" });
    client.hangUp();
    await stopped;

    expect(late).toBe("refused");
    const again = startEdge({
      hostname: "127.0.0.1",
      port: lane.port,
      router: lane.lane.router,
      log: { write: () => {} },
      clock: new TurnClock(lane.clock),
      trustedProxies: [],
    });
    expect(again.port).toBe(lane.port);
    await again.stop(0);
  });

  test("gives the rest of an answer to a client that reads it late", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    await client.take({ reading: false });
    await client.take(get("/long?count=20000000&key=k"));
    await until(async () => (await lane.notes("k pulled")) > 10);

    const stopped = lane.lane.stop(10_000);
    await client.take({ reading: true });
    await client.take({ until: "closed" });
    client.hangUp();
    await stopped;

    expect(client.answers[0]!.body.length).toBe(20_000_000);
  });

  test("ends a socket when its time is over", async () => {
    await using lane = startRawLane();
    const client = await lane.open(1);
    await client.take(
      get(
        "/socket",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      ),
    );
    await client.take({ until: "head" });

    await lane.lane.stop(100);
    await client.take({ until: "closed" });

    expect(runFolders(lane.dataDir)).toEqual([]);
  });
});

test("a lane whose port is taken throws, and leaves nothing that keeps its process alive", async () => {
  await using lane = startRawLane();
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "port-in-use.ts"), String(lane.port)],
    { stdout: "pipe", stderr: "inherit" },
  );

  const [dataDir = "", code] = (await child.stdout.text()).trim().split(" ");

  expect(code).toBe("EADDRINUSE");
  expect(await child.exited).toBe(0);
  expect(existsSync(dataDir)).toBe(false);
});
