import { describe, expect, test } from "bun:test";
import { FrameReader } from "./frame-reader.ts";
import { FRAME_HEADER_BYTES, WireProtocolError } from "./frames.ts";
import { framePayloadBytesMax } from "./limits.ts";
import { frame } from "./wire-for-tests.ts";

/** A reader and, as text, the frames it has given. */
function setup() {
  const given: string[] = [];
  const reader = new FrameReader((type, flags, id, buffer, start, end) => {
    given.push(`${type}/${flags}/${id}/${buffer.latin1Slice(start, end)}`);
  });
  return { reader, given };
}

describe("FrameReader", () => {
  test("a stream of frames is the same however it is cut in two or three", () => {
    const stream = Buffer.concat([
      frame(2, 7, "seven", 1),
      frame(3, 0xffff_ffff),
      frame(255, 9, "a longer payload", 255),
      frame(1, 1, ""),
    ]);
    const whole = ["2/1/7/seven", "3/0/4294967295/", "255/255/9/a longer payload", "1/0/1/"];

    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second++) {
        const { reader, given } = setup();
        reader.push(stream.subarray(0, first));
        reader.push(stream.subarray(first, second));
        reader.push(stream.subarray(second));
        expect(given).toEqual(whole);
      }
    }
  });

  test("a stream of frames is the same when it comes byte by byte", () => {
    const { reader, given } = setup();

    for (const byte of Buffer.concat([frame(2, 1, "abc"), frame(4, 2, "d")])) {
      reader.push(Buffer.from([byte]));
    }

    expect(given).toEqual(["2/0/1/abc", "4/0/2/d"]);
  });

  test("frames inside one piece are given without a copy", () => {
    const piece = Buffer.concat([frame(2, 1, "abc"), frame(2, 1, "def")]);
    const buffers = new Set<Buffer>();

    new FrameReader((_type, _flags, _id, buffer) => buffers.add(buffer)).push(piece);

    expect([...buffers]).toEqual([piece]);
  });

  test("a frame of the largest size is taken, one byte more is refused", () => {
    const { reader, given } = setup();
    const largest = frame(2, 1, Buffer.alloc(framePayloadBytesMax, "x"));
    const tooLarge = frame(2, 1, Buffer.alloc(framePayloadBytesMax + 1));

    reader.push(largest.subarray(0, 100));
    reader.push(largest.subarray(100));

    expect(given).toHaveLength(1);
    expect(() => reader.push(tooLarge)).toThrow(WireProtocolError);
  });

  test("an oversized frame is refused as soon as its length is known, wherever the header is cut", () => {
    const header = frame(2, 1, "").subarray(0, FRAME_HEADER_BYTES);
    header.writeUInt32LE(0xffff_ffff, 0);

    for (let cut = 0; cut < FRAME_HEADER_BYTES; cut++) {
      const { reader } = setup();
      reader.push(header.subarray(0, cut));
      expect(() => reader.push(header.subarray(cut))).toThrow(WireProtocolError);
    }
  });
});
