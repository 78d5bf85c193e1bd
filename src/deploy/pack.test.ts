import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { ErrorCode } from "../base/errors.ts";
import { filesIn, TestFolder } from "./folder-for-tests.ts";
import { packSource } from "./pack.ts";
import { listSourceFiles } from "./source-files.ts";
import { unpackSource } from "./unpack.ts";

const folders: TestFolder[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

const project = (files: Record<string, string> = {}) => {
  const folder = new TestFolder(files);
  folders.push(folder);
  return folder;
};
const pathsOf = async (folder: TestFolder, sub = "") =>
  (await listSourceFiles(folder.at(sub))).files.map(({ path }) => path);
const packedBytes = async (folder: TestFolder) =>
  Buffer.from(await Bun.readableStreamToArrayBuffer((await packSource(folder.path)).stream));
const codeOf = async (promise: Promise<unknown>): Promise<ErrorCode | undefined> =>
  promise.then(
    () => undefined,
    (error) => error.code,
  );

describe("what is packed", () => {
  test("ignore files count in their own folder, the deeper ones win, and case matters", async () => {
    const folder = project({
      ".gitignore": "*.log\n/dist\nData\n",
      "a.log": "",
      "dist/x.js": "",
      "data/kept.txt": "",
      "sub/.gitignore": "!keep.log\n/own\n",
      "sub/keep.log": "",
      "sub/other.log": "",
      "sub/own/x": "",
      "sub/dist/x.js": "",
      "own/x": "",
    });

    expect(await pathsOf(folder)).toEqual([
      ".gitignore",
      "data/kept.txt",
      "own/x",
      "sub/.gitignore",
      "sub/dist/x.js",
      "sub/keep.log",
    ]);
  });

  test(".levainignore adds to what Git ignores and can bring it back", async () => {
    const folder = project({
      ".gitignore": "dist\n",
      ".levainignore": "!dist\nfixtures/\n",
      "dist/app.js": "",
      "fixtures/big.bin": "",
      "index.ts": "",
    });

    expect(await pathsOf(folder)).toEqual([
      ".gitignore",
      ".levainignore",
      "dist/app.js",
      "index.ts",
    ]);
  });

  test("the ignore files of the repository around the project count too", async () => {
    const folder = project({ ".gitignore": "*.tmp\n", "app/a.tmp": "", "app/index.ts": "" });
    mkdirSync(folder.at(".git"));

    expect(await pathsOf(folder, "app")).toEqual(["index.ts"]);
  });

  test("version control and node_modules are never packed, secrets neither, but these are told", async () => {
    const folder = project({
      ".git/config": "",
      "node_modules/a/i.js": "",
      "packages/b/node_modules/a/i.js": "",
      ".env": "SECRET=1",
      "src/.env.local": "SECRET=1",
      "index.ts": "",
    });

    const source = await listSourceFiles(folder.path);

    expect(source.files.map(({ path }) => path)).toEqual(["index.ts"]);
    expect(source.skipped.map(({ path, reason }) => `${path}: ${reason}`).sort()).toEqual([
      ".env: secret",
      "src/.env.local: secret",
    ]);
  });

  test("links inside are packed as what they lead to, links elsewhere are left out", async () => {
    const outside = project({ "passwd.txt": "root" });
    const folder = project({ "lib/a.ts": "a", ".env": "SECRET=1" });
    symlinkSync("lib", folder.at("copy"));
    symlinkSync("lib/a.ts", folder.at("b.ts"));
    symlinkSync(outside.at("passwd.txt"), folder.at("stolen.txt"));
    symlinkSync(outside.path, folder.at("stolen"));
    symlinkSync("../lib", folder.at("lib/loop"));
    symlinkSync("nowhere", folder.at("dangling"));
    symlinkSync(".env", folder.at("settings"));
    const target = project();

    const { stream, summary } = await packSource(folder.path);
    await unpackSource(stream, target.at("out"), { signal: new AbortController().signal });

    expect(await filesIn(target.at("out"))).toEqual({
      "b.ts": "a",
      "copy/a.ts": "a",
      "lib/a.ts": "a",
    });
    expect(Object.fromEntries(summary.skipped.map(({ path, reason }) => [path, reason]))).toEqual({
      ".env": "secret",
      "copy/loop": "link leads nowhere",
      dangling: "link leads nowhere",
      "lib/loop": "link leads nowhere",
      settings: "link leads outside",
      stolen: "link leads outside",
      "stolen.txt": "link leads outside",
    });
  });

  test("names that no upload may have are left out and told", async () => {
    const folder = project({ "a.ts": "", "back\\slash.txt": "", "new\nline/b.ts": "" });

    const source = await listSourceFiles(folder.path);

    expect(source.files.map(({ path }) => path)).toEqual(["a.ts"]);
    const reason = "name has a control character or backslash";
    expect(source.skipped.toSorted((a, b) => a.path.localeCompare(b.path))).toEqual([
      { path: "back\\slash.txt", reason },
      { path: "new\nline", reason },
    ]);
  });

  test("a socket is left out and told", async () => {
    const folder = project({ "index.ts": "" });
    const server = createServer().listen(folder.at("app.sock"));
    await new Promise((resolve) => server.once("listening", resolve));

    const source = await listSourceFiles(folder.path);
    server.close();

    expect(source.files.map(({ path }) => path)).toEqual(["index.ts"]);
    expect(source.skipped).toEqual([{ path: "app.sock", reason: "not a file" }]);
  });
});

describe("the bounds", () => {
  test("too many bytes and too many files are found before anything is sent", async () => {
    const folder = project({ "a.bin": "x".repeat(600), "b.bin": "x".repeat(600) });

    expect(await codeOf(packSource(folder.path, { bytesMax: 1000, filesMax: 10 }))).toBe(
      "SOURCE_TOO_LARGE",
    );
    expect(await codeOf(packSource(folder.path, { bytesMax: 9999, filesMax: 1 }))).toBe(
      "SOURCE_TOO_MANY_FILES",
    );
    expect(await codeOf(packSource(folder.path, { bytesMax: 1200, filesMax: 2 }))).toBeUndefined();
  });

  test("an empty folder is told to be one", async () => {
    expect(await codeOf(packSource(project({ ".env": "" }).path))).toBe("SOURCE_INVALID");
  });
});

describe("the upload", () => {
  test("is the same bytes for the same files, whatever their dates and the order they were made in", async () => {
    const one = project({ "a.ts": "1", "b/c.ts": "2", "@d.ts": "3" });
    const two = project({ "@d.ts": "3", "b/c.ts": "2", "a.ts": "1" });
    utimesSync(two.at("a.ts"), 1, 1);

    const first = await packedBytes(one);

    expect(first.equals(await packedBytes(two))).toBe(true);
    writeFileSync(two.at("a.ts"), "!");
    expect(first.equals(await packedBytes(two))).toBe(false);
  });

  test("brings every file over with its bytes and its executable bit", async () => {
    const long = `${"deep/".repeat(40)}${"n".repeat(120)}.txt`;
    const big = "0123456789".repeat(200_000);
    const files = {
      "@at.ts": "at",
      "ünï.txt": "u",
      "run.sh": "#!/bin/sh",
      empty: "",
      "big.txt": big,
      [long]: "x",
    };
    const folder = project(files);
    chmodSync(folder.at("run.sh"), 0o755);
    const target = project();

    const { stream, summary } = await packSource(folder.path);
    const done = await unpackSource(stream, target.at("out"), {
      signal: new AbortController().signal,
    });

    const { "run.sh": script, ...rest } = files;
    expect(await filesIn(target.at("out"))).toEqual({ ...rest, "run.sh*": script });
    expect(summary).toEqual({ ...done, skipped: [] });
  });

  test("a file that is gone by the time it is read fails the upload with its cause", async () => {
    const folder = project({ "a.ts": "1" });
    const { stream } = await packSource(folder.path);
    folder[Symbol.dispose]();

    expect(await codeOf(Bun.readableStreamToArrayBuffer(stream) as Promise<unknown>)).toBe(
      "SOURCE_INVALID",
    );
  });

  test("can be cancelled half-way", async () => {
    const folder = project({ "a.bin": "x".repeat(3_000_000), "b.bin": "y".repeat(3_000_000) });
    const { stream } = await packSource(folder.path);
    const reader = stream.getReader();
    await reader.read();

    await reader.cancel();

    expect((await reader.read()).done).toBe(true);
  });
});
