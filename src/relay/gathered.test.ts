import { expect, test } from "bun:test";
import { Gathered } from "./gathered.ts";
import { gatheredBytesMax } from "./limits.ts";

class Writes {
  readonly all: Buffer[] = [];
  readonly chunks: Buffer[] = [];

  write(bytes: Buffer, from: number, end: number): void {
    this.chunks.push(bytes);
    this.all.push(Buffer.from(bytes.subarray(from, end)));
  }
}

test("a piece that is alone is written where it stands", () => {
  const [gathered, writes] = [new Gathered(), new Writes()];
  const chunk = Buffer.from("one two three");

  gathered.add(writes, chunk, 4, 7);
  gathered.add(writes, chunk, 7, 7);
  gathered.writeTo(writes);

  expect(writes.chunks).toEqual([chunk]);
  expect(writes.all.map(String)).toEqual(["two"]);
});

test("several pieces leave in their order in one write, and once", () => {
  const [gathered, writes] = [new Gathered(), new Writes()];

  gathered.add(writes, Buffer.from("one two three"), 0, 4);
  gathered.add(writes, Buffer.from("four"), 0, 4);
  gathered.add(writes, Buffer.from("one two three"), 7, 13);
  gathered.writeTo(writes);
  gathered.writeTo(writes);

  expect(writes.all.map(String)).toEqual(["one four three"]);
});

test("what is long is written as it stands, behind what came before it", () => {
  const [gathered, writes] = [new Gathered(), new Writes()];
  const long = Buffer.alloc(gatheredBytesMax, 1);

  gathered.add(writes, Buffer.from("head"), 0, 4);
  gathered.add(writes, long, 0, long.length);
  expect(writes.chunks[1]).toBe(long);
  gathered.add(writes, Buffer.from("rest"), 0, 4);
  gathered.writeTo(writes);

  expect(writes.all.map(({ length }) => length)).toEqual([4, long.length, 4]);
});
