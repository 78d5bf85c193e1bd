import { describe, expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { FrameWriter } from "./frame-writer.ts";
import { framePayloadBytesMax } from "./limits.ts";
import { FakeSocket, framesOf } from "./wire-for-tests.ts";

function setup(roomBytes = Number.POSITIVE_INFINITY) {
  const socket = new FakeSocket();
  socket.roomBytes = roomBytes;
  let flushes = 0;
  const writer = new FrameWriter(socket, () => {
    flushes += 1;
  });
  return { socket, writer, flushes: () => flushes };
}

const turnEnd = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("FrameWriter", () => {
  test("all frames of a turn leave in one write", async () => {
    const { socket, writer } = setup();

    for (let id = 0; id < 100; id++) writer.frame(2, 0, id, Buffer.from(`body ${id}`));
    expect(socket.writes).toBe(0);
    await turnEnd();

    expect(socket.writes).toBe(1);
    const frames = framesOf(socket.read());
    expect(frames.map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 100 }, (_, id) => `body ${id}`),
    );
  });

  test("what the socket does not take at once leaves in order as it drains", async () => {
    const { socket, writer } = setup(0);
    const sent: string[] = [];

    let taken = "";
    for (let round = 0; round < 50; round++) {
      const text = `${round} `.repeat(round);
      sent.push(text);
      writer.frame(2, 0, round, Buffer.from(text));
      await turnEnd();
      socket.roomBytes = 7 * round;
      writer.flush();
      taken += socket.read().latin1Slice();
    }
    socket.roomBytes = Number.POSITIVE_INFINITY;
    writer.flush();
    taken += socket.read().latin1Slice();

    const frames = framesOf(Buffer.from(taken, "latin1"));
    expect(frames.map(({ payload }) => payload.toString())).toEqual(sent);
    expect(writer.backlogBytes).toBe(0);
  });

  test("a blocked writer does not try again before the socket has drained", async () => {
    const { socket, writer } = setup(3);

    writer.frame(2, 0, 1);
    await turnEnd();
    writer.frame(2, 0, 2);
    await turnEnd();

    expect(socket.writes).toBe(1);
    expect(writer.backlogBytes).toBe(2 * 10 - 3);
  });

  test("it writes by itself again after a drain has emptied it", async () => {
    const { socket, writer } = setup(3);
    writer.frame(2, 0, 1);
    await turnEnd();
    socket.roomBytes = Number.POSITIVE_INFINITY;
    writer.flush();

    writer.frame(2, 0, 2);
    await turnEnd();

    expect(framesOf(socket.read()).map(({ id }) => id)).toEqual([1, 2]);
  });

  test("the buffer grows with what is unsent and is given back in the first quiet turn", async () => {
    const { socket, writer } = setup(0);
    const before = writer.bufferBytes;
    const payload = Buffer.alloc(framePayloadBytesMax, "x");

    for (let id = 0; id < 40; id++) writer.frame(2, 0, id, payload);
    await turnEnd();
    expect(writer.bufferBytes).toBeGreaterThan(40 * framePayloadBytesMax);
    socket.roomBytes = Number.POSITIVE_INFINITY;
    writer.flush();

    const frames = framesOf(socket.read());
    writer.frame(2, 0, 40);
    await turnEnd();
    expect(writer.bufferBytes).toBe(before);
    expect(frames.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, id) => id));
    expect(frames.every((frame) => frame.payload.equals(payload))).toBe(true);
  });

  test("frames that do not fit the buffer go on in another, and all leave in order", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    const { socket, writer } = setup(0);
    const before = writer.bufferBytes;
    const sent: string[] = [];
    const received: Buffer[] = [];

    for (let round = 0; round < 100; round++) {
      const text = String.fromCharCode(97 + random(26)).repeat(random(framePayloadBytesMax));
      writer.frame(2, 0, round, Buffer.from(text));
      sent.push(`${text.length}${text[0] ?? ""}`);
      if (random(2) === 0) {
        socket.roomBytes = random(3 * framePayloadBytesMax);
        writer.flush();
      }
      received.push(socket.read());
    }
    socket.roomBytes = Number.POSITIVE_INFINITY;
    writer.flush();
    const frames = framesOf(Buffer.concat([...received, socket.read()]));

    const got = frames.map(({ payload }) => `${payload.length}${payload.latin1Slice(0, 1)}`);
    if (got.join() !== sent.join()) expect.unreachable(`seed ${seed}`);
    expect(writer.bufferBytes).toBe(before);
  });

  test("what is a turn's worth of bodies leaves before the turn ends", () => {
    const { socket, writer } = setup();
    const payload = Buffer.alloc(framePayloadBytesMax);

    for (let id = 0; id < 20; id++) writer.frame(2, 0, id, payload);

    expect(socket.writes).toBeGreaterThan(5);
    expect(writer.backlogBytes).toBeLessThan(4 * framePayloadBytesMax);
  });

  test("it tells each time the socket has taken something, and only then", () => {
    const { socket, writer, flushes } = setup(0);

    writer.frame(2, 0, 1);
    writer.flush();
    expect(flushes()).toBe(0);
    socket.roomBytes = 4;
    writer.flush();
    socket.roomBytes = 100;
    writer.flush();
    writer.flush();

    expect(flushes()).toBe(2);
  });

  test("after closing, nothing is sent and nothing is kept", async () => {
    const { socket, writer } = setup(0);
    const payload = Buffer.alloc(framePayloadBytesMax);
    const before = writer.bufferBytes;
    writer.frame(2, 0, 1, payload);
    writer.close();
    socket.roomBytes = Number.POSITIVE_INFINITY;

    for (let round = 0; round < 100; round++) {
      for (let id = 0; id < 10; id++) writer.frame(2, 0, id, payload);
      await turnEnd();
    }

    expect(socket.writes).toBe(0);
    expect(writer.backlogBytes).toBe(0);
    expect(writer.bufferBytes).toBe(before);
  });

  test("a socket that is gone closes it", async () => {
    const { socket, writer } = setup();
    socket.write = () => -1;

    writer.frame(2, 0, 1, Buffer.alloc(1000));
    await turnEnd();

    expect(writer.backlogBytes).toBe(0);
  });
});
