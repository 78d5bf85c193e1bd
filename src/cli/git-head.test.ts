import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readGitHead } from "./git-head.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function repository(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-git-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

test("branch and commit are read from the folder or one above", async () => {
  const folder = repository({
    ".git/HEAD": "ref: refs/heads/feature/cart\n",
    ".git/refs/heads/feature/cart": `${commit}\n`,
    "apps/shop/index.ts": "",
  });

  const head = { branch: "feature/cart", commit };
  expect(await readGitHead(folder)).toEqual(head);
  expect(await readGitHead(join(folder, "apps/shop"))).toEqual(head);
});

test("a packed branch, a detached head and a repository without a commit are understood", async () => {
  const packed = repository({
    ".git/HEAD": "ref: refs/heads/main\n",
    ".git/packed-refs": `# pack-refs with: peeled\n${"f".repeat(40)} refs/heads/xmain\n${commit} refs/heads/main\n`,
  });
  const detached = repository({ ".git/HEAD": `${commit}\n` });
  const fresh = repository({ ".git/HEAD": "ref: refs/heads/trunk\n" });

  expect(await readGitHead(packed)).toEqual({ branch: "main", commit });
  expect(await readGitHead(detached)).toEqual({ branch: null, commit });
  expect(await readGitHead(fresh)).toEqual({ branch: "trunk", commit: null });
});

test("a linked working tree has its own branch", async () => {
  const main = repository({
    ".git/HEAD": "ref: refs/heads/main\n",
    ".git/refs/heads/fix": commit,
    ".git/worktrees/fix/HEAD": "ref: refs/heads/fix\n",
    ".git/worktrees/fix/commondir": "../..\n",
  });
  const linked = repository({ ".git": `gitdir: ${join(main, ".git/worktrees/fix")}\n` });

  expect(await readGitHead(linked)).toEqual({ branch: "fix", commit });
});

test("no repository, and one that makes no sense, are none", async () => {
  const folder = repository({ "a.txt": "" });
  const broken = repository({ ".git/HEAD": "what\n" });

  // The temporary folder itself is in no repository.
  expect(await readGitHead(folder)).toBeNull();
  expect(await readGitHead(broken)).toEqual({ branch: null, commit: null });
});
