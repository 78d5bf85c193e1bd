/** What a server of node:http and its clients see of each other through the wire. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { streamWindowBytes } from "../wire/limits.ts";
import { TestRunner } from "./runner-for-tests.ts";
import { Opcode, TestSocket } from "./websocket-for-tests.ts";

let runner: TestRunner;

beforeEach(async () => {
  runner = await TestRunner.start("answers-by-node.ts", { env: { PORT: "4321" } });
});

afterEach(() => runner[Symbol.asyncDispose]());

const noted = async (note: string): Promise<void> => {
  while (!JSON.parse((await runner.ask("/notes")).text).includes(note)) await Bun.sleep(5);
};
const raw = (answer: string) =>
  runner
    .ask(`/raw?${encodeURIComponent(answer)}`)
    .catch(({ reason, message }) => ({ reason, message }));

describe("a request", () => {
  test("reaches the app as it was sent, with the client's address", async () => {
    const answer = await runner.ask("/request?q=%20a", {
      method: "PUT",
      headers: { "X-Cased": "Yes", "content-length": "4" },
      body: "body",
      peer: "203.0.113.9 5555",
    });

    const seen = JSON.parse(answer.text);
    expect(seen).toMatchObject({ method: "PUT", url: "/request?q=%20a", httpVersion: "1.1" });
    expect(seen.body).toBe("body");
    expect(seen.socket).toEqual({
      remoteAddress: "203.0.113.9",
      remotePort: 5555,
      remoteFamily: "IPv4",
    });
    expect(seen.rawHeaders).not.toContain("connection");
    expect(JSON.stringify(seen)).not.toContain("levain");
  });

  test("has its body whole, in pieces of unknown and of declared length", async () => {
    const headers = { "content-length": "300000" };
    const open = runner.request("/request", { method: "POST", isOpen: true });
    const declared = runner.request("/request", { method: "POST", isOpen: true, headers });
    for (const request of [open, declared]) {
      for (let piece = 0; piece < 3; piece++) request.write("p".repeat(100_000));
      request.end();
    }
    const whole = await runner.ask("/request", { method: "POST", body: "w".repeat(50_000) });

    for (const answer of [await open.answer, await declared.answer]) {
      expect(JSON.parse(answer.text).body).toBe("p".repeat(300_000));
    }
    expect(JSON.parse(whole.text).body.length).toBe(50_000);
  });

  test("is held back at the client while the app does not read it", async () => {
    const request = runner.request("/slow", { method: "POST", isOpen: true });
    await noted("slow begun");

    request.write(Buffer.alloc(8_000_000));

    await runner.ask("/");
    // What the socket inside the process holds besides the window is a few hundred kilobytes.
    expect(request.unsentBytes).toBeGreaterThan(8_000_000 - 8 * streamWindowBytes);
    request.cancel();
  });

  test("whose client goes away is aborted in the app", async () => {
    const request = runner.request("/slow");
    await noted("slow begun");

    request.cancel();

    await noted("slow aborted");
  });

  test("whose client is gone before the app has it looks like any other", async () => {
    for (let asked = 0; asked < 50; asked++) runner.request("/slow").cancel();
    for (let asked = 0; asked < 50; asked++) {
      const request = runner.request("/slow");
      await Bun.sleep(0);
      request.cancel();
    }

    const urls: string[] = JSON.parse((await runner.ask("/urls")).text);

    expect(urls.filter((url) => url !== "/slow" && url !== "/urls")).toEqual([]);
  });

  test("that is answered before it was read ends, and the next one is fine", async () => {
    const request = runner.request("/unread", { method: "POST", isOpen: true });

    expect(await request.answer).toMatchObject({ status: 413, text: "too much" });
    request.write("too late");
    expect((await runner.ask("/")).text).toBe("root");
  });

  test("has its id on the lines that are printed for it, also behind its body", async () => {
    const headers = { "x-request-id": "id-7" };
    const request = runner.request("/console", {
      method: "POST",
      headers,
      requestId: "id-7",
      isOpen: true,
    });
    request.write("a");
    request.end();
    await request.answer;

    await runner.printed("stdout", (text) => text.includes("after"));
    expect(runner.stdout).toContain("\x1eid-7\x1fbefore\n");
    expect(runner.stdout).toContain("\x1eid-7\x1fafter\n");
  });

  test("of the app to itself arrives, by fetch and by node:http", async () => {
    const answers = JSON.parse((await runner.ask("/self")).text);

    expect(answers).toEqual(["root", "root", "root", "127.0.0.1", "root"]);
  });
});

describe("an answer", () => {
  test("keeps status, reason, lines and their case", async () => {
    const answer = await runner.ask("/head");

    expect(answer).toMatchObject({
      status: 203,
      reason: "Quite Fine",
      text: "body",
      isWhole: true,
    });
    expect(answer.headers).toMatchObject({ "x-cased": "Yes" });
    expect(answer.cookies).toEqual(["a=1", "b=2"]);
    expect(Object.keys(answer.headers)).not.toContain("keep-alive");
  });

  test("without a body has none: HEAD, 204, 304", async () => {
    expect(await runner.ask("/", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
    expect(await runner.ask("/none")).toMatchObject({ status: 204, text: "" });
    expect(await runner.ask("/unchanged")).toMatchObject({ status: 304, text: "" });
  });

  test("arrives whole, however large, and in pieces as they come", async () => {
    expect((await runner.ask("/large")).body.length).toBe(3_000_000);
    expect((await runner.ask("/chunks")).text).toBe("piece 0;piece 1;piece 2;");
  });

  test("that goes on for ever is closed when its client goes", async () => {
    const request = runner.request("/endless");
    expect(await request.until((text) => text.includes("first"))).toBe("data: first\n\n");

    request.cancel();

    await noted("endless closed");
  });

  test("is not produced faster than the client takes it", async () => {
    const request = runner.request("/flood", { isSlow: true });
    await request.until(() => request.receivedBytes >= streamWindowBytes);

    const notes: string[] = JSON.parse((await runner.ask("/notes")).text);

    expect(request.receivedBytes).toBe(streamWindowBytes);
    expect(notes).not.toContain("flood 64");
    request.cancel();
  });

  test("comes behind interim ones, which are left out", async () => {
    expect(await runner.ask("/hints")).toMatchObject({ status: 200, text: "after hints" });
  });

  test("that ends its connection is followed by others", async () => {
    for (let asked = 0; asked < 3; asked++) {
      expect((await runner.ask("/close")).text).toBe("bye");
      expect((await runner.ask("/")).text).toBe("root");
    }
  });

  test("that does not come, or not to its end, is told from one that does", async () => {
    const never = await runner.ask("/hangs-up").catch((error) => error);
    const half = await runner.ask("/hangs-up-late").catch((error) => error);

    expect(never).toMatchObject({ reason: "RESPONSE_INVALID" });
    expect(half).toMatchObject({ reason: "BODY_FAILED" });
    expect((await runner.ask("/")).text).toBe("root");
  });

  test.each([
    ["no HTTP at all", "hello\r\n\r\n"],
    ["an odd status", "HTTP/1.1 20 OK\r\n\r\n"],
    ["an odd version", "HTTP/2.0 200 OK\r\n\r\n"],
    ["a line without a colon", "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 0\r\n\r\n"],
    ["a name with a space", "HTTP/1.1 200 OK\r\na b: c\r\ncontent-length: 0\r\n\r\n"],
    ["a control character", "HTTP/1.1 200 OK\r\na: \x01\r\ncontent-length: 0\r\n\r\n"],
    ["a bare LF", "HTTP/1.1 200 OK\r\na: b\nc: d\r\ncontent-length: 0\r\n\r\n"],
    ["a folded line", "HTTP/1.1 200 OK\r\na: b\r\n c: d\r\ncontent-length: 0\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"],
    ["an odd length", "HTTP/1.1 200 OK\r\ncontent-length: +1\r\n\r\na"],
    ["two framings", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na"],
    ["another coding", "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\na"],
    ["an odd chunk", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
    ["more than its length", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab"],
    ["an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\n\r\n"],
    ["a head without an end", "HTTP/1.1 200 OK\r\na: LONG"],
  ])("that is %s is given up", async (_what, answer) => {
    const gave = await raw(answer);

    expect(["RESPONSE_INVALID", "BODY_FAILED"]).toContain((gave as { reason: string }).reason);
    expect((await runner.ask("/")).text).toBe("root");
  });

  test("of HTTP/1.0 ends with its connection", async () => {
    expect(await raw("HTTP/1.0 200 OK\r\na: b\r\n\r\nto the end")).toMatchObject({
      status: 200,
      text: "to the end",
    });
  });
});

describe("connections", () => {
  test("of more clients than the kernel holds for a busy server are all served", async () => {
    const answers = await Promise.all(
      Array.from({ length: 3000 }, (_, index) => runner.ask(index % 2 === 0 ? "/" : "/none")),
    );

    expect(answers.filter(({ status }) => status !== 200 && status !== 204)).toEqual([]);
  });

  test("that the app closes when they are idle lose no request", async () => {
    await using hasty = await TestRunner.start("answers-by-node.ts", {
      env: { PORT: "4321", KEEP_ALIVE_MS: "1" },
    });

    for (let round = 0; round < 60; round++) {
      const answers = await Promise.all([hasty.ask("/"), hasty.ask("/request")]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      // Within a hair of when the app closes them.
      await Bun.sleep(Math.random() * 4);
    }
  });
});

describe("WebSockets of the package ws", () => {
  test("are opened, echo, and close with the app's code", async () => {
    await using sockets = await TestRunner.start("listens-ws.ts");
    const socket = await TestSocket.open(sockets, "/echo");
    socket.send(Opcode.TEXT, "hello");
    expect((await socket.frame()).payload.toString()).toBe("hello");

    socket.send(Opcode.BINARY, Buffer.alloc(200_000, 7));
    expect((await socket.frame()).payload.length).toBe(200_000);

    socket.send(Opcode.TEXT, "close");
    const { opcode, payload } = await socket.frame();
    expect([opcode, payload.readUInt16BE(0), payload.subarray(2).toString()]).toEqual([
      Opcode.CLOSE,
      4001,
      "as asked",
    ]);
  });

  test("may send with the handshake's answer", async () => {
    await using sockets = await TestRunner.start("listens-ws.ts");

    const socket = await TestSocket.open(sockets, "/hello");

    expect((await socket.frame()).payload.toString()).toBe("hello at once");
  });

  test("that are refused get the app's answer", async () => {
    await using sockets = await TestRunner.start("listens-ws.ts");

    const { request } = TestSocket.ask(sockets, "/refused");

    expect(await request.answer).toMatchObject({ status: 401, text: "no" });
  });
});
