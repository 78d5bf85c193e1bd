import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { pick, type Random, randomOf, testSeed } from "../../base/random-for-tests.ts";
import { until } from "../../base/until-for-tests.ts";
import { LoadProcess } from "./load-process.ts";
import type { LoadPlan } from "./plan.ts";
import { maskedFrame, webSocketMessage } from "./request-bytes.ts";
import { get, planFor, type RawServer, rawServer } from "./servers-for-tests.ts";
import { noErrors } from "./tally.ts";
import { WebSocketProtocol } from "./websocket-protocol.ts";

let generator: LoadProcess;
beforeAll(async () => {
  generator = await LoadProcess.start();
});
afterAll(() => generator.stop());

const hello = { ...get, target: "/echo", body: Buffer.from("hello") };

const run = (port: number, overrides: Partial<LoadPlan> = {}) =>
  generator.run(planFor(port, { transport: "websocket", requests: [hello], ...overrides }));

/** Sends back what it gets, by Bun's own means. */
function echoes() {
  const closes: number[] = [];
  const server = Bun.serve<{ count: number }>({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request, self) {
      const isUpgraded = self.upgrade(request, { data: { count: 0 } });
      return isUpgraded ? undefined : new Response("no", { status: 426 });
    },
    websocket: {
      maxPayloadLength: 32 * 1024 * 1024,
      message(socket, message) {
        socket.data.count += 1;
        // Clients have to answer these.
        if (socket.data.count % 3 === 0) socket.ping("are you there");
        socket.send(message);
      },
      close: (_socket, code) => void closes.push(code),
    },
  });
  return { port: server.port!, closes, [Symbol.dispose]: () => void server.stop(true) };
}

const acceptOf = (head: string) =>
  createHash("sha1")
    .update(`${/^sec-websocket-key: (\S+)/m.exec(head)?.[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");

const upgraded = (accept: string) =>
  `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n`;

/** Accepts the upgrade and says this right behind it. */
const saysUnasked = (bytes: Buffer) =>
  rawServer((socket, head) => {
    socket.write(Buffer.concat([Buffer.from(`${upgraded(acceptOf(head))}\r\n`), bytes]));
  });

/** A frame as a server sends it. */
function frame(opcode: number, payload: Buffer | string, isFinal = true): Buffer {
  const bytes = Buffer.from(payload);
  const head = [(isFinal ? 0x80 : 0) | opcode];
  if (bytes.length < 126) head.push(bytes.length);
  else head.push(126, bytes.length >> 8, bytes.length & 0xff);
  return Buffer.concat([Buffer.from(head), bytes]);
}

describe("a message counts", () => {
  test("when its echo has come, with one in flight per connection", async () => {
    using server = echoes();

    const result = await run(server.port, { maxRequests: 100 });

    expect(result.requests).toBe(100);
    expect(result.errors).toEqual(noErrors());
    // Pings are read too: 7 bytes for each echo at least.
    expect(result.bytesRead).toBeGreaterThanOrEqual(700);
    expect(result.latency.min).toBeGreaterThan(0);
    await until(() => server.closes.length === 2);
  });

  test.each([0, 125, 126, 65_535, 65_536, 5_000_000])("with %d bytes of payload", async (bytes) => {
    using server = echoes();
    const body = Buffer.alloc(bytes, "levain");

    const result = await run(server.port, { requests: [{ ...hello, body }], maxRequests: 8 });

    expect(result.requests).toBe(8);
    expect(result.errors).toEqual(noErrors());
  });

  test("at a fixed rate as well", async () => {
    using server = echoes();

    const result = await run(server.port, { ratePerS: 100, durationMs: 300 });

    expect(result.requests + result.late + result.unsent).toBe(30);
    expect(result.errors).toEqual(noErrors());
  });
});

describe("a connection is not used", () => {
  test("when the upgrade is refused: its status is an error", async () => {
    using server = rawServer((socket) => {
      socket.write("HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n");
    });

    const result = await run(server.port, { durationMs: 300 });

    expect(result.requests).toBe(0);
    // Two at once; more only after a pause.
    const { status, ...others } = result.errors;
    expect(status["503"]).toBeGreaterThanOrEqual(2);
    expect(others).toEqual({ timeout: 0, reset: 0, refused: 0, protocol: 0 });
  });

  test.each([
    ["another's key", (_accept: string) => upgraded("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")],
    [
      "an extension that nobody offered",
      (accept: string) => `${upgraded(accept)}sec-websocket-extensions: permessage-deflate\r\n`,
    ],
    ["no upgrade", (accept: string) => upgraded(accept).replace("upgrade: websocket\r\n", "")],
    ["no HTTP", () => "hello\r\n"],
  ])("when the answer to the upgrade has %s", async (_what, answerOf) => {
    using server = rawServer((socket, head) => {
      socket.write(`${answerOf(acceptOf(head))}\r\n`);
    });

    const result = await run(server.port, { durationMs: 300 });

    expect(result.requests).toBe(0);
    const { protocol, ...others } = result.errors;
    expect(protocol).toBeGreaterThanOrEqual(2);
    expect(others).toEqual({ timeout: 0, reset: 0, refused: 0, status: {} });
  });

  test("when the upgrade is never answered", async () => {
    using server = rawServer(() => {});

    const result = await run(server.port, { durationMs: 50, clientTimeoutMs: 200 });

    expect(result).toMatchObject({ requests: 0, errors: { timeout: 2, protocol: 0 } });
  });
});

describe("a message fails", () => {
  const fails = async (server: RawServer, plan: Partial<LoadPlan> = { durationMs: 300 }) => {
    using _server = server;
    return (await run(server.port, plan)).errors;
  };

  test("when something else comes back", async () => {
    for (const bytes of [
      frame(2, "hallo"),
      frame(2, "hell"),
      frame(2, "hello!"),
      Buffer.concat([frame(2, "he", false), frame(2, "llo")]),
      frame(0, "hello"),
      frame(3, "hello"),
      maskedFrame(2, Buffer.from("hello")),
    ]) {
      const { protocol } = await fails(answersMessages(() => bytes));
      expect(protocol, bytes.toString("hex")).toBeGreaterThanOrEqual(2);
    }
  });

  test("when a message comes that nobody has sent", async () => {
    const { protocol } = await fails(saysUnasked(frame(1, "welcome")));

    expect(protocol).toBeGreaterThanOrEqual(2);
  });

  test("when the server closes instead", async () => {
    const { reset, protocol } = await fails(answersMessages(() => frame(8, Buffer.from([3, 233]))));

    expect(reset).toBeGreaterThanOrEqual(2);
    expect(protocol).toBe(0);
  });

  test("when nothing comes back", async () => {
    const until150 = { durationMs: 50, clientTimeoutMs: 150 };
    const { timeout } = await fails(
      answersMessages(() => frame(9, "")),
      until150,
    );

    expect(timeout).toBe(2);
  });
});

test("an echo is read the same in whatever frames and pieces it comes", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  for (let round = 0; round < 1000; round++) {
    const evidence = `LEVAIN_TEST_SEED=${seed} round ${round}`;
    const payload = Buffer.alloc(random(400), `${round} `);
    const protocol = new WebSocketProtocol(hello);
    const accept = acceptOf(protocol.greeting.latin1Slice());
    const greeted = Buffer.from(`${upgraded(accept)}\r\n`);
    let pieces = randomPieces(random, greeted);
    const greetings = pieces.map((piece) => protocol.read(piece));
    expect(greetings, evidence).toEqual([...greetings.slice(1).fill("more"), "done"]);
    const { frames, pings } = randomEcho(random, payload);
    protocol.begin(webSocketMessage({ ...hello, body: payload }));

    pieces = randomPieces(random, frames);
    let pongs = 0;
    const readings = pieces.map((piece) => {
      const reading = protocol.read(piece);
      // Several pings in one piece are answered by the latest (RFC 6455, 5.5.3).
      if (protocol.reply !== null) pongs += 1;
      protocol.reply = null;
      return reading;
    });

    expect(readings, evidence).toEqual([...readings.slice(1).fill("more"), "done"]);
    expect(protocol.bytes, evidence).toBe(frames.length);
    expect(pongs > 0, evidence).toBe(pings > 0);
  }
});

/** Accepts upgrades, and answers each message, whatever it is. */
function answersMessages(answerOf: () => Buffer): RawServer {
  const listener = Bun.listen<{ isUpgraded: boolean }>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { isUpgraded: false };
      },
      data(socket, chunk) {
        if (socket.data.isUpgraded) return void socket.write(answerOf());
        socket.data.isUpgraded = true;
        socket.write(`${upgraded(acceptOf(chunk.latin1Slice()))}\r\n`);
      },
      error() {},
    },
  });
  const stop = () => listener.stop(true);
  return { port: listener.port, connections: 0, open: 0, requests: 0, [Symbol.dispose]: stop };
}

function randomPieces(random: Random, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const piecesBytesMax = pick(random, [1, 3, 50, 1000]);
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random(piecesBytesMax);
    pieces.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return pieces;
}

/** The payload in any number of frames, with pings between them; nothing follows the last frame. */
function randomEcho(random: Random, payload: Buffer): { frames: Buffer; pings: number } {
  const frames: Buffer[] = [];
  let pings = 0;
  let at = 0;
  let opcode = 2;
  while (true) {
    while (random(3) === 0) {
      frames.push(frame(9, "x".repeat(random(126))));
      pings += 1;
    }
    const isLast = random(4) === 0;
    const end = isLast ? payload.length : at + random(payload.length - at + 1);
    frames.push(frame(opcode, payload.subarray(at, end), isLast));
    if (isLast) return { frames: Buffer.concat(frames), pings };
    opcode = 0;
    at = end;
  }
}
