import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BodyCache, bodyRoomBytes } from "./body-cache.ts";
import { Representation } from "./site.ts";

const folder = mkdtempSync(join(tmpdir(), "levain-cache-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, bytes: number): Representation {
  writeFileSync(join(folder, name), Buffer.alloc(bytes, name));
  return new Representation(join(folder, name), bytes, "identity", `"${name}"`);
}

const read = (cache: BodyCache, of: Representation) =>
  new Promise<Buffer>((resolve, reject) => {
    cache.read(of, (body, error) => (body === null ? reject(error) : resolve(body)));
  });

test("a file is read once, however many wait for it", async () => {
  const cache = new BodyCache();
  const one = file("a", 100);

  const [first, second] = await Promise.all([read(cache, one), read(cache, one)]);

  expect(first).toBe(second);
  expect(first.subarray(bodyRoomBytes).toString()).toBe("a".repeat(100));
  expect(cache.bytes).toBe(bodyRoomBytes + 100);
});

test("what nobody has asked for since goes first, and no more is kept than the bound", async () => {
  const cache = new BodyCache(3 * (bodyRoomBytes + 100));
  const [a, b, c, d] = [file("a", 100), file("b", 100), file("c", 100), file("d", 100)];
  for (const one of [a, b, c]) await read(cache, one);
  a.isUsed = true;

  await read(cache, d);

  expect([a, b, c, d].map(({ body }) => body !== null)).toEqual([true, false, true, true]);
  expect(cache.bytes).toBe(3 * (bodyRoomBytes + 100));
});

test("what is larger than the bound is given and not kept", async () => {
  const cache = new BodyCache(10);
  const one = file("a", 100);

  expect((await read(cache, one)).length).toBe(bodyRoomBytes + 100);
  expect([cache.bytes, one.body]).toEqual([0, null]);
});

test("a file that is shorter than its row, or gone, is an error, and can be asked for again", async () => {
  const cache = new BodyCache();
  const short = new Representation(file("a", 100).path, 200, "identity", '"a"');
  const gone = new Representation(join(folder, "gone"), 1, "identity", '"g"');

  await expect(read(cache, short)).rejects.toThrow("ends at 100 of 200 bytes");
  await expect(read(cache, gone)).rejects.toThrow("ENOENT");
  await expect(read(cache, gone)).rejects.toThrow("ENOENT");
});

test("nothing is kept once it is closed", async () => {
  const cache = new BodyCache();
  const [a, b] = [file("a", 100), file("b", 100)];
  await read(cache, a);

  const late = read(cache, b);
  cache.close();
  await late;

  expect([cache.bytes, a.body, b.body]).toEqual([0, null, null]);
});
