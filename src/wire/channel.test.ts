import { describe, expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { FLAG_END, FLAG_UPGRADE, FrameType, ResetReason } from "./frames.ts";
import {
  dataBytesMax,
  framePayloadBytesMax,
  streamWindowBytes,
  wireBacklogBytesMax,
} from "./limits.ts";
import { frame, NotingStream, responsePayload, TestWire, u32 } from "./wire-for-tests.ts";

const gone = new PlatformError("APP_EXITED", ["shop", "exit code 1"]);
const head101 = "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n";

describe("a request and its response", () => {
  test("the head and the first body bytes travel in one frame", () => {
    const wire = new TestWire();

    wire.open({ body: Buffer.from("body") });

    const [request, ...rest] = wire.sent();
    expect(rest).toEqual([]);
    expect(request).toMatchObject({ type: FrameType.REQUEST, flags: FLAG_END, id: 0 });
    const headBytes = request!.payload.readUInt32LE(0);
    expect(request!.payload.latin1Slice(4, 4 + headBytes)).toBe(
      "GET / http a  127.0.0.1 1\r\nhost: a\r\n",
    );
    expect(request!.payload.latin1Slice(4 + headBytes)).toBe("body");
  });

  test("a whole response ends its stream once", () => {
    const wire = new TestWire();
    const stream = wire.open();

    const head = { status: 404, reason: "Not here", block: "a: b\r\n", contentLength: 5 };
    wire.receive(frame(FrameType.RESPONSE, 0, responsePayload("hello", head), FLAG_END));

    expect(stream.notes).toEqual(["open", "response 404 Not here a: b; 5", "end"]);
    expect(stream.body).toBe("hello");
    expect(wire.closedStreams).toBe(1);
    expect(wire.channel.openStreams).toBe(0);
    expect(stream.channel).toBeNull();
  });

  test("a response in pieces reaches its own stream in order, among others", () => {
    const wire = new TestWire();
    const first = wire.open();
    const second = wire.open();

    wire.respond(1, "2a");
    wire.respond(0, "1a");
    wire.data(1, "2b");
    wire.data(0, "1b", FLAG_END);
    wire.data(1, "2c", FLAG_END);

    expect(first.body).toBe("1a1b");
    expect(second.body).toBe("2a2b2c");
    expect(second.notes).toEqual(["open", "response 200", "end"]);
  });

  test("a number is used again only after the runner has ended its stream", () => {
    const wire = new TestWire();
    const [first, second] = [wire.open(), wire.open()];
    expect([first.streamId, second.streamId]).toEqual([0, 1]);

    second.cancel();
    expect(wire.open().streamId).toBe(2);
    wire.receive(frame(FrameType.RESET, 1, [ResetReason.CANCELLED] as never));

    expect(wire.open().streamId).toBe(1);
  });

  test("a reset tells its reason and its text, cut to a bound", () => {
    const wire = new TestWire();
    const [short, long] = [wire.open(), wire.open()];

    wire.receive(frame(FrameType.RESET, 0, "\x01it threw"));
    wire.receive(frame(FrameType.RESET, 1, `\x02${"x".repeat(100_000)}`));

    expect(short.notes).toEqual(["open", "reset 1 it threw"]);
    expect(long.notes[1]!.length).toBe("reset 2 ".length + 4096);
    expect(wire.channel.openStreams).toBe(0);
  });

  test("closing loses every open stream once, and none afterwards", () => {
    const wire = new TestWire();
    const open = [wire.open(), wire.open(), wire.open()];
    const ended = wire.open();
    wire.respond(3, "", FLAG_END);
    open[1]!.cancel();

    wire.channel.close(gone);
    wire.channel.close(gone);
    wire.respond(0, "late");

    expect(open.map(({ notes }) => notes.slice(1))).toEqual([
      ["lost APP_EXITED"],
      [],
      ["lost APP_EXITED"],
    ]);
    expect(ended.notes).toEqual(["open", "response 200", "end"]);
    expect(wire.closedStreams).toBe(4);
    expect(wire.channel.openStreams).toBe(0);
    expect(wire.channel.hasRoom).toBe(false);
    expect(wire.broken).toEqual([]);
  });

  test("what a stream is asked after its end does nothing", () => {
    const wire = new TestWire();
    const stream = wire.open({ flags: 0 });
    wire.respond(0, "early", FLAG_END);
    wire.sent();

    expect(stream.send(Buffer.from("late"), 0, 4)).toBe(0);
    stream.sendEnd();
    stream.granted(streamWindowBytes);
    stream.cancel();

    expect(wire.sent()).toEqual([]);
    expect(wire.closedStreams).toBe(1);
  });

  test("a stream object can be opened again after its end, with nothing left of the first time", () => {
    const wire = new TestWire();
    const stream = wire.open({ flags: FLAG_UPGRADE });
    wire.receive(frame(FrameType.TUNNEL, 0, head101));
    wire.data(0, Buffer.alloc(1000), FLAG_END);

    wire.open({ stream });

    expect(stream.isTunnel).toBe(false);
    expect(stream.hasHead).toBe(false);
    expect(stream.receiveWindowBytes).toBe(streamWindowBytes);
    expect(stream.sendWindowBytes).toBe(streamWindowBytes);
  });
});

describe("cancelling", () => {
  test("no callback follows, and frames that were on their way are dropped", () => {
    const wire = new TestWire();
    const stream = wire.open({ flags: 0 });

    stream.cancel();
    stream.cancel();
    wire.respond(0, "x".repeat(1000));
    wire.data(0, Buffer.alloc(dataBytesMax));
    wire.receive(frame(FrameType.WINDOW, 0, u32(1)));
    wire.receive(frame(FrameType.RESET, 0, [ResetReason.CANCELLED] as never));

    expect(stream.notes).toEqual(["open"]);
    expect(wire.sent().map(({ type }) => type)).toEqual([FrameType.REQUEST, FrameType.CANCEL]);
    expect(wire.broken).toEqual([]);
  });

  test("a cancelled stream counts as open until the runner has let go of it", () => {
    for (const last of [
      frame(FrameType.RESET, 0, [ResetReason.CANCELLED] as never),
      frame(FrameType.RESPONSE, 0, responsePayload("crossed"), FLAG_END),
      frame(FrameType.DATA, 0, "crossed", FLAG_END),
    ]) {
      const wire = new TestWire();
      wire.open().cancel();
      expect(wire.channel.openStreams).toBe(1);
      expect(wire.closedStreams).toBe(0);

      wire.receive(last);

      expect(wire.channel.openStreams).toBe(0);
      expect(wire.closedStreams).toBe(1);
    }
  });

  test("a client that asks and goes away in a loop takes a number each time", () => {
    const wire = new TestWire();

    for (let turn = 0; turn < 100; turn++) wire.open().cancel();

    expect(wire.channel.openStreams).toBe(100);
  });

  test("inside a callback it is the last that the stream hears", () => {
    const wire = new TestWire();
    const stream = new (class extends NotingStream {
      override onData(): void {
        this.notes.push("data");
        this.cancel();
      }
    })();
    wire.open({ stream });

    wire.receive(
      frame(FrameType.RESPONSE, 0, responsePayload()),
      frame(FrameType.DATA, 0, "a"),
      frame(FrameType.DATA, 0, "b"),
      frame(FrameType.DATA, 0, "c", FLAG_END),
    );

    expect(stream.notes).toEqual(["open", "response 200", "data"]);
    expect(wire.channel.openStreams).toBe(0);
  });
});

describe("flow control", () => {
  test("no more is sent than the window allows, and the rest after a grant", () => {
    const wire = new TestWire();
    const body = Buffer.alloc(streamWindowBytes + 10_000, "x");
    const stream = wire.open({ flags: 0 });

    expect(stream.send(body, 0, body.length)).toBe(streamWindowBytes);
    expect(stream.send(body, 0, body.length)).toBe(0);
    wire.receive(frame(FrameType.WINDOW, 0, u32(7000)));

    expect(stream.notes).toEqual(["open", "window"]);
    expect(stream.send(body, 0, body.length)).toBe(7000);
    const pieces = wire.sent().filter(({ type }) => type === FrameType.DATA);
    expect(pieces.every(({ payload }) => payload.length <= dataBytesMax)).toBe(true);
    expect(pieces.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(
      streamWindowBytes + 7000,
    );
  });

  test("a body that came with the head counts against the window", () => {
    const wire = new TestWire();
    const stream = wire.open({ flags: 0, body: Buffer.alloc(5000) });

    const body = Buffer.alloc(streamWindowBytes);

    expect(stream.send(body, 0, body.length)).toBe(streamWindowBytes - 5000);
  });

  test("a stream that has said END is not told of new room", () => {
    const wire = new TestWire();
    const stream = wire.open({ flags: 0 });
    stream.send(Buffer.alloc(100), 0, 100);
    stream.sendEnd();
    stream.sendEnd();

    wire.receive(frame(FrameType.WINDOW, 0, u32(100)));

    expect(stream.notes).toEqual(["open"]);
    expect(wire.sent().filter(({ flags }) => (flags & FLAG_END) !== 0)).toHaveLength(1);
  });

  test("what has left the node is granted again in halves of the window", () => {
    const wire = new TestWire();
    const stream = wire.open();
    stream.takesAtOnce = false;
    wire.sent();
    wire.respond(0);
    for (let piece = 0; piece < 4; piece++) wire.data(0, Buffer.alloc(dataBytesMax));

    stream.granted(dataBytesMax);
    expect(wire.sent()).toEqual([]);
    stream.granted(dataBytesMax);

    expect(wire.sent()).toEqual([
      { type: FrameType.WINDOW, flags: 0, id: 0, payload: u32(2 * dataBytesMax) },
    ]);
    wire.data(0, Buffer.alloc(2 * dataBytesMax));
    expect(wire.broken).toEqual([]);
  });

  test("a full wire takes no more body bytes, still takes heads, and wakes those that wait", () => {
    const wire = new TestWire();
    wire.socket.roomBytes = 0;
    const body = Buffer.alloc(streamWindowBytes);
    const streams = Array.from({ length: 8 }, () => wire.open({ flags: 0 }));

    const taken = streams.map((stream) => stream.send(body, 0, body.length));
    const sum = taken.reduce((a, b) => a + b, 0);
    expect(sum).toBeLessThanOrEqual(wireBacklogBytesMax + dataBytesMax);
    const late = wire.open({ flags: 0 });
    expect(late.notes).toEqual(["open"]);

    wire.socket.roomBytes = Number.POSITIVE_INFINITY;
    wire.channel.onDrain();

    for (const [index, stream] of streams.entries()) {
      const waited = taken[index]! < streamWindowBytes;
      expect(stream.notes).toEqual(waited ? ["open", "window"] : ["open"]);
    }
  });

  test("bodies of one turn need not wait for its end while the socket takes them", () => {
    const wire = new TestWire();
    const body = Buffer.alloc(streamWindowBytes);
    const streams = Array.from({ length: 8 }, () => wire.open({ flags: 0 }));

    const taken = streams.map((stream) => stream.send(body, 0, body.length));

    expect(taken).toEqual(streams.map(() => body.length));
    expect(wire.channel.backlogBytes).toBeLessThan(2 * streamWindowBytes);
  });

  test("a stream that was cancelled while it waited for a full wire is not woken", () => {
    const wire = new TestWire();
    wire.socket.roomBytes = 0;
    const body = Buffer.alloc(streamWindowBytes);
    const streams = Array.from({ length: 8 }, () => wire.open({ flags: 0 }));
    for (const stream of streams) stream.send(body, 0, body.length);

    streams.at(-1)!.cancel();
    wire.socket.roomBytes = Number.POSITIVE_INFINITY;
    wire.channel.onDrain();

    expect(streams.at(-1)!.notes).toEqual(["open"]);
    expect(streams.at(-2)!.notes).toEqual(["open", "window"]);
  });
});

describe("a tunnel", () => {
  const upgraded = () => {
    const wire = new TestWire();
    const stream = wire.open({ flags: FLAG_UPGRADE | FLAG_END });
    wire.receive(frame(FrameType.TUNNEL, 0, head101));
    wire.sent();
    return { wire, stream };
  };

  test("bytes go both ways after the request's own END", () => {
    const { wire, stream } = upgraded();

    wire.data(0, "from the app");
    stream.send(Buffer.from("from the client"), 0, 15);

    expect(stream.notes).toEqual(["open", "tunnel"]);
    expect(stream.body).toBe("from the app");
    expect(wire.sent().map(({ payload }) => payload.toString())).toEqual(["from the client"]);
  });

  test("it lives on when the client has said END, and ends with the runner's", () => {
    const { wire, stream } = upgraded();

    stream.sendEnd();
    wire.data(0, "last words");
    expect(wire.channel.openStreams).toBe(1);
    wire.data(0, "", FLAG_END);

    expect(stream.notes).toEqual(["open", "tunnel", "end"]);
    expect(stream.body).toBe("last words");
    expect(wire.channel.openStreams).toBe(0);
  });

  test("its window holds in both directions", () => {
    const { wire, stream } = upgraded();
    stream.takesAtOnce = false;
    const bytes = Buffer.alloc(streamWindowBytes + 1);

    expect(stream.send(bytes, 0, bytes.length)).toBe(streamWindowBytes);
    for (let piece = 0; piece < 4; piece++) wire.data(0, bytes.subarray(0, dataBytesMax));
    expect(wire.broken).toEqual([]);
    wire.data(0, "x");

    expect(wire.broken).toHaveLength(1);
  });
});

describe("messages beside the streams", () => {
  test("a long control message leaves in pieces, the last marked with END", () => {
    const wire = new TestWire();
    const message = { type: "load", env: { A: "\u0001é".repeat(60_000) } };

    wire.channel.control(message);

    const pieces = wire.sent();
    expect(pieces.length).toBeGreaterThan(2);
    expect(pieces.every(({ payload }) => payload.length <= framePayloadBytesMax)).toBe(true);
    expect(pieces.map(({ flags }) => flags).lastIndexOf(0)).toBe(pieces.length - 2);
    const text = Buffer.concat(pieces.map(({ payload }) => payload)).toString();
    expect(JSON.parse(text)).toEqual(message);
  });

  test("a runner's messages and pongs reach the owner", () => {
    const wire = new TestWire();
    wire.channel.ping(0xdead_beef);

    wire.receive(frame(FrameType.CONTROL, 0, '{"type":"started"}', FLAG_END));
    wire.receive(frame(FrameType.PONG, 0, u32(0xdead_beef)));

    expect(wire.controls).toEqual([{ type: "started" }]);
    expect(wire.pongs).toEqual([0xdead_beef]);
  });
});
