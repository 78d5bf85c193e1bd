import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareFolders, prepareSocketFolder } from "./postgres-folders.ts";
import type { PostgresUser } from "./postgres-user.ts";

const self: PostgresUser = { name: "self", uid: 0, gid: 0, isOther: false };

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "levain-folders-")));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a socket folder is empty whatever an earlier server left in it", async () => {
  const folders = await prepareFolders(root, self);
  mkdirSync(join(folders.home, "socket/old"), { recursive: true });

  const socket = await prepareSocketFolder(folders, self);

  expect(socket.path).toBe(join(root, "postgres/socket"));
  expect(existsSync(join(socket.path, "old"))).toBe(false);
});

test("a short socket folder that a killed node left is removed at the next start", async () => {
  const folders = await prepareFolders(root, self);
  const left = mkdtempSync(join(root, "levain-postgres-"));
  symlinkSync(left, join(folders.home, "socket"));

  await prepareSocketFolder(folders, self);

  expect(existsSync(left)).toBe(false);
});

test("a link to a folder that is not ours is removed, the folder is not", async () => {
  const folders = await prepareFolders(root, self);
  const precious = join(root, "precious");
  mkdirSync(precious);
  symlinkSync(precious, join(folders.home, "socket"));

  await prepareSocketFolder(folders, self);

  expect(existsSync(precious)).toBe(true);
});
