/**
 * Goal: streams are never confused, whatever happens in whatever order. Method: a channel and a runner that keeps the
 * rules, with a wire between them that cuts and delays, do random things; every byte of a stream says which stream it
 * is of and where it stands. The seed is printed with a failure.
 */
import { expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { Channel, type ChannelOwner } from "./channel.ts";
import { ClientStream } from "./client-stream.ts";
import { FrameReader } from "./frame-reader.ts";
import {
  FLAG_END,
  FLAG_UPGRADE,
  FrameType,
  ResetReason,
  type WireProtocolError,
} from "./frames.ts";
import { dataBytesMax, streamWindowBytes, wireBacklogBytesMax } from "./limits.ts";
import {
  FakeSocket,
  frame,
  type Random,
  randomOf,
  responsePayload,
  testSeed,
  u32,
} from "./wire-for-tests.ts";

const operations = 200_000;
const streamsOpenMax = 40;
const head101 = "HTTP/1.1 101 ok\r\n\r\n";

/** Byte `at` of the text with number `serial` is `(serial * 31 + at) % 251`. */
const period = 251;
const pattern = Buffer.from(
  Uint8Array.from({ length: period + dataBytesMax }, (_, at) => at % period),
);
const textOf = (serial: number, at: number, bytes: number) => {
  const from = (serial * 31 + at) % period;
  return pattern.subarray(from, from + bytes);
};

/** What the node's stream and the runner's side of it have sent and received. */
class Pair extends ClientStream {
  readonly serial: number;
  /** Node to runner. Bytes. */
  sentUp = 0;
  receivedUp = 0;
  saidEndUp = false;
  heardEndUp = false;
  /** Runner to node. Bytes. */
  sentDown = 0;
  receivedDown = 0;
  heldDown = 0;
  hasTunnel = false;
  /** How it ended for the node; exactly one. */
  readonly ends: string[] = [];
  readonly wrongs: string[] = [];
  // The runner's side.
  runner: "none" | "open" | "headed" | "tunnel" | "ended" = "none";
  runnerWindow = streamWindowBytes;
  runnerUngranted = 0;

  constructor(serial: number) {
    super();
    this.serial = serial;
  }

  #receive(buffer: Buffer, start: number, end: number, ended: boolean): void {
    if (this.ends.length > 0) this.wrongs.push("bytes after the end");
    const expected = textOf(this.serial, this.receivedDown, end - start);
    if (buffer.compare(expected, 0, expected.length, start, end) !== 0) {
      this.wrongs.push(`wrong bytes at ${this.receivedDown}`);
    }
    this.receivedDown += end - start;
    this.heldDown += end - start;
    if (!ended) return;
    if (this.receivedDown !== this.sentDown) this.wrongs.push("ended before all had come");
    this.ends.push("end");
  }

  override onOpen(): void {}
  override onWindow(): void {
    if (this.ends.length > 0) this.wrongs.push("a window after the end");
  }
  override onResponse(...args: Parameters<ClientStream["onResponse"]>): void {
    const [status, , , buffer, , , bodyStart, bodyEnd, ended] = args;
    if (status !== 200 + (this.serial % 300)) this.wrongs.push("the head of another stream");
    this.#receive(buffer, bodyStart, bodyEnd, ended);
  }
  override onTunnel(): void {
    if (!this.hasTunnel) this.wrongs.push("the tunnel of another stream");
  }
  override onData(buffer: Buffer, start: number, end: number, ended: boolean): void {
    this.#receive(buffer, start, end, ended);
  }
  override onReset(_reason: number, text: string): void {
    if (text !== String(this.serial)) this.wrongs.push("the reset of another stream");
    this.ends.push("reset");
  }
  override onLost(): void {
    this.ends.push("lost");
  }
}

/** Both ends, the wire between them, and what is random about them. */
class World implements ChannelOwner {
  readonly random: Random;
  readonly socket = new FakeSocket();
  readonly channel = new Channel(this.socket, this);
  readonly all: Pair[] = [];
  /** Open for the node: not ended, not cancelled. */
  readonly live: Pair[] = [];
  /** Open for the runner, by number. */
  readonly runner = new Map<number, Pair>();
  readonly broken: WireProtocolError[] = [];
  closedStreams = 0;
  backlogBytesMax = 0;
  #toRunner = Buffer.alloc(0);
  #toNode: Buffer[] = [];
  readonly #reader = new FrameReader((type, flags, id, buffer, start, end) =>
    this.#onFrame(type, flags, id, buffer, start, end),
  );

  constructor(seed: number) {
    this.random = randomOf(seed);
  }

  onControl(): void {}
  onPong(): void {}
  onStreamClosed(): void {
    this.closedStreams += 1;
  }
  onBroken(error: WireProtocolError): void {
    this.broken.push(error);
  }

  step(): void {
    const choice = this.random(100);
    if (choice < 12) this.#open();
    else if (choice < 30) this.#nodeSends();
    else if (choice < 34) this.#nodeEnds();
    else if (choice < 36) this.#nodeCancels();
    else if (choice < 46) this.#nodeGrants();
    else if (choice < 52) this.#runnerAnswers();
    else if (choice < 70) this.#runnerSends();
    else if (choice < 73) this.#runnerEnds();
    else if (choice < 83) this.#moveToRunner(this.random(3) === 0 ? 1e9 : this.random(10_000));
    else this.#moveToNode();
  }

  /** Moves everything until nothing moves any more. */
  settle(): void {
    for (let round = 0; round < 5; round++) {
      this.#moveToRunner(Number.POSITIVE_INFINITY, true);
      this.#moveToNode(true);
      for (const pair of [...this.runner.values()]) this.#end(pair);
    }
  }

  #one(pairs: readonly Pair[]): Pair | undefined {
    return pairs[this.random(pairs.length)];
  }

  #bytes(): number {
    return this.random(20) === 0 ? this.random(dataBytesMax) : this.random(2000);
  }

  // --- the node ---

  #open(): void {
    if (this.channel.openStreams >= streamsOpenMax) return;
    const pair = new Pair(this.all.length);
    const head = Buffer.from(String(pair.serial));
    const body = textOf(pair.serial, 0, this.random(300));
    const buffer = Buffer.concat([head, body]);
    pair.hasTunnel = this.random(4) === 0;
    const ended = pair.hasTunnel || this.random(3) === 0;
    pair.saidEndUp = ended;
    pair.sentUp = body.length;
    const flags = (ended ? FLAG_END : 0) | (pair.hasTunnel ? FLAG_UPGRADE : 0);
    this.channel.open(pair, buffer, 0, head.length, head.length, buffer.length, flags);
    this.all.push(pair);
    this.live.push(pair);
  }

  #nodeSends(): void {
    const pair = this.#one(this.live);
    if (pair === undefined || pair.channel === null || pair.sendEnded) return;
    const text = textOf(pair.serial, pair.sentUp, this.#bytes());
    pair.sentUp += pair.send(text, 0, text.length);
    this.backlogBytesMax = Math.max(this.backlogBytesMax, this.channel.backlogBytes);
  }

  #nodeEnds(): void {
    const pair = this.#one(this.live);
    if (pair?.channel == null) return;
    pair.sendEnd();
    pair.saidEndUp = true;
  }

  #nodeCancels(): void {
    const pair = this.#one(this.live);
    if (pair?.channel == null) return;
    pair.cancel();
    pair.ends.push("cancelled");
  }

  #nodeGrants(): void {
    const pair = this.#one(this.live);
    if (pair === undefined || pair.heldDown === 0) return;
    const bytes = this.random(2) === 0 ? pair.heldDown : this.random(pair.heldDown) + 1;
    pair.heldDown -= bytes;
    pair.granted(bytes);
  }

  // --- the runner, which keeps the rules ---

  #say(bytes: Buffer): void {
    this.#toNode.push(bytes);
  }

  #onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number) {
    const ended = (flags & FLAG_END) !== 0;
    if (type === FrameType.REQUEST) {
      const headEnd = start + 4 + buffer.readUInt32LE(start);
      const pair = this.all[Number(buffer.latin1Slice(start + 4, headEnd))]!;
      if (this.runner.has(id)) pair.wrongs.push("its number is taken");
      this.runner.set(id, pair);
      pair.runner = "open";
      return this.#hear(pair, buffer, headEnd, end, ended);
    }
    const pair = this.runner.get(id);
    if (pair === undefined) return;
    if (type === FrameType.DATA) this.#hear(pair, buffer, start, end, ended);
    else if (type === FrameType.WINDOW) pair.runnerWindow += buffer.readUInt32LE(start);
    else if (type === FrameType.CANCEL) this.#reset(pair, ResetReason.CANCELLED);
    else pair.wrongs.push(`the node sent a frame of type ${type}`);
  }

  #hear(pair: Pair, buffer: Buffer, start: number, end: number, ended: boolean): void {
    const expected = textOf(pair.serial, pair.receivedUp, end - start);
    if (buffer.compare(expected, 0, expected.length, start, end) !== 0) {
      pair.wrongs.push(`wrong bytes up at ${pair.receivedUp}`);
    }
    if (pair.heardEndUp && pair.runner !== "tunnel") pair.wrongs.push("bytes up after END");
    pair.receivedUp += end - start;
    pair.runnerUngranted += end - start;
    if (ended) pair.heardEndUp = true;
    if (pair.runnerUngranted > streamWindowBytes) pair.wrongs.push("the node overran the window");
  }

  #runnerAnswers(): void {
    const pair = this.#one([...this.runner.values()]);
    if (pair === undefined || pair.runner !== "open") return;
    if (this.random(20) === 0) return this.#reset(pair, ResetReason.HANDLER_THREW);
    const id = pair.streamId;
    if (pair.hasTunnel) {
      pair.runner = "tunnel";
      return this.#say(frame(FrameType.TUNNEL, id, head101));
    }
    const body = textOf(pair.serial, 0, this.random(500));
    const ended = this.random(3) === 0;
    pair.sentDown = body.length;
    pair.runnerWindow -= body.length;
    const payload = responsePayload(body, { status: 200 + (pair.serial % 300) });
    this.#say(frame(FrameType.RESPONSE, id, payload, ended ? FLAG_END : 0));
    pair.runner = "headed";
    if (ended) this.#forget(pair);
  }

  #runnerSends(): void {
    const pair = this.#one([...this.runner.values()]);
    if (pair === undefined) return;
    if (pair.runnerUngranted > 0 && this.random(3) === 0) {
      this.#say(frame(FrameType.WINDOW, pair.streamId, u32(pair.runnerUngranted)));
      pair.runnerUngranted = 0;
    }
    if (pair.runner === "open") return;
    const bytes = Math.min(this.#bytes(), pair.runnerWindow);
    if (bytes === 0) return;
    this.#say(frame(FrameType.DATA, pair.streamId, textOf(pair.serial, pair.sentDown, bytes)));
    pair.sentDown += bytes;
    pair.runnerWindow -= bytes;
  }

  #runnerEnds(): void {
    const pair = this.#one([...this.runner.values()]);
    if (pair !== undefined) this.#end(pair);
  }

  #end(pair: Pair): void {
    if (pair.runner === "open") return this.#reset(pair, ResetReason.HANDLER_THREW);
    this.#say(frame(FrameType.DATA, pair.streamId, "", FLAG_END));
    this.#forget(pair);
  }

  #reset(pair: Pair, reason: number): void {
    const text = `${String.fromCharCode(reason)}${pair.serial}`;
    this.#say(frame(FrameType.RESET, pair.streamId, text));
    this.#forget(pair);
  }

  #forget(pair: Pair): void {
    this.runner.delete(pair.streamId);
    pair.runner = "ended";
  }

  // --- the wire ---

  #moveToRunner(roomBytes: number, all = false): void {
    this.socket.roomBytes = roomBytes;
    this.channel.onDrain();
    const bytes = Buffer.concat([this.#toRunner, this.socket.read()]);
    const cut = all || this.random(2) === 0 ? bytes.length : this.random(bytes.length);
    this.#toRunner = bytes.subarray(cut);
    this.#reader.push(Buffer.from(bytes.subarray(0, cut)));
  }

  #moveToNode(all = false): void {
    const bytes = Buffer.concat(this.#toNode);
    const cut = all || this.random(2) === 0 ? bytes.length : this.random(bytes.length);
    this.#toNode = [bytes.subarray(cut)];
    this.channel.onBytes(Buffer.from(bytes.subarray(0, cut)));
    for (let at = this.live.length - 1; at >= 0; at--) {
      if (this.live[at]!.ends.length > 0) this.live.splice(at, 1);
    }
  }
}

test("streams never mix, lose a byte, or end twice", async () => {
  const seed = testSeed();
  const world = new World(seed);
  const note = `seed ${seed}`;

  for (let operation = 0; operation < operations; operation++) {
    world.step();
    // Now and then a turn of the event loop ends.
    if (operation % 1000 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  }
  world.settle();

  expect(world.broken.map(String), note).toEqual([]);
  const wrong = world.all.filter(({ wrongs, ends }) => wrongs.length > 0 || ends.length !== 1);
  expect(
    wrong.map(({ serial, wrongs, ends }) => ({ serial, wrongs, ends })),
    note,
  ).toEqual([]);
  // Cancelled ones aside, both sides have seen the same.
  for (const { serial, ends, sentDown, receivedDown } of world.all) {
    if (ends[0] === "end")
      expect(`${serial}: ${receivedDown}`, note).toBe(`${serial}: ${sentDown}`);
  }
  expect(world.closedStreams, note).toBe(world.all.length);
  expect(world.channel.openStreams, note).toBe(0);
  expect(world.channel.backlogBytes, note).toBe(0);
  // Heads are as many as there are streams; bodies stop at the bound.
  expect(world.backlogBytesMax, note).toBeLessThan(wireBacklogBytesMax + 2 * dataBytesMax);
  // The run has met what it is about.
  const ends = Object.groupBy(world.all, ({ ends: [end] }) => end!);
  for (const kind of ["end", "reset", "cancelled"]) {
    expect(ends[kind]?.length ?? 0, `${note}: ${kind}`).toBeGreaterThan(500);
  }
}, 60_000);

test("a wire that closes in the middle of everything loses what is open and nothing else", () => {
  const seed = testSeed();

  for (let run = 0; run < 50; run++) {
    const world = new World(seed + run);
    for (let operation = 0; operation < 500; operation++) world.step();
    const note = `seed ${seed} run ${run}`;
    world.channel.close(new PlatformError("APP_EXITED", ["shop", "exit code 1"]));

    for (const { ends, wrongs } of world.all) {
      expect(ends, note).toHaveLength(1);
      expect(wrongs, note).toEqual([]);
    }
    expect(world.closedStreams, note).toBe(world.all.length);
  }
});
