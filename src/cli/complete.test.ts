/** Goal: what is offered at the cursor. Method: the real verbs; then Bash itself, with a node that knows apps. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "../control/admin-deps-for-tests.ts";
import { cli } from "./cli-process-for-tests.ts";
import { complete } from "./complete.ts";
import { GLOBAL_FLAGS, NODE_FLAGS } from "./program.ts";
import { loadVerbs } from "./verbs.ts";

const verbs = await loadVerbs();

/** What is offered for a line; the last word is being typed. */
function offered(...words: string[]) {
  const found = complete(words, verbs, { all: GLOBAL_FLAGS, node: NODE_FLAGS });
  return found.kind === "words" ? found.words.map(([word]) => word) : found;
}

describe("at the cursor", () => {
  test("every command stands at first, also behind a global flag and its value", () => {
    expect(offered("")).toEqual(verbs.map(({ name }) => name));
    expect(offered("--data-dir", "/x", "dep")).toContain("deploy");
  });

  test("a dash is the flags of the command and of all", () => {
    expect(offered("deploy", "-")).toContain("--branch");
    expect(offered("deploy", "-")).toContain("--node");
    expect(offered("up", "--")).not.toContain("--node");
    expect(offered("logs", "-")).toContain("--follow");
    expect(offered("-")).toContain("--json");
  });

  test.each([
    [["logs", ""], { kind: "values", of: "apps", app: null }],
    [["promote", "shop", ""], { kind: "values", of: "versions", app: "shop" }],
    [["rollback", "shop", "--to", ""], { kind: "values", of: "versions", app: "shop" }],
    [["rollback", "shop", "--to=v"], { kind: "values", of: "versions", app: "shop" }],
    [["open", "shop", "--branch", ""], { kind: "values", of: "branches", app: "shop" }],
    [["open", "--branch", ""], { kind: "values", of: "branches", app: null }],
    [["inspect", "sh"], { kind: "values", of: "apps", app: null }],
    [["deploy", ""], { kind: "folders" }],
    [["up", "--config", ""], { kind: "files" }],
    [["errors", "B"], { kind: "values", of: "codes", app: null }],
    [["help", ""], { kind: "values", of: "commands", app: null }],
    [["status", "--context", ""], { kind: "values", of: "contexts", app: null }],
  ])("%p is a name of its kind", (words, found) => {
    expect(offered(...words)).toEqual(found as never);
  });

  test("words that can only be some are these, and nothing is offered where nothing is known", () => {
    expect(offered("new", "")).toEqual(["api", "web", "worker"]);
    expect(offered("token", "")).toEqual(["show", "create", "list", "revoke"]);
    expect(offered("env", "")).toContain("set");
    expect(offered("deploy", "--message", "")).toEqual([]);
    expect(offered("status", "extra")).toEqual([]);
    expect(offered("bogus", "")).toEqual(verbs.map(({ name }) => name));
  });
});

describe("in Bash", () => {
  const folder = mkdtempSync(join(tmpdir(), "levain-complete-"));
  let node: TestNode;

  beforeAll(async () => {
    node = await startTestNode();
    const program = join(import.meta.dir, "cli-for-tests.ts");
    writeFileSync(
      join(folder, "levain"),
      `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
    );
    chmodSync(join(folder, "levain"), 0o755);
  });
  afterAll(async () => {
    await node[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What Tab would offer. */
  async function tab(...words: string[]): Promise<string[]> {
    const { stdout: script } = await cli(["completion", "bash"]);
    const line = ["levain", ...words].map((word) => `'${word}'`).join(" ");
    const test = `${script}\nCOMP_WORDS=(${line}) COMP_CWORD=${words.length}\n_levain\nprintf '%s\\n' "\${COMPREPLY[@]}"`;
    const shell = Bun.spawn(["bash", "-c", test], {
      cwd: folder,
      env: { PATH: `${folder}:/usr/bin:/bin`, HOME: folder, LEVAIN_DATA_DIR: node.dataDir },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [text] = await Promise.all([new Response(shell.stdout).text(), shell.exited]);
    return text.split("\n").filter((word) => word !== "");
  }

  test("commands, flags, apps, branches and versions are completed", async () => {
    expect(await tab("dep")).toEqual(["deploy"]);
    expect(await tab("logs", "--fol")).toEqual(["--follow"]);
    expect(await tab("logs", "sh")).toEqual(["shop"]);
    expect(await tab("open", "shop", "--branch", "c")).toEqual(["cart-fix"]);
    expect(await tab("promote", "shop", "v")).toContain("v2");
    expect(await tab("logs", "sh", "--data-dir", "/dev/null", "")).toEqual([]);
  }, 30_000);

  test("a node that is not there is silence", async () => {
    expect(await tab("--data-dir", "/dev/null", "logs", "")).toEqual([]);
  });
});

test("every script is for the shell it names, and others are refused", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    expect((await cli(["completion", shell])).stdout).toContain(`levain completion ${shell}`);
  }
  expect((await cli(["completion", "tcsh"])).stderr).toContain("bash, zsh, fish");
  expect((await cli(["completion"])).code).toBe(2);
});
