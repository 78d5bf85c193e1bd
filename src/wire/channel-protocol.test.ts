/** What a runner may not do, each rule on its own: the wire breaks, and no stream hears of the frame. */
import { describe, expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { FLAG_END, FLAG_UPGRADE, FrameType, ResetReason, WireProtocolError } from "./frames.ts";
import {
  framePayloadBytesMax,
  resetTextBytesMax,
  responseHeadBytesMax,
  streamWindowBytes,
} from "./limits.ts";
import { frame, responsePayload, TestWire, u32 } from "./wire-for-tests.ts";

const response = (
  body: Uint8Array | string = "",
  head: Parameters<typeof responsePayload>[1] = {},
  flags = 0,
) => frame(FrameType.RESPONSE, 0, responsePayload(body, head), flags);
const data = (body: Uint8Array | string, flags = 0) => frame(FrameType.DATA, 0, body, flags);
const tunnel = frame(FrameType.TUNNEL, 0, "HTTP/1.1 101 ok\r\n\r\n");
const reset = frame(FrameType.RESET, 0, [ResetReason.HANDLER_THREW] as never);
const full = Buffer.alloc(framePayloadBytesMax);

/** Frames before the last are allowed; the last breaks the wire. One request is open, number 0. */
const cases: Record<string, { frames: Buffer[]; flags?: number }> = {
  "a second head": { frames: [response(), response()] },
  "a head after END": { frames: [response("", {}, FLAG_END), response()] },
  "DATA before a head": { frames: [data("x")] },
  "END before a head": { frames: [data("", FLAG_END)] },
  "DATA after END": { frames: [response(), data("x", FLAG_END), data("y")] },
  "DATA with nothing in it": { frames: [response(), data("")] },
  "DATA after RESET": { frames: [response(), reset, data("x")] },
  "a second RESET": { frames: [reset, reset] },
  "a RESET without a reason": { frames: [frame(FrameType.RESET, 0)] },
  "a frame for a stream that was never opened": {
    frames: [frame(FrameType.RESPONSE, 2, responsePayload())],
  },
  "a frame for a stream far beyond": { frames: [frame(FrameType.DATA, 0xffff_ffff, "x")] },
  "a frame of an unknown type": { frames: [frame(0, 0)] },
  "a frame that only the node sends": { frames: [frame(FrameType.REQUEST, 0, "x")] },
  "a CANCEL": { frames: [frame(FrameType.CANCEL, 0)] },
  "a head that is too short": { frames: [frame(FrameType.RESPONSE, 0, "short")] },
  "a reason that is longer than the frame": {
    frames: [frame(FrameType.RESPONSE, 0, responsePayload("").fill(0xff, 2, 4))],
  },
  "a block that is longer than the frame": {
    frames: [frame(FrameType.RESPONSE, 0, responsePayload("").fill(0xff, 4, 8))],
  },
  "a head that is longer than its bound": {
    frames: [response("", { block: `a: ${"x".repeat(responseHeadBytesMax)}\r\n` })],
  },
  "status 0": { frames: [response("", { status: 0 })] },
  "status 101": { frames: [response("", { status: 101 })] },
  "status 1000": { frames: [response("", { status: 1000 })] },
  "a length of -2": { frames: [response("", { contentLength: -2 })] },
  "a length of 1.5": { frames: [response("", { contentLength: 1.5 })] },
  "a length of NaN": { frames: [response("", { contentLength: Number.NaN })] },
  "an infinite length": { frames: [response("", { contentLength: Number.POSITIVE_INFINITY })] },
  "a reason that ends its line": { frames: [response("", { reason: "a\r\nb: c" })] },
  "a header that ends its line": { frames: [response("", { block: "a: b\r\n\r\nHTTP/1.1\r\n" })] },
  "a header of framing": { frames: [response("", { block: "Content-Length: 3\r\n" })] },
  "more in the window than it holds": { frames: [response(), data(full), data(full), data("x")] },
  "more with the head than the window holds": {
    frames: [response("x".repeat(1000)), data(full), data(full.subarray(999))],
  },
  "a WINDOW that is not 4 bytes": { frames: [frame(FrameType.WINDOW, 0, "123")] },
  "a WINDOW of nothing": { frames: [frame(FrameType.WINDOW, 0, u32(0))] },
  "a WINDOW larger than the window": { frames: [frame(FrameType.WINDOW, 0, u32(1))] },
  "a TUNNEL nobody asked for": { frames: [tunnel] },
  "a TUNNEL after a head": { frames: [response(), tunnel], flags: FLAG_UPGRADE },
  "a second TUNNEL": { frames: [tunnel, tunnel], flags: FLAG_UPGRADE },
  "a head after a TUNNEL": { frames: [tunnel, response()], flags: FLAG_UPGRADE },
  "a TUNNEL that is a response": {
    frames: [frame(FrameType.TUNNEL, 0, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")],
    flags: FLAG_UPGRADE,
  },
  "a PONG without a PING": { frames: [frame(FrameType.PONG, 0, u32(1))] },
  "a PONG that is not 4 bytes": { frames: [frame(FrameType.PONG, 0, "12345")] },
  "a control message that is not JSON": { frames: [frame(FrameType.CONTROL, 0, "{")] },
  "a third control message that answers nothing": {
    frames: Array(3).fill(frame(FrameType.CONTROL, 0, "{}")),
  },
  "an oversized frame": {
    frames: [frame(FrameType.DATA, 0, Buffer.alloc(framePayloadBytesMax + 1))],
  },
};

describe("a runner that breaks a rule", () => {
  for (const [what, { frames, flags = 0 }] of Object.entries(cases)) {
    test(`${what} breaks the wire`, () => {
      const wire = new TestWire();
      const stream = wire.open({ flags });
      const neighbour = wire.open();
      stream.takesAtOnce = false;

      wire.receive(...frames.slice(0, -1));
      expect(wire.broken).toEqual([]);
      const before = [...stream.notes];
      wire.receive(frames.at(-1)!);

      expect(wire.broken).toHaveLength(1);
      expect(wire.broken[0]).toBeInstanceOf(WireProtocolError);
      expect(stream.notes).toEqual(before);
      expect(neighbour.notes).toEqual(["open"]);
    });
  }

  test("nothing that it sends afterwards is read, and its streams are lost when the wire closes", () => {
    const wire = new TestWire();
    const [first, second] = [wire.open(), wire.open()];

    wire.receive(response("", { status: 1 }), frame(FrameType.RESPONSE, 1, responsePayload("x")));
    wire.receive(frame(FrameType.RESPONSE, 1, responsePayload("x"), FLAG_END));
    wire.receive(frame(99, 99, "x"));
    wire.channel.close(new PlatformError("APP_EXITED", ["shop", "signal SIGKILL"]));

    expect(wire.broken).toHaveLength(1);
    expect(first.notes).toEqual(["open", "lost APP_EXITED"]);
    expect(second.notes).toEqual(["open", "lost APP_EXITED"]);
  });
});

describe("a runner that floods", () => {
  test("a cancelled stream explains what its window held and a head, and not a byte more", () => {
    const flood = (frames: Buffer[]) => {
      const wire = new TestWire();
      wire.open().cancel();
      wire.receive(...frames);
      return wire.broken.length;
    };
    const window = [data(full), data(full)];
    expect(full.length * 2).toBe(streamWindowBytes);

    expect(flood([frame(FrameType.RESPONSE, 0, full), ...window, reset])).toBe(0);
    expect(flood([frame(FrameType.RESPONSE, 0, full), ...window, data("x")])).toBe(1);
    expect(flood(Array.from({ length: 100 }, () => data("")))).toBe(1);
    expect(flood([reset, data("x")])).toBe(1);
  });

  test("as many pongs as pings are heard and no more", () => {
    const wire = new TestWire();
    for (let token = 0; token < 3; token++) wire.channel.ping(token);

    for (let token = 0; token < 5; token++) wire.receive(frame(FrameType.PONG, 0, u32(token)));

    expect(wire.pongs).toEqual([0, 1, 2]);
    expect(wire.broken).toHaveLength(1);
  });

  test("two messages are heard at the start and one for each that it is sent", () => {
    const wire = new TestWire();
    const control = frame(FrameType.CONTROL, 0, "{}", FLAG_END);
    wire.channel.control({ type: "load" });

    wire.receive(control, control, control);
    expect(wire.broken).toEqual([]);
    wire.receive(control);

    expect(wire.controls).toHaveLength(3);
    expect(wire.broken).toHaveLength(1);
  });

  test("deeply nested JSON breaks the wire or is a message, and never more", () => {
    const wire = new TestWire();

    wire.receive(frame(FrameType.CONTROL, 0, "[".repeat(framePayloadBytesMax)));

    expect(wire.broken).toHaveLength(1);
  });

  test("a reset's text is cut", () => {
    const wire = new TestWire();
    const stream = wire.open();

    wire.receive(frame(FrameType.RESET, 0, `\x01${"é".repeat(50_000)}`));

    expect(stream.notes[1]!.length).toBeLessThanOrEqual("reset 1 ".length + resetTextBytesMax);
  });
});
