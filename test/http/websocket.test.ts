/**
 * Goal: a WebSocket through the edge is the WebSocket that bare Bun.serve gives.
 * Method: the same tests, with Bun's own client, against the probe app by itself and behind the edge, in both
 * shapes that have one.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { messageBytesMax } from "./apps/sockets.ts";
import { markCount, newKey } from "./run-case.ts";
import { SocketClient } from "./socket-client.ts";
import { type Shape, shapes, startBare, startEdge, type Target } from "./targets.ts";

/** Sockets of `node:http` are those of a package: `src/runner/node-app.test.ts`. */
const handlerShapes = shapes.filter((shape) => shape !== "node");
const ways = handlerShapes.flatMap((shape) => [
  { shape, way: "under bare Bun.serve", start: startBare },
  { shape, way: "behind the edge", start: startEdge },
]);

/** Resolves when the app has noted the name. @throws after four seconds. */
async function noted(target: Target, name: string): Promise<void> {
  const endAtMs = performance.now() + 4000;
  while ((await markCount(target, target.host, name)) === 0) {
    if (performance.now() > endAtMs) throw new Error(`the app never noted ${name}`);
    await Bun.sleep(2);
  }
}

describe.each(ways)("a WebSocket of the $shape shape $way", ({ shape, start }) => {
  let target: Target;
  beforeAll(async () => {
    target = await start(shape as Shape);
  });
  afterAll(() => target?.stop());
  const open = (path: string, protocols?: string[]) => SocketClient.open(target, path, protocols);

  test("texts come back as texts", async () => {
    using client = await open("/ws/echo");

    for (const text of ["hello", "", "Grüße, 世界 🥖", "x".repeat(100_000)]) {
      client.send(text);
      expect(await client.next()).toBe(text);
    }
  });

  test("bytes come back as bytes", async () => {
    using client = await open("/ws/echo");

    for (const length of [0, 1, 125, 126, 65_535, 65_536, messageBytesMax]) {
      const bytes = new Uint8Array(length).map((_, index) => index * 31);
      client.send(bytes);
      expect(await client.next()).toEqual(Buffer.from(bytes));
    }
  });

  test("what the app sends while it opens arrives", async () => {
    using client = await open("/ws/greet");

    expect(await client.next()).toBe("welcome");
  });

  test("1000 messages of the app arrive in order", async () => {
    using client = await open("/ws/flood");

    for (let index = 0; index < 1000; index++) expect(await client.next()).toBe(`message ${index}`);
  });

  test("1000 messages of the client come back in order", async () => {
    using client = await open("/ws/echo");

    for (let index = 0; index < 1000; index++) client.send(`${index} ${"x".repeat(index)}`);

    for (let index = 0; index < 1000; index++) {
      expect(await client.next()).toBe(`${index} ${"x".repeat(index)}`);
    }
  });

  test("the subprotocol that the app chose is the client's", async () => {
    using client = await open("/ws/protocol", ["levain.v1", "levain.v2"]);

    expect(client.socket.protocol).toBe("levain.v2");
  });

  test("compression is agreed on, and compressed messages are read at both ends", async () => {
    using client = await open("/ws/deflate");
    const text = "sourdough ".repeat(5000);

    client.send(text);

    expect(client.socket.extensions).toContain("permessage-deflate");
    expect(await client.next()).toBe(text);
  });

  test("a close of the client reaches the app with code and reason", async () => {
    const key = newKey();
    using client = await open(`/ws/echo?key=${key}`);

    client.socket.close(4002, "done here");

    expect(await client.closed()).toEqual({ code: 4002, reason: "done here" });
    await noted(target, `${key}:close 4002 done here`);
  });

  test("a close of the app reaches the client with code and reason", async () => {
    using client = await open("/ws/close");

    client.send("4321 enough");

    expect(await client.closed()).toEqual({ code: 4321, reason: "enough" });
  });

  test("a close while the socket opens reaches the client", async () => {
    using client = await open("/ws/bye");

    expect(await client.closed()).toEqual({ code: 4001, reason: "bye" });
  });

  test("a socket that the app terminates ends without a code", async () => {
    using client = await open("/ws/terminate");

    client.send("end");

    expect((await client.closed()).code).toBe(1006);
  });

  test("a client that is gone is reported to the app", async () => {
    const key = newKey();
    using client = await open(`/ws/echo?key=${key}`);
    await noted(target, `${key}:open`);

    client.socket.terminate();

    await noted(target, `${key}:close`);
  });

  test("a message larger than the app takes ends the socket", async () => {
    using client = await open("/ws/size");

    client.send("x".repeat(messageBytesMax + 1));

    expect([1006, 1009]).toContain((await client.closed()).code);
  });

  test("a ping of the client is answered and reaches the app", async () => {
    const key = newKey();
    using client = await open(`/ws/echo?key=${key}`);
    const pong = Promise.withResolvers<void>();
    client.socket.addEventListener("pong" as never, () => pong.resolve());

    client.socket.ping("are you there");

    await pong.promise;
    await noted(target, `${key}:ping are you there`);
  });

  test("a ping of the app is answered by the client", async () => {
    const key = newKey();
    using client = await open(`/ws/ping-me?key=${key}`);

    client.send("and you");

    await noted(target, `${key}:pong and you`);
  });

  test("what one socket publishes reaches the others, what the server publishes reaches all", async () => {
    using first = await open("/ws/room");
    using second = await open("/ws/room");

    first.send("for the others");
    expect(await second.next()).toBe("for the others");
    second.send("all");

    expect(await first.next()).toBe("to everyone");
    expect(await second.next()).toBe("to everyone");
  });

  test("100 sockets at once each get their own messages", async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, () => open("/ws/echo")));

    for (const [index, client] of clients.entries()) client.send(`for ${index}`);

    expect(await Promise.all(clients.map((client) => client.next()))).toEqual(
      clients.map((_, index) => `for ${index}`),
    );
    for (const client of clients) client[Symbol.dispose]();
  });
});

test("a message handler that throws ends its app's process, and the next socket finds a new one", async () => {
  const target = await startEdge("fetch");
  try {
    using client = await SocketClient.open(target, "/ws/throw");

    // Under bare Bun.serve the process ends too, and nobody starts it again.
    client.send("now");
    await client.closed();

    using other = await SocketClient.open(target, "/ws/echo");
    other.send("still here");
    expect(await other.next()).toBe("still here");
  } finally {
    await target.stop();
  }
});
