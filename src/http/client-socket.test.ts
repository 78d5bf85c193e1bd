import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { ClientSocket, type RawSocket } from "./client-socket.ts";

/** A kernel that takes as much as it is allowed to. */
class Kernel implements RawSocket {
  room = Number.POSITIVE_INFINITY;
  isClosed = false;
  taken = "";
  writes = 0;
  readonly calls: string[] = [];

  write(data: Uint8Array, offset = 0, bytes = data.length): number {
    this.writes += 1;
    if (this.isClosed) return -1;
    const count = Math.min(bytes, this.room);
    this.room -= count;
    this.taken += Buffer.from(data.subarray(offset, offset + count)).latin1Slice();
    return count;
  }
  pause = () => void this.calls.push("pause");
  resume = () => void this.calls.push("resume");
  shutdown = () => void this.calls.push("shutdown");
  end = () => void this.calls.push("end");
  terminate = () => void this.calls.push("terminate");
}

function setup(room = Number.POSITIVE_INFINITY) {
  const kernel = new Kernel();
  kernel.room = room;
  const socket = new ClientSocket(kernel);
  const write = (text: string) => {
    const buffer = Buffer.from(`..${text}..`, "latin1");
    socket.write(buffer, 2, 2 + text.length);
    // It was only valid during the call.
    buffer.fill("!");
  };
  /** Its head is only valid during the call, its text for good. */
  const writeKept = (head: string, text: string) => {
    const buffer = Buffer.from(`..${head}${text}..`, "latin1");
    const keptFrom = 2 + head.length;
    socket.write(buffer, 2, keptFrom + text.length, keptFrom);
    buffer.fill("!", 0, keptFrom);
    return buffer;
  };
  return { kernel, socket, write, writeKept };
}

describe("writing", () => {
  test("goes to the kernel at once, with one call", () => {
    const { kernel, socket, write } = setup();

    write("hello");

    expect([kernel.taken, kernel.writes, socket.unsentBytes]).toEqual(["hello", 1, 0]);
  });

  test("leaves a buffer that is kept as it is, also where there is room behind it", () => {
    const { kernel, socket, write, writeKept } = setup(4);

    const kept = writeKept("ab", "cdef");
    write("g");
    kernel.room = Number.POSITIVE_INFINITY;
    socket.drain();

    expect(kernel.taken).toBe("abcdefg");
    expect(kept.latin1Slice(4)).toBe("cdef..");
  });

  test("keeps what the kernel does not take, in order", () => {
    const { kernel, socket, write } = setup(3);

    write("hello");
    write(" world");
    expect([kernel.taken, socket.unsentBytes]).toEqual(["hel", 8]);
    kernel.room = 4;
    expect(socket.drain()).toBe(false);
    expect([kernel.taken, socket.unsentBytes]).toEqual(["hello w", 4]);
    kernel.room = 100;

    expect(socket.drain()).toBe(true);
    expect([kernel.taken, socket.unsentBytes]).toEqual(["hello world", 0]);
  });

  test("leaves what is kept for good where it is, and changes nothing of it", () => {
    const { kernel, socket, write, writeKept } = setup(6);

    const kept = writeKept("head", "0123456789");
    const text = kept.latin1Slice();
    write("next");
    kernel.room = 100;

    expect(socket.drain()).toBe(true);
    expect(kernel.taken).toBe("head0123456789next");
    expect(kept.latin1Slice()).toBe(text);
  });

  test("to a closed socket is forgotten", () => {
    const { kernel, socket, write } = setup();
    kernel.isClosed = true;

    write("hello");

    expect(socket.unsentBytes).toBe(0);
  });

  test("asks a full kernel only when it says that it can take more", () => {
    const { kernel, socket, write } = setup(0);

    for (let count = 0; count < 100; count++) write("x");

    expect([kernel.writes, socket.unsentBytes]).toEqual([1, 100]);
  });

  test("can be forgotten", () => {
    const { kernel, socket, write } = setup(1);
    write("hello");

    socket.forget();
    kernel.room = 100;

    expect([socket.unsentBytes, socket.drain(), kernel.taken]).toEqual([0, true, "h"]);
  });
});

test("reading is paused and resumed once each", () => {
  const { kernel, socket } = setup();

  socket.resume();
  socket.pause();
  socket.pause();
  expect(socket.isPaused).toBe(true);
  socket.resume();
  socket.resume();

  expect(kernel.calls).toEqual(["pause", "resume"]);
});

test("random writes to a kernel of random appetite arrive whole and in order", () => {
  const seed = testSeed();
  const random = randomOf(seed);

  for (let round = 0; round < 200; round++) {
    const { kernel, socket, write, writeKept } = setup(0);
    let sent = "";
    for (let step = 0; step < 100; step++) {
      kernel.room = pick(random, [0, 1, 10, 100_000]);
      if (random(2) === 0) socket.drain();
      const text = String.fromCharCode(97 + random(26)).repeat(
        random(40) === 0 ? 30_000 : random(50),
      );
      if (random(3) === 0) writeKept("head", text);
      else write(text);
      if (kernel.taken.length + socket.unsentBytes !== sent.length + text.length) sent += "head";
      sent += text;
      if (kernel.taken.length + socket.unsentBytes !== sent.length) {
        expect.unreachable(`seed ${seed}: bytes were lost`);
      }
    }
    kernel.room = Number.POSITIVE_INFINITY;
    expect(socket.drain()).toBe(true);
    if (kernel.taken !== sent) expect.unreachable(`seed ${seed}: bytes came in another order`);
  }
});
