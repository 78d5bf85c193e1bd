import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasGitChanges } from "./git-changes.ts";
import { readGitHead } from "./git-head.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function git(folder: string, ...args: string[]): void {
  const identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
  const ended = Bun.spawnSync(["git", ...identity, ...args], { cwd: folder, stderr: "pipe" });
  if (ended.exitCode !== 0) throw new Error(ended.stderr.toString());
}

function repository(): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-git-"));
  folders.push(folder);
  git(folder, "init", "-q", "-b", "main");
  mkdirSync(join(folder, "apps/shop"), { recursive: true });
  writeFileSync(join(folder, "apps/shop/index.ts"), "export default 1;\n");
  writeFileSync(join(folder, "README.md"), "shop\n");
  writeFileSync(join(folder, ".gitignore"), "node_modules\n");
  git(folder, "add", "-A");
  git(folder, "commit", "-q", "-m", "first");
  return folder;
}

async function changes(folder: string): Promise<boolean | null> {
  const head = await readGitHead(folder);
  return head?.commit == null ? null : hasGitChanges(folder, head.commit);
}

test("a clean working tree has none; an edit, a staged edit, a new and a removed file are some", async () => {
  const folder = repository();
  const file = join(folder, "README.md");
  expect(await changes(folder)).toBe(false);

  writeFileSync(file, "changed\n");
  expect(await changes(folder)).toBe(true);
  git(folder, "add", "-A");
  expect(await changes(folder)).toBe(true);
  git(folder, "reset", "-q", "--hard");
  expect(await changes(folder)).toBe(false);
  writeFileSync(join(folder, "new.txt"), "");
  expect(await changes(folder)).toBe(true);
  rmSync(join(folder, "new.txt"));
  rmSync(file);
  expect(await changes(folder)).toBe(true);
});

test("only the folder that is deployed counts, and what is ignored does not", async () => {
  const folder = repository();
  writeFileSync(join(folder, "README.md"), "changed\n");
  mkdirSync(join(folder, "apps/shop/node_modules"));
  writeFileSync(join(folder, "apps/shop/node_modules/a.js"), "");

  expect(await changes(join(folder, "apps/shop"))).toBe(false);
  expect(await changes(folder)).toBe(true);
});

test("packed objects and a linked working tree are understood", async () => {
  const folder = repository();
  git(folder, "gc", "-q");
  const linked = `${folder}-linked`;
  folders.push(linked);
  git(folder, "worktree", "add", "-q", linked, "-b", "fix");

  expect(await changes(folder)).toBe(false);
  expect(await changes(linked)).toBe(false);
  writeFileSync(join(linked, "README.md"), "changed\n");
  expect(await changes(linked)).toBe(true);
  expect(await changes(folder)).toBe(false);
});

test("nothing that the repository configures is run", async () => {
  const folder = repository();
  const mark = join(folder, "..", `ran-${crypto.randomUUID()}`);
  folders.push(mark);
  git(folder, "config", "filter.evil.clean", `touch ${mark}; cat`);
  git(folder, "config", "core.fsmonitor", `touch ${mark}`);
  writeFileSync(join(folder, ".gitattributes"), "* filter=evil\n");
  writeFileSync(join(folder, ".git/info/attributes"), "* filter=evil\n");
  writeFileSync(join(folder, "README.md"), "changed\n");

  expect(await changes(folder)).toBe(true);

  expect(existsSync(mark)).toBe(false);
});

test("outside of a repository, and of one that is broken, it is not known", async () => {
  const folder = repository();
  const commit = "0".repeat(40);
  rmSync(join(folder, ".git/objects"), { recursive: true });

  expect(await hasGitChanges(tmpdir(), commit)).toBe(null);
  expect(await hasGitChanges(folder, commit)).toBe(null);
});
