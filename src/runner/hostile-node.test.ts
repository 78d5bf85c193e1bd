/**
 * Goal: whatever comes over the wire, the runner's reader refuses it with a WireProtocolError or goes on; nothing else is
 * thrown, and what it answers keeps the rules. Method: the reader alone, with a handler of the test's, and random frames;
 * then one broken frame to a real runner. The seed is printed with a failure.
 */
import { describe, expect, test } from "bun:test";
import { FrameReader } from "../wire/frame-reader.ts";
import { FrameWriter } from "../wire/frame-writer.ts";
import { FLAG_END, FLAG_UPGRADE, FrameType, WireProtocolError } from "../wire/frames.ts";
import {
  FakeSocket,
  frame,
  framesOf,
  type Random,
  randomOf,
  testSeed,
  u32,
} from "../wire/wire-for-tests.ts";
import { App } from "./app.ts";
import { Nap } from "./nap.ts";
import { Requests } from "./requests.ts";
import { TestRunner } from "./runner-for-tests.ts";

const head = "POST /path http a  192.0.2.1 4711\r\nhost: a\r\ncontent-type: text/plain\r\n";

function requestPayload(text: string, body = "", headBytes = text.length): Buffer {
  return Buffer.concat([u32(headBytes), Buffer.from(text, "latin1"), Buffer.from(body)]);
}

const awake = new Nap({ onHooks() {}, onSettled() {}, onResumed() {} });

/** A reader whose app answers with what it read. */
function setup() {
  const socket = new FakeSocket();
  const writer = new FrameWriter(socket);
  const requests = new Requests(() => writer, awake);
  const app = new App({ fetch: async (request) => new Response(await request.text()) });
  requests.serve({ app, server: {} as never });
  const reader = new FrameReader((type, flags, id, buffer, start, end) =>
    requests.onFrame(type, flags, id, buffer, start, end),
  );
  const sent = () => {
    writer.flush();
    return framesOf(socket.read());
  };
  return { requests, reader, sent };
}

const turnEnd = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("frames that the node would not send", () => {
  test.each([
    ["a REQUEST without a head", frame(FrameType.REQUEST, 1, "")],
    ["a REQUEST whose head is longer", frame(FrameType.REQUEST, 1, requestPayload(head, "", 1e6))],
    ["a REQUEST with half a line", frame(FrameType.REQUEST, 1, requestPayload("GET /"))],
    ["a REQUEST with no scheme", frame(FrameType.REQUEST, 1, requestPayload("GET / \r\n"))],
    ["a header line without its end", frame(FrameType.REQUEST, 1, requestPayload(`${head}x: y`))],
    ["a WINDOW of 3 bytes", frame(FrameType.WINDOW, 1, "123")],
    ["a type of the runner's", frame(FrameType.RESPONSE, 1, "")],
    ["an unknown type", frame(200, 1, "")],
  ])("%s is refused", (_what, bytes) => {
    const { reader } = setup();

    expect(() => reader.push(bytes)).toThrow(WireProtocolError);
  });

  test("a second REQUEST with the number of an open one is refused", () => {
    const { reader } = setup();
    reader.push(frame(FrameType.REQUEST, 1, requestPayload(head)));

    expect(() => reader.push(frame(FrameType.REQUEST, 1, requestPayload(head)))).toThrow(
      WireProtocolError,
    );
  });

  test("a REQUEST before there is an app is refused", () => {
    const requests = new Requests(() => new FrameWriter(new FakeSocket()), awake);
    const reader = new FrameReader((type, flags, id, buffer, start, end) =>
      requests.onFrame(type, flags, id, buffer, start, end),
    );

    expect(() => reader.push(frame(FrameType.REQUEST, 1, requestPayload(head)))).toThrow(
      WireProtocolError,
    );
  });

  test("frames for streams that have ended, or never were, are dropped", () => {
    const { reader, requests, sent } = setup();

    reader.push(frame(FrameType.DATA, 9, "late", FLAG_END));
    reader.push(frame(FrameType.WINDOW, 9, u32(100)));
    reader.push(frame(FrameType.CANCEL, 9));

    expect(sent()).toEqual([]);
    expect(requests.inFlight).toBe(0);
  });

  test("a URL that cannot be one resets its request alone", async () => {
    const { reader, sent } = setup();

    reader.push(frame(FrameType.REQUEST, 1, requestPayload("GET / http a:b  x 1\r\n"), FLAG_END));
    reader.push(frame(FrameType.REQUEST, 2, requestPayload(head), FLAG_END));
    await turnEnd();

    const answers = sent();
    expect(answers.find(({ id }) => id === 1)?.type).toBe(FrameType.RESET);
    expect(answers.find(({ id }) => id === 2)?.type).toBe(FrameType.RESPONSE);
  });
});

function randomPayload(random: Random, type: number): Buffer {
  if (random(5) === 0) return Buffer.from(Array.from({ length: random(40) }, () => random(256)));
  if (type === FrameType.WINDOW) return u32(random(1000));
  if (type !== FrameType.REQUEST) return Buffer.alloc(random(300), "x");
  const text = Buffer.from(head, "latin1");
  if (random(2) === 0) text[random(text.length)] = random(256);
  return requestPayload(
    text.latin1Slice(),
    "body".repeat(random(5)),
    random(20) === 0 ? random(500) : text.length,
  );
}

test("random frames are answered by the rules or refused, and never confuse the streams", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const types = [FrameType.REQUEST, FrameType.DATA, FrameType.CANCEL, FrameType.WINDOW];
  let refused = 0;
  let answered = 0;

  for (let round = 0; round < 1500; round++) {
    const note = `seed ${seed} round ${round}`;
    const { reader, requests, sent } = setup();
    const opened = new Set<number>();
    try {
      for (let count = random(30); count > 0; count--) {
        const type = random(25) === 0 ? random(256) : types[random(types.length)]!;
        const id = random(5);
        const flags = random(2) === 0 ? FLAG_END : random(4) === 0 ? FLAG_UPGRADE : 0;
        if (type === FrameType.REQUEST) opened.add(id);
        reader.push(frame(type, id, randomPayload(random, type), flags));
        if (random(4) === 0) await turnEnd();
      }
    } catch (error) {
      if (!(error instanceof WireProtocolError)) throw new Error(note, { cause: error });
      refused += 1;
    }
    await turnEnd();
    await turnEnd();

    const ends = new Map<number, number>();
    for (const { type, id, flags } of sent()) {
      expect(opened.has(id), note).toBe(true);
      const isEnd = type === FrameType.RESET || (flags & FLAG_END) !== 0;
      if (isEnd) ends.set(id, (ends.get(id) ?? 0) + 1);
    }
    answered += ends.size;
    expect(requests.inFlight, note).toBeLessThanOrEqual(opened.size);
  }

  expect(refused).toBeGreaterThan(100);
  expect(answered).toBeGreaterThan(100);
}, 60_000);

describe("a runner that is sent a broken frame", () => {
  test.each([
    ["unknown type", frame(77, 0, "")],
    ["oversized", Buffer.from([0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0, 0])],
    ["malformed control", frame(FrameType.CONTROL, 0, "{", FLAG_END)],
  ])("ends with a message and takes nothing with it: %s", async (_what, bytes) => {
    await using runner = await TestRunner.start("hello.ts");

    runner.sendRaw(bytes);
    await runner.ended;

    expect(runner.child.exitCode).toBe(1);
    expect(runner.stderr).toMatch(/WireProtocolError|JSON/);
  });
});
