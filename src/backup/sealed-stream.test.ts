/** What is sealed comes back as it was, or not at all. */
import { expect, test } from "bun:test";
import { sealedChunkBytes } from "./limits.ts";
import { openStream, sealStream } from "./sealed-stream.ts";

const key = new Uint8Array(32).fill(7);

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const sealed = async (bytes: Uint8Array, size: number) =>
  Buffer.concat(await Array.fromAsync(sealStream(pieces(bytes, size), key)));
const opened = async (bytes: Uint8Array, size: number, by = key) =>
  Buffer.concat(await Array.fromAsync(openStream(pieces(bytes, size), by)));

test("streams of any length, in pieces of any size, come back", async () => {
  for (const length of [0, 1, sealedChunkBytes - 1, sealedChunkBytes, sealedChunkBytes * 2 + 5]) {
    const plain = Buffer.alloc(length, 3);
    for (const size of [1000, 65_536]) {
      expect(await opened(await sealed(plain, size), size + 1)).toEqual(plain);
    }
  }
});

test("chunks cannot be changed, left out, doubled, moved or cut off, and another key opens nothing", async () => {
  const plain = crypto.getRandomValues(Buffer.alloc(sealedChunkBytes * 3 - 100));
  const whole = await sealed(plain, 65_536);
  const chunk = sealedChunkBytes + 4 + 16;
  const [first, second, last] = [
    whole.subarray(0, chunk),
    whole.subarray(chunk, 2 * chunk),
    whole.subarray(2 * chunk),
  ];
  const flipped = Buffer.from(whole);
  flipped[chunk + 40]! ^= 1;
  const wrong = [
    [first, last],
    [first, second],
    [second, first, last],
    [first, first, second, last],
    [first, second, last, last],
    [flipped],
    [whole.subarray(0, -1)],
    [whole, Buffer.alloc(1)],
    [],
  ].map((parts) => Buffer.concat(parts));

  for (const bytes of wrong) await expect(opened(bytes, 5000)).rejects.toThrow("does not open it");
  await expect(opened(whole, 5000, new Uint8Array(32))).rejects.toThrow("does not open it");
});
