import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { Framer, type FrameSink, frameKinds, passed, told, type Verdict, whole } from "./framer.ts";
import { wholeBytesMax } from "./limits.ts";
import { message } from "./messages.ts";

const kinds = frameKinds([
  [0x44, passed],
  [0x54, told],
  [0x5a, whole],
]);

/** What a framer says, as text: messages as they are told, and all bytes that pass. */
class Recorder implements FrameSink {
  readonly messages: string[] = [];
  passed = Buffer.alloc(0);
  broken: string | null = null;
  verdicts: Verdict[] = [];
  reads = 0;

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    const verdict = this.verdicts.shift() ?? "pass";
    const body = end === null ? "…" : bytes.toString("latin1", at + 5, end);
    this.messages.push(`${String.fromCharCode(type)}:${body}:${verdict}`);
    return verdict;
  }

  onPass(bytes: Buffer, from: number, end: number): void {
    expect(end).toBeGreaterThan(from);
    this.passed = Buffer.concat([this.passed, bytes.subarray(from, end)]);
  }

  onBroken(why: string): void {
    this.broken = why;
  }

  onRead(): void {
    this.reads += 1;
  }
}

const row = (text: string) => message(0x44, Buffer.from(text));
const head = (text: string) => message(0x54, Buffer.from(text));
const last = (text: string) => message(0x5a, Buffer.from(text));

describe("a framer", () => {
  test("finds the same messages wherever the stream is cut in two or three", () => {
    const stream = Buffer.concat([head("ab"), row("cde"), last("I"), row(""), last("T"), head("")]);
    const expected = ["T:…:pass", "Z:I:pass", "Z:T:pass", "T:…:pass"];

    for (let first = 0; first <= stream.length; first += 1) {
      for (let second = first; second <= stream.length; second += 1) {
        const sink = new Recorder();
        const framer = new Framer(kinds, sink);
        for (const [from, end] of [
          [0, first],
          [first, second],
          [second, stream.length],
        ] as const) {
          if (end > from) framer.read(Buffer.from(stream.subarray(from, end)));
        }
        expect(sink.messages).toEqual(expected);
        expect(sink.passed.equals(stream)).toBe(true);
        expect(framer.isBetween).toBe(true);
      }
    }
  });

  test("passes all but what is dropped, in order, however the stream is cut and whatever waits", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    for (let round = 0; round < 300; round += 1) {
      const verdicts: Verdict[] = [];
      const kept: Buffer[] = [];
      const all: Buffer[] = [];
      for (let count = random(30); count > 0; count -= 1) {
        const body = "x".repeat(random(random(10) === 0 ? 5000 : 20));
        const bytes = pick(random, [row, head, last])(body);
        all.push(bytes);
        let isDropped = false;
        if (bytes[0] !== 0x44) {
          while (random(4) === 0) verdicts.push("wait");
          isDropped = random(3) === 0;
          verdicts.push(isDropped ? "drop" : "pass");
        }
        if (!isDropped) kept.push(bytes);
      }
      const stream = Buffer.concat(all);
      const sink = new Recorder();
      sink.verdicts = verdicts;
      const framer = new Framer(kinds, sink);
      for (let at = 0; at < stream.length; ) {
        const end = Math.min(stream.length, at + 1 + random(pick(random, [3, 40, 9000])));
        framer.read(Buffer.from(stream.subarray(at, end)));
        at = end;
        if (random(2) === 0) framer.resume();
      }
      for (let tries = 0; tries < 200 && !framer.isBetween; tries += 1) framer.resume();

      expect(sink.passed.equals(Buffer.concat(kept)), `LEVAIN_TEST_SEED=${seed}`).toBe(true);
      expect(sink.broken).toBeNull();
    }
  });

  test("is broken by a length that cannot be and by a first byte that means nothing, and stays so", () => {
    for (const bytes of [
      Buffer.from([0x5a, 0, 0, 0, 3]),
      Buffer.from([0x5a, 0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0x44, 0x40, 0, 0, 0]),
      Buffer.from([0x00, 0, 0, 0, 4]),
    ]) {
      const sink = new Recorder();
      const framer = new Framer(kinds, sink);
      framer.read(Buffer.concat([row("a"), bytes]));
      framer.read(last("I"));

      expect(sink.broken).not.toBeNull();
      expect(sink.messages).toEqual([]);
      expect(sink.passed.equals(row("a"))).toBe(true);
    }
  });

  test("does not join a message that is longer than the bound, but passes it as it comes", () => {
    const sink = new Recorder();
    const framer = new Framer(kinds, sink);
    const long = last("y".repeat(wholeBytesMax));
    framer.read(Buffer.from(long.subarray(0, 1000)));

    expect(sink.messages).toEqual(["Z:…:pass"]);
    expect(framer.heldBytes).toBe(0);
    framer.read(Buffer.from(long.subarray(1000)));
    expect(sink.passed.length).toBe(long.length);
    expect(framer.isBetween).toBe(true);
  });

  test("survives any bytes at all", () => {
    const seed = testSeed();
    const random = randomOf(seed);
    for (let round = 0; round < 2000; round += 1) {
      const framer = new Framer(kinds, new Recorder());
      for (let chunk = 0; chunk < 5; chunk += 1) {
        framer.read(
          Buffer.from(Array.from({ length: 1 + random(40) }, () => random(random(256) + 1))),
        );
        framer.resume();
      }
      expect(framer.heldBytes, `LEVAIN_TEST_SEED=${seed}`).toBeLessThanOrEqual(200);
    }
  });
});
