/** Goal: a node that was logged in to is what commands ask, and no token goes astray. Method: real processes and nodes. */
import { afterEach, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "../control/admin-deps-for-tests.ts";
import { cli, cliOnTerminal } from "./cli-process-for-tests.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A home of its own, without a data directory that is named. */
function home() {
  const folder = mkdtempSync(join(tmpdir(), "levain-home-"));
  folders.push(folder);
  const env = { HOME: folder, LEVAIN_DATA_DIR: "" };
  return { folder, env, file: join(folder, ".config/levain/contexts.json") };
}

const urlOf = (node: TestNode) => `http://127.0.0.1:${node.server.port}`;

async function login(node: TestNode, env: Record<string, string>, name: string): Promise<void> {
  const words = ["login", "--node", urlOf(node), "--token", "-", "--name", name];
  const run = await cli(words, { env, stdin: `${node.token}\n` });
  expect(run.stderr).toBe("");
  expect(run.code).toBe(0);
}

async function codeOf(words: readonly string[], env: Record<string, string>): Promise<string> {
  const { ok, error } = JSON.parse((await cli([...words, "--json"], { env })).stdout);
  return ok ? "ok" : error.code;
}

test("after a login commands ask that node, until `local` is chosen", async () => {
  await using node = await startTestNode();
  const { env, file } = home();

  await login(node, env, "lab");

  expect((await cli(["apps"], { env })).stdout).toContain("cart-fix");
  expect((await cli(["context"], { env })).stdout).toMatch(/^\* +lab +http/m);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(file, "..")).mode & 0o777).toBe(0o700);
  expect((await cli(["context", "use", "local"], { env })).stdout).toMatch(/^\* +local /m);
  expect(await codeOf(["apps"], env)).toBe("NODE_NOT_RUNNING");
  expect(await codeOf(["apps", "--context", "lab"], env)).toBe("ok");
  expect(await codeOf(["apps"], { ...env, LEVAIN_CONTEXT: "lab" })).toBe("ok");
  await cli(["context", "remove", "lab"], { env });
  expect(await codeOf(["apps", "--context", "lab"], env)).toBe("CONTEXT_UNKNOWN");
});

test("a login says who the token is for; one that is refused keeps nothing", async () => {
  await using node = await startTestNode();
  const { env, file } = home();
  const { text } = await node.deps.tokens.create({
    name: "ci",
    role: "deploy",
    apps: ["shop"],
    expiresAtMs: null,
  });
  const words = ["login", "--node", urlOf(node)];

  const wrong = await cli([...words, "--token", "-"], { env, stdin: `${text}x\n` });
  expect(wrong.stderr).toContain("ADMIN_TOKEN_WRONG");
  const none = await cli([...words, "--token", "-"], { env, stdin: "" });
  expect(none.code).toBe(2);
  expect(existsSync(file)).toBe(false);

  const right = await cli(words, { env: { ...env, LEVAIN_TOKEN: text } });
  expect(right.stdout).toContain("as ci: deploy on shop");
  expect(right.stdout + right.stderr).not.toContain(text);
  expect(await codeOf(["token", "list"], env)).toBe("ADMIN_TOKEN_ROLE");
});

test("a token that is typed is not shown, and may be corrected", async () => {
  await using node = await startTestNode();
  const { env, file } = home();
  const typed = `wrongX\x7f${"\x7f".repeat(5)}${node.token}\r`;

  const words = ["login", "--node", urlOf(node), "--name", "lab"];
  const printed = await cliOnTerminal(words, env, { prompt: "Token: ", typed });

  expect(printed).toContain("lab is what commands ask");
  expect(printed).not.toContain("wrong");
  expect(printed).not.toContain(node.token);
  expect(await Bun.file(file).text()).toContain(node.token);
});

test("flags go before variables, variables before what was chosen", async () => {
  await using one = await startTestNode();
  await using two = await startTestNode();
  const { env } = home();
  await login(one, env, "one");
  await login(two, env, "two");
  /** Which of them a change got to. */
  const asked = async (words: string[], more: Record<string, string> = {}) => {
    const before = [one.happened.length, two.happened.length];
    await cli(["promote", "shop", "v1", "--json", ...words], { env: { ...env, ...more } });
    return [one, two].findIndex(({ happened }, index) => happened.length > (before[index] ?? 0));
  };
  const at = (node: TestNode) => ({ LEVAIN_NODE: urlOf(node), LEVAIN_TOKEN: node.token });

  expect(await asked([])).toBe(1);
  expect(await asked(["--context", "one"])).toBe(0);
  expect(await asked(["--context", "one"], at(two))).toBe(0);
  expect(await asked(["--node", urlOf(one)], { LEVAIN_CONTEXT: "two" })).toBe(0);
  expect(await asked([], { LEVAIN_CONTEXT: "one" })).toBe(0);
  expect(await asked([], { ...at(one), LEVAIN_CONTEXT: "two" })).toBe(0);
  expect(await asked([], { LEVAIN_DATA_DIR: "/dev/null" })).toBe(-1);
  expect(await asked(["--data-dir", "/dev/null"], at(one))).toBe(-1);
  // Nobody stops the node of others by mistake.
  expect(await codeOf(["down"], env)).toBe("NODE_NOT_RUNNING");
}, 60_000);

test("LEVAIN_TOKEN is not sent to a context, nor a context's token to another address", async () => {
  const seen: (string | null)[] = [];
  using stranger = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      return new Response("{}", { status: 404 });
    },
  });
  await using node = await startTestNode();
  const { env, file } = home();
  await login(node, env, "lab");

  await cli(["status", "--node", `http://127.0.0.1:${stranger.port}`], { env });
  expect(seen).toEqual([null]);
  expect(await codeOf(["status"], { ...env, LEVAIN_TOKEN: "t".repeat(43) })).toBe("ok");
  // The same address is the same node.
  expect(await codeOf(["status", "--node", urlOf(node)], env)).toBe("ok");
  expect(await Bun.file(file).text()).toContain(node.token);
});

test("a file that others may read is closed, one that is damaged is named", async () => {
  await using node = await startTestNode();
  const { env, file } = home();
  await login(node, env, "lab");
  chmodSync(file, 0o644);

  expect(await codeOf(["status"], env)).toBe("ok");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const text of ["", "{", "[]", '{"contexts": {"lab": {"url": 1}}}', "null"]) {
    writeFileSync(file, text);
    const run = await cli(["status"], { env });
    expect(run.stderr, text).toContain("CONTEXTS_UNUSABLE");
    expect(run.stderr, text).toContain(file);
  }
});

test("a node whose admin API is of another version is said with both", async () => {
  let version: string | null = "2";
  using other = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => Response.json({}, { headers: version === null ? {} : { "levain-api": version } }),
  });
  const { env } = home();
  const words = ["status", "--node", `http://127.0.0.1:${other.port}`];

  const newer = await cli(words, { env });
  expect(newer.stderr).toContain("NODE_VERSION_OTHER");
  expect(newer.stderr).toMatch(/has version 2, this\s+command line knows 1/);
  version = null;
  expect(await codeOf(words, env)).toBe("NODE_VERSION_OTHER");
});
