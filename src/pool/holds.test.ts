import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import type { ClientStream } from "../wire/client-stream.ts";
import { HeldTotal, Holds } from "./holds.ts";

const newStream = () => ({}) as ClientStream;

function start(head: string, body = "") {
  const buffer = Buffer.from(`..${head}--${body}..`);
  return {
    buffer,
    headStart: 2,
    headEnd: 2 + head.length,
    bodyStart: 4 + head.length,
    bodyEnd: 4 + head.length + body.length,
    flags: 1,
  };
}

test("a hold keeps a copy of head and body, since the buffer is used again", () => {
  const holds = new Holds();
  const stream = newStream();
  const request = start("head", "body");

  holds.add(stream, request);
  request.buffer.fill("!");
  const hold = holds.shift()!;

  expect(hold.stream).toBe(stream);
  expect(hold.flags).toBe(1);
  expect(hold.buffer.latin1Slice(hold.headStart, hold.headEnd)).toBe("head");
  expect(hold.buffer.latin1Slice(hold.bodyStart, hold.bodyEnd)).toBe("body");
});

test("holds are given in the order they came, without those that were removed", () => {
  const holds = new Holds();
  const [a, b, c] = [newStream(), newStream(), newStream()];
  for (const stream of [a, b, c]) holds.add(stream, start("x"));

  expect([holds.remove(b), holds.remove(b), holds.count]).toEqual([true, false, 2]);

  expect([holds.shift()?.stream, holds.shift()?.stream, holds.shift()]).toEqual([a, c, null]);
});

test("a stream that was removed can be held again, at the end", () => {
  const holds = new Holds();
  const [a, b] = [newStream(), newStream()];
  holds.add(a, start("first"));
  holds.add(b, start("b"));
  holds.remove(a);
  holds.add(a, start("again"));

  const order = [holds.shift()!, holds.shift()!];

  expect(order.map(({ stream }) => stream)).toEqual([b, a]);
  expect(order[1]!.buffer.latin1Slice()).toBe("again");
  expect(holds.shift()).toBeNull();
});

test("random adding, taking and removing keeps order, count and bytes", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const holds = new Holds();
  let model: { stream: ClientStream; bytes: number }[] = [];

  for (let step = 0; step < 20_000; step++) {
    const action = random(10);
    if (action < 5) {
      const stream = newStream();
      const bytes = random(20);
      holds.add(stream, start("x".repeat(bytes)));
      model.push({ stream, bytes });
    } else if (action < 7) {
      expect(holds.shift()?.stream, `seed ${seed}`).toBe(model.shift()?.stream);
    } else if (model.length > 0) {
      const { stream } = model[random(model.length)]!;
      expect(holds.remove(stream), `seed ${seed}`).toBe(true);
      model = model.filter((one) => one.stream !== stream);
    }
    const bytes = model.reduce((sum, one) => sum + one.bytes, 0);
    expect([holds.count, holds.bytes], `seed ${seed}`).toEqual([model.length, bytes]);
  }
});

test("clients who come and go leave no memory behind", () => {
  const holds = new Holds();
  const stays = newStream();
  holds.add(stays, start("x"));
  Bun.gc(true);
  const before = process.memoryUsage.rss();

  for (let count = 0; count < 5000; count++) {
    const stream = newStream();
    holds.add(stream, start("x".repeat(20_000)));
    holds.remove(stream);
  }

  Bun.gc(true);
  // All of them together would be 100 MB.
  expect(process.memoryUsage.rss() - before).toBeLessThan(50 * 1024 * 1024);
  expect(holds.shift()?.stream).toBe(stays);
});

test("what all versions hold is counted together, and given back by each end of a hold", () => {
  const total = new HeldTotal();
  const [shop, blog] = [new Holds(total), new Holds(total)];
  const stream = newStream();

  shop.add(newStream(), start("head", "body"));
  blog.add(stream, start("longer"));
  expect(total.bytes).toBe(14);
  shop.shift();
  blog.remove(stream);
  blog.remove(stream);

  expect(total.bytes).toBe(0);
});
