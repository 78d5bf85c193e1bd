import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { Interned } from "./interned.ts";
import { internedBytesMax } from "./limits.ts";

test("a text is what its bytes say, however many others share its place", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const interned = new Interned();

  for (let round = 0; round < 100_000; round++) {
    const text = Array.from({ length: random(4) }, () => String.fromCharCode(random(256))).join("");
    const buffer = Buffer.from(`<${text}>`, "latin1");
    const read = interned.read(buffer, 1, 1 + text.length);
    if (read !== text) expect.unreachable(`seed ${seed}: ${JSON.stringify([text, read])}`);
  }
});

test("a long text is read too", () => {
  const text = "x".repeat(internedBytesMax + 1);
  const interned = new Interned();

  expect(interned.read(Buffer.from(text), 0, text.length)).toBe(text);
});
