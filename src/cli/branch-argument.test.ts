import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "../control/admin-deps-for-tests.ts";
import { cli } from "./cli-process-for-tests.ts";

let node: TestNode;
let cwd: string;

/** The folder of the app `shop`, on the Git branch `cart-fix`. */
beforeAll(async () => {
  node = await startTestNode();
  cwd = mkdtempSync(join(tmpdir(), "levain-branch-"));
  mkdirSync(join(cwd, ".git"));
  writeFileSync(join(cwd, ".git/HEAD"), "ref: refs/heads/cart-fix\n");
  writeFileSync(join(cwd, "package.json"), '{"name":"shop"}');
  writeFileSync(join(cwd, "index.ts"), "export default { fetch: () => new Response() }");
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  rmSync(cwd, { recursive: true, force: true });
});

async function run(words: readonly string[], folder = cwd) {
  const { stdout } = await cli([...words, "--json", "--data-dir", node.dataDir], { cwd: folder });
  return JSON.parse(stdout) as { data: { branch: string }; error?: unknown; next: string[] };
}

test("open and rollback are about the Git branch of the app's folder, as deploy is", async () => {
  for (const words of [
    ["open"],
    ["open", "shop"],
    ["rollback", "--to", "v1"],
    ["rollback", "shop", "--to", "v1"],
  ]) {
    const { data, error } = await run(words);
    expect({ branch: data?.branch, error }).toEqual({ branch: "cart-fix", error: undefined });
  }
});

test("production is what --branch main names there, and what every other folder means", async () => {
  expect((await run(["open", "--branch", "main"])).data.branch).toBe("main");
  expect((await run(["open", "shop"], import.meta.dir)).data.branch).toBe("main");
  expect((await run(["promote", "shop", "v2"])).data.branch).toBe("main");
});

test("the commands that come next name the branch where another one would be meant", async () => {
  const { next } = await run(["promote", "shop", "v2"]);

  expect(next[0]).toBe(`levain open shop --branch main --data-dir ${node.dataDir}`);
});
