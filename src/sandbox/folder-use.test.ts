import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FolderUseOptions, folderUse } from "./folder-use.ts";

let dir = "";
const KiB = 1024;
const roomy: FolderUseOptions = { bytesMax: 2 ** 40, filesMax: 2 ** 40, pids: [] };

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "levain-use-"));
  mkdirSync(join(dir, "home/a/b"), { recursive: true });
  mkdirSync(join(dir, "tmp"));
  writeFileSync(join(dir, "home/a/b/file"), Buffer.alloc(64 * KiB, 1));
  for (let index = 0; index < 100; index++) writeFileSync(join(dir, "tmp", String(index)), "");
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

const folders = () => [join(dir, "home"), join(dir, "tmp")];

test("files and folders of all folders count, with what they take on disk", async () => {
  const { bytes, files } = await folderUse(folders(), roomy);

  expect(files).toBe(103);
  expect(bytes).toBeGreaterThanOrEqual(64 * KiB);
  expect(bytes).toBeLessThan(128 * KiB);
});

test("counting stops when there is more than there may be", async () => {
  const { files } = await folderUse(folders(), { ...roomy, filesMax: 10 });

  expect(files).toBeGreaterThan(10);
  expect(files).toBeLessThan(104);
});

test("a file that was removed and is open counts for whoever has it open", async () => {
  const path = join(dir, "tmp", "removed");
  const file = openSync(path, "w");
  writeFileSync(file, Buffer.alloc(256 * KiB, 1));
  const before = await folderUse(folders(), roomy);
  rmSync(path);

  const [ours, others] = await Promise.all([
    folderUse(folders(), { ...roomy, pids: [process.pid] }),
    folderUse(folders(), roomy),
  ]);
  closeSync(file);

  expect(ours.files).toBe(before.files);
  expect(ours.bytes).toBeGreaterThanOrEqual(before.bytes);
  expect(others.bytes).toBeLessThan(256 * KiB);
});

test("what is deeper than a path can say is more than any limit", async () => {
  const deep = mkdtempSync(join(dir, "deep-"));
  const chain = Array.from({ length: 15 }, () => "d".repeat(200)).join("/");
  mkdirSync(join(deep, "a", chain), { recursive: true });
  mkdirSync(join(deep, "b", chain), { recursive: true });
  renameSync(join(deep, "b"), join(deep, "a", chain, "b"));

  const { files } = await folderUse([deep], roomy);
  await Bun.spawn(["rm", "-rf", deep]).exited;

  expect(files).toBe(Number.POSITIVE_INFINITY);
});

test.if(process.getuid?.() !== 0)(
  "a folder that is closed to us is more than any limit",
  async () => {
    const closed = join(dir, "closed");
    mkdirSync(closed, { mode: 0o300 });

    const { files } = await folderUse([dir], roomy);
    rmdirSync(closed);

    expect(files).toBe(Number.POSITIVE_INFINITY);
  },
);

test("a folder that is gone has nothing in it", async () => {
  expect(await folderUse([join(dir, "gone")], roomy)).toEqual({ bytes: 0, files: 0 });
});
