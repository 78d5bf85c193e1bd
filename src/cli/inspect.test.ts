import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { startTestNode, type TestNode } from "../control/admin-deps-for-tests.ts";
import { cli } from "./cli-process-for-tests.ts";

let node: TestNode;
let at: string[];
let folder: string;

beforeAll(async () => {
  node = await startTestNode();
  at = ["--data-dir", node.dataDir];
  folder = mkdtempSync(join(tmpdir(), "levain-inspect-"));
  writeFileSync(join(folder, "package.json"), '{ "name": "shop" }');
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Number of the version that it was about, or the code of the error. */
async function numberOf(words: string[]): Promise<unknown> {
  const { stdout } = await cli(["inspect", ...words, "--json", ...at], { cwd: folder });
  const { data, error } = JSON.parse(stdout);
  return data?.number ?? error.code;
}

test("a version is named by its app, its number, both, its branch, or the folder", async () => {
  const uses: [words: string[], number: unknown][] = [
    [["shop"], 3],
    [["shop@v2"], 2],
    [["shop@1"], 1],
    [["@v1"], 1],
    [[], 3],
    [["shop", "--branch", "cart-fix"], 2],
    [["--branch", "cart-fix"], 2],
    [["blog"], "BRANCH_NOT_LIVE"],
    [["blog@v1"], 1],
    [["shop@v9"], "VERSION_UNKNOWN"],
    [["shop@v1@v2"], "INPUT_INVALID"],
    [["shop@v1", "--branch", "main"], "INPUT_INVALID"],
  ];

  for (const [words, number] of uses) {
    expect(await numberOf(words), words.join(" ")).toBe(number);
  }
});

test("the text has the version, what it may reach, and each process with its gaps in words", async () => {
  const { stdout } = await cli(["inspect", "shop", ...at]);

  const titles = stdout.split("\n").filter((line) => /^\S/.test(line));
  expect(titles).toEqual([
    "shop v3, live on main",
    "Database shop",
    "Built",
    "Packages",
    "Runs",
    "Limits",
    "May reach",
    "Process 4242, warm",
    "Process 4243, frozen",
  ]);
  const lines = stdout.split("\n").map((line) => line.trim().replace(/ {2,}/, ": "));
  for (const line of [
    "size: 7.2 MiB",
    "pooling: session, at most 10 connections",
    "environment: GREETING, STRIPE_KEY",
    "connect: *:443, db.example.com:5432",
    "user: 2000000017, its own",
    "write: home, tmp, io, /srv/shop/uploads",
    "TCP: connect to ports 443, 5432; listen: no",
    "cgroup: memory 288.0 MiB, no quota of CPU time, 512 processes and",
    "rlimits: file size 1.0 GiB, core file size 0 B, open files 16384",
    "user: 1000, the node's",
    "! TCP ports: not held, this kernel has Landlock level 3",
  ]) {
    expect(lines).toContain(line);
  }
  expect(stdout).not.toContain("hush");
});

test("a version without a process says so, and so does a store that is away", async () => {
  const away = await startTestNode({
    store: {
      ...node.deps.store,
      versions: () => Promise.reject(new PlatformError("STORE_UNAVAILABLE", ["refused"])),
    },
  });
  await using _ = away;

  const { stdout } = await cli(["inspect", "shop@v1", "--data-dir", away.dataDir]);

  expect(stdout).toContain("No process\n  state         stopped\n");
  expect(stdout).toContain("commit        not known while the store cannot be reached\n");
});
