/** WebSockets: what an app and its client see of each other through the wire. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { streamWindowBytes } from "../wire/limits.ts";
import { TestRunner } from "./runner-for-tests.ts";
import { settled } from "./settled-for-tests.ts";
import { Opcode, TestSocket } from "./websocket-for-tests.ts";

let runner: TestRunner;

beforeEach(async () => {
  runner = await TestRunner.start("sockets.ts");
});

afterEach(() => runner[Symbol.asyncDispose]());

const open = (path: string, headers: Record<string, string> = {}) =>
  TestSocket.open(runner, path, { headers });
const noted = async (start: string) =>
  (await runner.ask(`/noted?${encodeURIComponent(start)}`)).text;
const notes = async (): Promise<string[]> => JSON.parse((await runner.ask("/notes")).text);

describe("the handshake", () => {
  test("is answered for the client's own key", async () => {
    const { request } = await open("/echo");

    const accept = createHash("sha1")
      .update("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
      .digest("base64");
    expect(request.tunnelHead).toStartWith("HTTP/1.1 101 ");
    expect(request.tunnelHead.toLowerCase()).toContain(
      `sec-websocket-accept: ${accept.toLowerCase()}`,
    );
  });

  test("carries the headers that the app gave, and nothing of our own", async () => {
    const { request } = await open("/headers");

    expect(request.tunnelHead).toContain("x-up: 1\r\n");
    expect(request.tunnelHead).toContain("set-cookie: a=b\r\n");
    expect(request.tunnelHead.toLowerCase()).not.toContain("levain");
  });

  test("tells the app where its client is", async () => {
    await TestSocket.open(runner, "/echo", { peer: "203.0.113.9 5555" });

    expect(await noted("open /echo")).toBe("open /echo 203.0.113.9 1");
  });

  test("agrees on a subprotocol and on compression as Bun does", async () => {
    const { request } = await open("/echo", {
      "sec-websocket-protocol": "chat",
      "sec-websocket-extensions": "permessage-deflate",
    });

    expect(request.tunnelHead.toLowerCase()).toContain("sec-websocket-protocol: chat\r\n");
    expect(request.tunnelHead.toLowerCase()).toContain(
      "sec-websocket-extensions: permessage-deflate",
    );
  });

  test("is over when upgrade is called, whatever the handler does afterwards", async () => {
    const later = await open("/later");
    later.send(Opcode.TEXT, "already");
    expect(await later.text()).toBe("already");
    await runner.ask("/go-on");
    expect(await noted("twice")).toBe("twice: true false");

    const thrower = await open("/throws");
    thrower.send(Opcode.TEXT, "still");
    expect(await thrower.text()).toBe("still");
    await runner.printed("stderr", (text) => text.includes("after the upgrade"));
  });

  test("can be refused with an ordinary answer", async () => {
    const { request } = TestSocket.ask(runner, "/refused");

    expect(await request.answer).toMatchObject({ status: 403, text: "not today" });
  });

  test("is not made for a request that does not ask for it properly", async () => {
    expect((await runner.ask("/plain")).text).toBe("false");
    const bad = { "sec-websocket-key": "too short", "sec-websocket-version": "13" };
    const { request } = TestSocket.ask(runner, "/echo", { headers: bad });
    expect((await request.answer).status).toBe(426);
    const post = runner.request("/echo", { method: "POST", isUpgrade: true });
    expect((await post.answer).status).toBe(426);
  });
});

describe("messages", () => {
  test("come back as they were: text, bytes, empty, a megabyte", async () => {
    const socket = await open("/echo");
    const large = Buffer.alloc(1024 * 1024, "é");

    socket.send(Opcode.TEXT, "text é 😀");
    socket.send(Opcode.BINARY, new Uint8Array([0, 255, 10]));
    socket.send(Opcode.TEXT, "");
    socket.send(Opcode.BINARY, large);

    expect(await socket.frame()).toMatchObject({ opcode: Opcode.TEXT });
    expect(await socket.frame()).toMatchObject({
      opcode: Opcode.BINARY,
      payload: Buffer.from([0, 255, 10]),
    });
    expect(await socket.text()).toBe("");
    expect((await socket.frame()).payload.equals(large)).toBe(true);
  });

  test("of the app arrive also when they are sent while the socket opens", async () => {
    expect(await (await open("/greets")).text()).toBe("hello");
  });

  test("are compressed when both sides want it", async () => {
    const socket = await open("/echo", { "sec-websocket-extensions": "permessage-deflate" });
    const long = "compress me ".repeat(1000);

    socket.send(Opcode.TEXT, long);

    const frame = await socket.frame();
    expect(frame.isCompressed).toBe(true);
    expect(frame.payload.length).toBeLessThan(1000);
    const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
    expect(
      inflateRawSync(Buffer.concat([frame.payload, tail]), { finishFlush: 2 }).toString(),
    ).toBe(long);
  });

  test("keep their order by the thousand", async () => {
    const socket = await open("/echo");

    for (let at = 0; at < 2000; at++) socket.send(Opcode.TEXT, `message ${at}`);

    for (let at = 0; at < 2000; at++) expect(await socket.text()).toBe(`message ${at}`);
  });

  test("are published to those who have subscribed", async () => {
    const [one, two, other] = [await open("/room"), await open("/room"), await open("/echo")];
    await noted("open /echo");
    expect(JSON.parse((await runner.ask("/pending")).text)).toEqual([3, 2]);

    await runner.ask("/publish");
    expect([await one.text(), await two.text()]).toEqual(["to the room", "to the room"]);
    one.send(Opcode.TEXT, "publish");
    expect(await two.text()).toBe("from a member");

    other.send(Opcode.TEXT, "marker");
    expect(await other.text()).toBe("marker");
  });

  test("are kept apart among a hundred sockets", async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open("/echo")));

    for (const [at, socket] of sockets.entries()) socket.send(Opcode.TEXT, `socket ${at}`);

    const texts = await Promise.all(sockets.map((socket) => socket.text()));
    expect(texts).toEqual(sockets.map((_, at) => `socket ${at}`));
  });
});

describe("frameworks", () => {
  test.each(["listens-elysia.ts", "exports-hono-sockets.ts"])(
    "%s gets its sockets",
    async (entry) => {
      await using framework = await TestRunner.start(entry);
      const socket = await TestSocket.open(framework, "/ws");

      socket.send(Opcode.TEXT, "hello");

      expect(await socket.text()).toBe("echo hello");
    },
  );
});

describe("ping and pong", () => {
  test("of either side reach the other", async () => {
    const socket = await open("/pings");
    expect(await socket.frame()).toMatchObject({
      opcode: Opcode.PING,
      payload: Buffer.from("are you there"),
    });

    socket.send(Opcode.PONG, "I am");
    socket.send(Opcode.PING, "and you");

    expect(await noted("pong")).toBe("pong I am");
    expect(await noted("ping")).toBe("ping and you");
    expect(await socket.frame()).toMatchObject({
      opcode: Opcode.PONG,
      payload: Buffer.from("and you"),
    });
  });
});

describe("the end of a socket", () => {
  test("by the client tells the app its code and reason, and ends the stream", async () => {
    const socket = await open("/echo");

    socket.close(4002, "done here");

    expect(await noted("close")).toBe("close /echo 4002 done here");
    await socket.request.answer;
    expect(runner.channel.openStreams).toBe(0);
  });

  test("by the app tells the client its code and reason, and ends the stream", async () => {
    const socket = await open("/closes");

    const frame = await socket.frame();
    expect(frame.opcode).toBe(Opcode.CLOSE);
    expect(frame.payload.readUInt16BE(0)).toBe(4001);
    expect(frame.payload.subarray(2).toString()).toBe("closed by the app");
    await socket.request.answer;
  });

  test("by termination ends the stream without a word", async () => {
    const { request } = await open("/terminates");

    expect((await request.answer).body.length).toBe(0);
  });

  test("by a client that says no more is heard by the app", async () => {
    const socket = await open("/echo");

    socket.request.end();

    expect(await noted("close")).toStartWith("close /echo 1006");
    await socket.request.answer;
  });

  test("by a client that vanishes is heard by the app, and its signal aborts", async () => {
    const socket = await open("/signal");

    socket.request.cancel();

    expect(await noted("close")).toStartWith("close /signal 1006");
    await noted("signal aborted");
  });

  test("before the handshake is through leaves nothing behind", async () => {
    for (let round = 0; round < 20; round++) TestSocket.ask(runner, "/echo").request.cancel();
    const socket = await open("/echo");
    socket.send(Opcode.TEXT, "fine");
    expect(await socket.text()).toBe("fine");

    socket.close(1000);
    await socket.request.answer;

    while (JSON.parse((await runner.ask("/pending")).text)[0] > 0);
    expect(runner.channel.openStreams).toBe(0);
  });

  test("by the end of the process ends every socket", async () => {
    const other = await open("/echo");
    const { request } = await open("/crashes");

    await expect(request.answer).rejects.toThrow();
    await expect(other.request.answer).rejects.toThrow();
  });
});

describe("a side that does not read", () => {
  /** Private memory of the runner. Bytes. */
  const residentBytes = () =>
    Number(readFileSync(`/proc/${runner.child.pid}/statm`, "utf8").split(" ")[1]) * 4096;

  const sentBytes = async () => Number((await runner.ask("/sent")).text);

  test("keeps the app from sending: send reports it, drain tells when it goes on", async () => {
    const socket = await TestSocket.open(runner, "/floods", { isSlow: true });
    expect(await noted("held back")).toBe("held back, buffered true");

    const stalledBytes = await settled(sentBytes);
    // A window on the wire, and what Bun and the kernel hold of a connection.
    expect(stalledBytes).toBeLessThan(streamWindowBytes + 2 * 1024 * 1024);
    expect(socket.request.receivedBytes).toBe(streamWindowBytes);

    socket.request.granted(streamWindowBytes);
    await socket.request.until(() => socket.request.receivedBytes === 2 * streamWindowBytes);
    while ((await sentBytes()) === stalledBytes);
    expect(await settled(sentBytes)).toBeLessThan(stalledBytes + 2 * streamWindowBytes);
  });

  test("in the app's place holds back the client, not the runner's memory", async () => {
    const socket = await open("/counts");
    socket.send(Opcode.TEXT, "x");
    await noted("got 1");
    process.kill(runner.child.pid, "SIGSTOP");
    const before = residentBytes();

    const message = Buffer.alloc(1024 * 1024);
    for (let at = 0; at < 96; at++) socket.send(Opcode.BINARY, message);
    expect(socket.request.unsentBytes).toBeGreaterThan(90 * 1024 * 1024);

    process.kill(runner.child.pid, "SIGCONT");
    const received = async () => (await notes()).filter((text) => text === `got ${message.length}`);
    while ((await received()).length < 96) await Bun.sleep(20);
    // What garbage a process keeps for a while is not what it holds back: the bound is well below what passed.
    expect(residentBytes() - before).toBeLessThan(92 * 1024 * 1024);
  }, 90_000);
});
