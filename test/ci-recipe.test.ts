/**
 * Goal: what docs/ci.md has people paste deploys a branch and gives its URL, with a token that may do no more. Method: the
 * page's own scripts, a whole node, the command line as `levain`.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const page = readFileSync(join(import.meta.dir, "../docs/ci.md"), "utf8");
const mainPath = join(import.meta.dir, "../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "levain-ci-"));
const project = join(folder, "project");

let node: TestNode;
let token: string;

/** The first code block of a section. */
function block(heading: string): string {
  const section = page.slice(page.indexOf(`## ${heading}\n`));
  return /```\w+\n([\s\S]*?)```/.exec(section)?.[1] ?? "";
}

function git(...words: string[]): void {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
  const run = Bun.spawnSync(["git", ...identity, ...words], { cwd: project });
  if (run.exitCode !== 0) throw new Error(run.stderr.toString());
}

async function run(script: string, env: Record<string, string> = {}) {
  const child = Bun.spawn(["sh", "-c", script], {
    cwd: project,
    env: {
      PATH: `${join(folder, "levain")}:${process.env.PATH ?? ""}`,
      HOME: folder,
      LEVAIN_NODE: `http://127.0.0.1:${node.adminPort}`,
      LEVAIN_TOKEN: token,
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

const urlOf = (branch: string) =>
  `http://${branch === "main" ? "" : `${branch}--`}shop.localhost:${node.port}`;

beforeAll(async () => {
  mkdirSync(project);
  mkdirSync(join(folder, "levain"));
  const shim = join(folder, "levain", "levain");
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${mainPath}' "$@"\n`);
  chmodSync(shim, 0o755);
  writeFileSync(
    join(project, "index.ts"),
    'export default { fetch: () => new Response("hello") };',
  );
  git("init", "-q", "-b", "cart/fix");
  git("add", ".");
  git("commit", "-q", "-m", "Fix the cart");
  node = await startTestNode();
  const words = /levain (token create [^\n]*)/.exec(page)?.[1]?.split(" ") ?? [];
  const { json } = await node.cli(words);
  token = json.data.token;
}, 120_000);

afterAll(async () => {
  await node[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("the page's", () => {
  test("shell script deploys the branch it is on and ends with its URL", async () => {
    const { code, stdout, stderr } = await run(block("Anywhere"));

    expect([code, stdout], stderr).toEqual([0, `deployed to ${urlOf("cart-fix")}\n`]);
    const { json } = await node.cli(["versions", "shop"]);
    expect(json.data.versions[0]).toMatchObject({ message: "Fix the cart", branch: "cart/fix" });
    expect(stdout + stderr).not.toContain(token);
  }, 60_000);

  test("shell script fails, says why and prints no URL when the token may not", async () => {
    const { json } = await node.cli([
      "token",
      "create",
      "other",
      "--role",
      "deploy",
      "--app",
      "blog",
    ]);

    const refused = await run(block("Anywhere"), { LEVAIN_TOKEN: json.data.token });
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("ADMIN_TOKEN_APP");
    expect((await run(block("Anywhere"), { LEVAIN_TOKEN: "" })).code).not.toBe(0);
  }, 60_000);

  test("workflow deploys in a step that gives the URL as its output", async () => {
    const output = join(folder, "output");
    const workflow = Bun.YAML.parse(block("GitHub Actions")) as {
      jobs: { deploy: { steps: { id?: string; run?: string; env?: Record<string, string> }[] } };
    };
    const step = workflow.jobs.deploy.steps.find(({ id }) => id === "deploy");
    expect(Object.keys(step?.env ?? {})).toEqual(["LEVAIN_NODE", "LEVAIN_TOKEN", "BRANCH"]);

    const env = { BRANCH: "main", RUNNER_TEMP: folder, GITHUB_OUTPUT: output };
    const { code, stderr } = await run(`set -e\n${step?.run}`, env);

    expect(code, stderr).toBe(0);
    expect(readFileSync(output, "utf8")).toBe(`url=${urlOf("main")}\n`);
    expect(await (await node.fetch("shop", "/")).text()).toBe("hello");
  }, 60_000);

  test.if(Bun.which("jq") !== null && Bun.which("curl") !== null)(
    "form without the command line does the same, and fails when the deploy does",
    async () => {
      const script = block("Without the command line");

      const good = await run(script, { BRANCH: "next" });
      expect([good.code, good.stdout], good.stderr).toEqual([0, `${urlOf("next")}\n`]);
      const bad = await run(script, { BRANCH: "next..bad" });
      expect(bad.code).not.toBe(0);
      expect(bad.stderr).toContain("next..bad");
    },
    60_000,
  );
});
