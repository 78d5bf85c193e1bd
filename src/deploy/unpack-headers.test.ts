/** Goal: what a tar says in extended heads and several archives in one are no way around the checks. Heads by hand. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import { asPlatformError } from "../base/errors.ts";
import { filesIn, TestFolder } from "./folder-for-tests.ts";
import { unpackSource } from "./unpack.ts";

const never = new AbortController().signal;
const end = Buffer.alloc(1024);

/** A block with a type of one letter, whatever it is. */
function entry(path: string, body: string | Buffer, type = "0", linkpath = ""): Buffer {
  const bytes = Buffer.from(body);
  const block = Buffer.alloc(512);
  new Header({ path, type: "File", size: bytes.length, mode: 0o644, linkpath }).encode(block, 0);
  block.write(type, 156, "latin1");
  // The sum counts its own field as spaces.
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

/** Fields as pax has them: `<length> <key>=<value>\n`. */
function pax(fields: Record<string, string>, type: "x" | "g" = "x"): Buffer {
  const body = Object.entries(fields).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (String(length).length + Buffer.byteLength(rest) !== length) length += 1;
    return `${length}${rest}`;
  });
  return entry("pax", body.join(""), type);
}

const nothing = entry("", "");

async function unpack(...parts: Buffer[]): Promise<{ code: string | null; files: object }> {
  using folder = new TestFolder({ "victim.txt": "untouched" });
  const packed = gzipSync(Buffer.concat([...parts, end]));
  const code = await unpackSource(new Blob([packed]).stream(), folder.at("out"), {
    signal: never,
  }).then(
    () => null,
    (error) => asPlatformError(error).code,
  );
  const files = await filesIn(folder.path);
  expect(files).toMatchObject({ "victim.txt": "untouched" });
  if (code !== null) expect(existsSync(folder.at("out"))).toBe(false);
  const { "victim.txt": _, ...unpacked } = files as Record<string, string>;
  return { code, files: unpacked };
}

test.each<[string, Buffer[]]>([
  ["a pax path that leads up", [pax({ path: "../victim.txt" }), entry("a", "x")]],
  ["a pax path that is absolute", [pax({ path: "/tmp/victim.txt" }), entry("a", "x")]],
  ["a pax path with a zero byte", [pax({ path: "a\0/../../victim.txt" }), entry("a", "x")]],
  ["a pax path that is empty, for an empty name", [pax({ path: "" }), nothing]],
  ["a pax path for all that follows", [pax({ path: "../victim.txt" }, "g"), entry("a", "x")]],
  ["a pax link", [pax({ linkpath: "../victim.txt" }), entry("a", "", "2", "b")]],
  ["a pax path for a symlink", [pax({ path: "a" }), entry("b", "", "2", "../victim.txt")]],
  [
    "a pax size that swallows the next head",
    [pax({ size: "700" }), entry("a", "x"), entry("b", "y")],
  ],
  ["a pax size below zero", [pax({ size: "-1" }), entry("a", "x")]],
  [
    "a long GNU name that leads up",
    [entry("././@LongLink", "../victim.txt\0", "L"), entry("a", "x")],
  ],
  [
    "a long GNU link name",
    [entry("././@LongLink", "../victim.txt\0", "K"), entry("a", "", "1", "b")],
  ],
  ["a sparse file", [entry("a", "x", "S")]],
  ["a file in several volumes", [entry("a", "x", "M")]],
  ["a folder's contents as GNU has them", [entry("a", "x", "D")]],
  ["a block device", [entry("a", "", "4")]],
  ["a contiguous file", [entry("a", "x", "7")]],
  ["a name that is no UTF-8", [entry("a", "x").fill(0xff, 0, 1)]],
])("%s is refused or harmless", async (_, parts) => {
  const { code, files } = await unpack(entry("index.ts", "1"), ...parts);

  if (code !== null) return expect(code).toMatch(/^SOURCE_(INVALID|TOO_LARGE)$/);
  // What was accepted is there under a name of its own, and is a plain file.
  for (const path of Object.keys(files)) expect(path).toMatch(/^out\/[\w./]+$/);
});

test("a pax size of petabytes is refused by its head", async () => {
  const { code } = await unpack(pax({ size: "9007199254740991" }), entry("a", "x"));

  expect(code).toBe("SOURCE_TOO_LARGE");
});

test("a head that is larger than any project's names is no way to fill the memory", async () => {
  const { code } = await unpack(pax({ path: "a".repeat(3 * 1024 * 1024) }), entry("a", "x"));

  expect(code).toBe("SOURCE_INVALID");
});

test("two archives in one upload are one project, or none; the second writes over nothing", async () => {
  using folder = new TestFolder({});
  const first = gzipSync(Buffer.concat([entry("a", "first"), end]));
  for (const second of [entry("a", "second"), entry("b", "second")]) {
    const both = Buffer.concat([first, gzipSync(Buffer.concat([second, end]))]);
    const out = folder.at(`out-${crypto.randomUUID()}`);
    const code = await unpackSource(new Blob([both]).stream(), out, { signal: never }).then(
      () => null,
      (error) => asPlatformError(error).code,
    );

    if (code !== null) expect(code).toBe("SOURCE_INVALID");
    else expect(await Bun.file(`${out}/a`).text()).toBe("first");
  }
});

test("bytes behind the end of the gzip are not taken for files", async () => {
  using folder = new TestFolder({});
  const packed = gzipSync(Buffer.concat([entry("a", "1"), end]));
  const upload = new Blob([Buffer.concat([packed, Buffer.from("<?php trailing")])]).stream();

  const code = await unpackSource(upload, folder.at("out"), { signal: never }).then(
    () => null,
    (error) => asPlatformError(error).code,
  );

  expect([null, "SOURCE_INVALID"]).toContain(code);
  if (code === null) expect(Object.keys(await filesIn(folder.at("out")))).toEqual(["a"]);
});

test("names that differ in case, or in how a letter is written, are different files", async () => {
  const { code, files } = await unpack(
    entry("a.ts", "1"),
    entry("A.ts", "2"),
    pax({ path: "\u00e9.ts" }),
    entry("x", "3"),
    pax({ path: "e\u0301.ts" }),
    entry("x", "4"),
  );

  expect(code).toBe(null);
  expect(Object.values(files).sort()).toEqual(["1", "2", "3", "4"]);
});
