import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataDirBytesMax } from "./limits.ts";
import { acquireNodeLock, dataDirProblem } from "./node-lock.ts";

const FIXTURE = join(import.meta.dir, "fixtures/lock-holder-fixture.ts");

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "levain-lock-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function mode(path: string): number {
  return statSync(path).mode & 0o777;
}

test("the first node makes the directory, closed to others, and writes its pid", () => {
  const dataDir = join(root, "a/b");

  const lock = acquireNodeLock(dataDir);

  expect(mode(dataDir)).toBe(0o700);
  expect(readFileSync(join(dataDir, "node.lock"), "utf8")).toBe(`${process.pid}\n`);
  lock.release();
});

test("a second node is refused and told the pid of the first, until that lets go", () => {
  const lock = acquireNodeLock(root);

  expect(() => acquireNodeLock(root)).toThrow(
    expect.objectContaining({
      code: "NODE_ALREADY_RUNNING",
      message: expect.stringContaining(`process ${process.pid} `),
    }),
  );

  lock.release();
  lock.release();
  acquireNodeLock(root).release();
});

test("the lock of a node that was killed is free, even while a child of it lives on", async () => {
  const node = Bun.spawn([process.execPath, FIXTURE, root], { stdout: "pipe" });
  const line = new TextDecoder().decode((await node.stdout.getReader().read()).value);
  const { child } = JSON.parse(line) as { child: number };
  expect(() => acquireNodeLock(root)).toThrow(
    expect.objectContaining({ message: expect.stringContaining(`process ${node.pid} `) }),
  );

  node.kill("SIGKILL");
  await node.exited;
  process.kill(child, 0);
  acquireNodeLock(root).release();

  process.kill(child, "SIGKILL");
});

describe("a directory that cannot be used is named with what is wrong with it", () => {
  const refused = (dataDir: string, what: string) =>
    expect(() => acquireNodeLock(dataDir)).toThrow(
      expect.objectContaining({
        code: "DATA_DIR_UNUSABLE",
        message: expect.stringMatching(new RegExp(`${dataDir}.*${what}`)),
      }),
    );

  test("a file", () => {
    const file = join(root, "file");
    writeFileSync(file, "");

    refused(file, "it is not a folder");
    refused(join(file, "below"), "a part of its path is a file");
  });

  test("a folder that has a file where a folder belongs", () => {
    const folder = join(root, "taken");
    mkdirSync(folder);
    writeFileSync(join(folder, "run"), "");

    refused(folder, '"run" in it is a file where the node keeps a folder');
  });

  test("a folder that everybody can write to", () => {
    const folder = join(root, "open");
    mkdirSync(folder);
    chmodSync(folder, 0o777);

    refused(folder, "every user of this machine can write to it");
  });

  test("somebody else's folder", () => {
    const facts = { uid: 1001, mode: 0o700, isDirectory: () => true };

    expect(dataDirProblem(facts, 1000)).toContain("user id 1001");
    expect(dataDirProblem(facts, 1001)).toBeNull();
  });

  test("a path that leaves no room for sockets", () => {
    refused(join(root, "d".repeat(dataDirBytesMax)), `at most ${dataDirBytesMax}`);
  });

  test.skipIf(process.getuid?.() === 0)("a place where this user may not write", () => {
    chmodSync(root, 0o500);

    refused(join(root, "new"), "this user may not write there");
  });
});

test("an empty folder is closed to others, one with content keeps its mode", () => {
  const empty = join(root, "empty");
  const used = join(root, "used");
  for (const folder of [empty, used]) mkdirSync(folder, { mode: 0o755 });
  writeFileSync(join(used, "something"), "");

  acquireNodeLock(empty).release();
  acquireNodeLock(used).release();

  expect(mode(empty)).toBe(0o700);
  expect(mode(used)).toBe(0o755);
});
