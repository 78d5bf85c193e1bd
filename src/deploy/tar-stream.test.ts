/** Archives that are written as they are read, by readers that are slow or go away. */
import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TarEntry, tarStream } from "./tar-stream.ts";

/** A file that does not compress, so that its pieces wait for the reader. */
function setup(): Disposable & { path: string; entries(): AsyncGenerator<TarEntry> } {
  const folder = mkdtempSync(join(tmpdir(), "levain-tar-"));
  const path = join(folder, "noise");
  const noise = new Uint8Array(4 * 1024 * 1024);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  writeFileSync(path, noise);
  return {
    path,
    async *entries() {
      for (const name of ["a", "b", "c"]) yield { path: name, file: path, isExecutable: false };
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function isOpen(path: string): boolean {
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}

test("waiting for a slow reader leaves nothing behind at each pause", async () => {
  using files = setup();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error) => warnings.push(name);
  process.on("warning", onWarning);

  let bytes = 0;
  for await (const piece of tarStream(files.entries(), new Date(0))) bytes += piece.length;
  process.off("warning", onWarning);

  expect(bytes).toBeGreaterThan(12 * 1024 * 1024);
  expect(warnings).toEqual([]);
});

test("a reader that goes away leaves no file open", async () => {
  using files = setup();
  const reader = tarStream(files.entries(), new Date(0)).getReader();
  // Its first bytes may come before the first file is opened.
  do expect((await reader.read()).done).toBe(false);
  while (!isOpen(files.path));

  await reader.cancel();

  while (isOpen(files.path)) await Bun.sleep(5);
});

test("a file that is not there ends the archive with an error", async () => {
  async function* entries(): AsyncGenerator<TarEntry> {
    yield { path: "a", text: "a" };
    yield { path: "gone", file: "/nowhere/gone", isExecutable: false };
  }

  const read = new Response(tarStream(entries(), new Date(0))).bytes();

  await expect(read).rejects.toMatchObject({ code: "ENOENT" });
});
