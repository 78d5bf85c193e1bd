/**
 * Goal: whatever a hostile runner sends, the node breaks the wire or goes on, and every stream hears a story that makes
 * sense. Method: random frames, valid conversations with bytes changed, and plain noise, cut anywhere. The seed is
 * printed with a failure.
 */
import { expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { FLAG_END, FLAG_UPGRADE, FrameType, WireProtocolError } from "./frames.ts";
import { framePayloadBytesMax, streamWindowBytes } from "./limits.ts";
import {
  frame,
  type NotingStream,
  type Random,
  randomOf,
  responsePayload,
  TestWire,
  testSeed,
  u32,
} from "./wire-for-tests.ts";

const rounds = 4000;

function noise(random: Random, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  for (let at = 0; at < bytes; at++) out[at] = random(256);
  return out;
}

/** A payload that is right for its type, or nearly. */
function payloadOf(random: Random, type: number): Buffer {
  if (random(6) === 0) return noise(random, random(64));
  switch (type) {
    case FrameType.RESPONSE:
      return responsePayload(noise(random, random(50)), {
        status: random(10) === 0 ? random(65_536) : 200 + random(300),
        block: random(5) === 0 ? noise(random, 20).latin1Slice() : "a: b\r\n",
        reason: random(5) === 0 ? "\r" : "",
        contentLength: random(5) === 0 ? random(1000) - 500 : -1,
      });
    case FrameType.WINDOW:
      return u32(random(2) === 0 ? random(100) : noise(random, 4).readUInt32LE());
    case FrameType.TUNNEL:
      return Buffer.from("HTTP/1.1 101 ok\r\nupgrade: websocket\r\n\r\n");
    case FrameType.RESET:
      return Buffer.from(`${String.fromCharCode(random(8))}why`);
    case FrameType.CONTROL:
      return Buffer.from('{"type":"started"}');
    case FrameType.PONG:
      return u32(random(5));
    default:
      return Buffer.alloc(random(20) === 0 ? random(framePayloadBytesMax) : random(200), "x");
  }
}

function randomFrame(random: Random): Buffer {
  const types = Object.values(FrameType);
  const type = random(12) === 0 ? random(256) : types[random(types.length)]!;
  const id = random(15) === 0 ? noise(random, 4).readUInt32LE() : random(6);
  return frame(type, id, payloadOf(random, type), random(4) === 0 ? FLAG_END : random(2) * 2);
}

/** A conversation that keeps the rules, for stream `id`. */
function conversation(random: Random, id: number): Buffer[] {
  return [
    frame(FrameType.RESPONSE, id, responsePayload("a".repeat(random(100)), { block: "a: b\r\n" })),
    ...Array.from({ length: random(4) }, () => frame(FrameType.DATA, id, noise(random, 20))),
    random(2) === 0
      ? frame(FrameType.DATA, id, "", FLAG_END)
      : frame(FrameType.RESET, id, "\x03it broke"),
  ];
}

function mutate(random: Random, bytes: Buffer): void {
  for (let change = random(4); change > 0; change--) bytes[random(bytes.length)] = random(256);
}

function hostile(random: Random): Buffer {
  const kind = random(3);
  if (kind === 0)
    return Buffer.concat(Array.from({ length: random(30) }, () => randomFrame(random)));
  if (kind === 1) return noise(random, random(300));
  const frames = [0, 1, 2, 3].flatMap((id) => conversation(random, id));
  const bytes = Buffer.concat(frames);
  mutate(random, bytes);
  return bytes;
}

/** open, then at most one head, bytes only after it, and at most one end, which is last. */
const story =
  /^open(,window)*((,response [^,]*|,tunnel)(,window)*(,end)?)?(,reset \d+ [^,]*)?(,lost \w+)?$/;

function judge(stream: NotingStream, note: string): void {
  const told = stream.notes.map((text) => text.replaceAll(",", " ")).join(",");
  expect(told, note).toMatch(story);
  const ends = stream.notes.filter((text) => /^(end|reset|lost)/.test(text));
  expect(ends.length, `${note}: ${told}`).toBeLessThanOrEqual(1);
  const bytes = stream.received.reduce((sum, { length }) => sum + length, 0);
  expect(bytes, note).toBeLessThanOrEqual(streamWindowBytes);
}

test("a hostile runner breaks the wire or keeps the rules, and no stream hears nonsense", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  let broke = 0;
  let heard = 0;

  for (let round = 0; round < rounds; round++) {
    const note = `seed ${seed} round ${round}`;
    const wire = new TestWire();
    wire.socket.roomBytes = random(2) === 0 ? 0 : 1000;
    const streams = [0, FLAG_END, FLAG_UPGRADE, FLAG_END].map((flags) => wire.open({ flags }));
    for (const stream of streams) stream.takesAtOnce = false;
    if (random(2) === 0) streams[3]!.cancel();
    if (random(2) === 0) wire.channel.ping(1);
    streams[0]!.send(Buffer.alloc(100), 0, 100);

    const bytes = hostile(random);
    const cut = random(bytes.length + 1);
    // The channel catches a WireProtocolError itself; anything else fails the test.
    wire.channel.onBytes(Buffer.from(bytes.subarray(0, cut)));
    wire.channel.onBytes(Buffer.from(bytes.subarray(cut)));

    expect(
      wire.broken.every((error) => error instanceof WireProtocolError),
      note,
    ).toBe(true);
    expect(wire.broken.length, note).toBeLessThanOrEqual(1);
    wire.channel.close(new PlatformError("APP_EXITED", ["shop", "exit code 1"]));
    for (const stream of streams) judge(stream, note);
    expect(wire.closedStreams, note).toBe(4);
    broke += wire.broken.length;
    heard += streams.filter(({ notes }) => notes.length > 2).length;
  }

  expect(broke).toBeGreaterThan(rounds / 4);
  expect(heard).toBeGreaterThan(rounds / 4);
});

test("a runner that sends without end is held to the windows of its streams", () => {
  const wire = new TestWire();
  const streams = Array.from({ length: 10 }, () => wire.open());
  for (const stream of streams) stream.takesAtOnce = false;
  for (const { streamId } of streams) wire.respond(streamId);
  const full = frame(FrameType.DATA, 0, Buffer.alloc(framePayloadBytesMax));

  for (let piece = 0; piece < 1000; piece++) wire.receive(full);

  expect(wire.broken).toHaveLength(1);
  const bytes = streams
    .flatMap(({ received }) => received)
    .reduce((sum, { length }) => sum + length, 0);
  expect(bytes).toBeLessThanOrEqual(streamWindowBytes);
});

test("a frame that never becomes whole costs one frame and no more", () => {
  const wire = new TestWire();
  wire.open();
  const start = frame(FrameType.DATA, 0, Buffer.alloc(framePayloadBytesMax)).subarray(0, 11);
  const before = process.memoryUsage().arrayBuffers;

  for (let byte = 0; byte < 1000; byte++) {
    wire.channel.onBytes(byte === 0 ? Buffer.from(start) : Buffer.alloc(1));
  }

  expect(wire.broken).toEqual([]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * framePayloadBytesMax);
});
