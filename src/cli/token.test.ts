/** Goal: who may use a node from the command line, here and behind a tunnel. Method: real processes, a real admin API. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "../control/admin-deps-for-tests.ts";
import { adminTokenPath, metricsTokenOf, readAdminToken } from "../control/admin-token.ts";
import { cli } from "./cli-process-for-tests.ts";

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-token-"));
  folders.push(folder);
  return folder;
}

/** Words that name the node by its address, and a data directory that is another one's. */
function elsewhere(node: TestNode): string[] {
  return ["--node", `http://127.0.0.1:${node.server.port}`, "--data-dir", emptyFolder()];
}

async function codeOf(words: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { ok, error } = JSON.parse((await cli([...words, "--json"], { env })).stdout);
  return ok ? "ok" : error.code;
}

test("token prints the token and nothing else, also the one for metrics", async () => {
  await using node = await startTestNode();
  const at = ["--data-dir", node.dataDir];

  expect((await cli(["token", ...at])).stdout).toBe(`${node.token}\n`);
  expect((await cli(["token", "--metrics", ...at])).stdout).toBe(`${metricsTokenOf(node.token)}\n`);
});

test("after a rotation commands go on, and who has the old token is told so", async () => {
  await using node = await startTestNode();
  const at = ["--data-dir", node.dataDir];

  const { stdout } = await cli(["token", "--rotate", ...at]);

  expect(stdout).toBe(`${readAdminToken(node.dataDir)}\n`);
  expect(stdout).not.toBe(`${node.token}\n`);
  expect(await codeOf(["status", ...at])).toBe("ok");
  const old = { LEVAIN_TOKEN: node.token };
  expect(await codeOf(["status", ...at], old)).toBe("ADMIN_TOKEN_WRONG");
});

test("where there is no token, that is said with the place", async () => {
  const dataDir = emptyFolder();

  for (const words of [["token"], ["token", "--rotate", "--data-dir", join(dataDir, "none")]]) {
    const run = await cli([...words, ...(words.length > 1 ? [] : ["--data-dir", dataDir])]);
    expect(run.stderr).toContain("ADMIN_TOKEN_UNREADABLE");
    expect(run.stderr).toContain("there is none");
    expect(run.code).toBe(1);
  }
});

test("a data directory that has lost its token says what to do", async () => {
  await using node = await startTestNode();
  rmSync(adminTokenPath(node.dataDir));

  const run = await cli(["status", "--data-dir", node.dataDir]);

  expect(run.stderr).toContain("ADMIN_TOKEN_MISSING");
  expect(run.stderr).toContain("levain token");
});

test("a node that is named by its address takes the token from the flag, else from the variable", async () => {
  await using node = await startTestNode();
  const words = ["status", ...elsewhere(node)];
  const wrong = `${node.token}x`;

  expect(await codeOf([...words, "--token", node.token])).toBe("ok");
  expect(await codeOf(words, { LEVAIN_TOKEN: node.token })).toBe("ok");
  expect(await codeOf([...words, "--token", node.token], { LEVAIN_TOKEN: wrong })).toBe("ok");
  expect(await codeOf(words, { LEVAIN_TOKEN: wrong })).toBe("ADMIN_TOKEN_WRONG");
});

test("the token of the data directory is not sent to an address", async () => {
  await using node = await startTestNode();
  const seen: (string | null)[] = [];
  using stranger = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      return new Response("", { status: 404 });
    },
  });
  const words = ["status", "--node", `http://127.0.0.1:${stranger.port}`];

  await cli([...words, "--data-dir", node.dataDir]);
  await cli([...words, "--data-dir", node.dataDir], { env: { HTTP_PROXY: `http://127.0.0.1:1` } });

  expect(seen).toEqual([null, null]);
});

test("a redirect does not take the token elsewhere", async () => {
  const seen: (string | null)[] = [];
  using other = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      seen.push(request.headers.get("authorization"));
      return new Response("{}");
    },
  });
  using redirects = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => Response.redirect(`http://127.0.0.1:${other.port}/`),
  });

  const words = [
    "status",
    "--node",
    `http://127.0.0.1:${redirects.port}`,
    "--token",
    "t".repeat(43),
  ];

  expect(await codeOf([...words, "--data-dir", emptyFolder()])).toBe("NODE_CONNECTION_LOST");
  expect(seen).toEqual([]);
});

test("deploys, logs and delete work at an address, and what comes next names it", async () => {
  await using node = await startTestNode();
  const env = { LEVAIN_TOKEN: node.token };
  const at = elsewhere(node);

  const deployed = await cli(["deploy", import.meta.dir, "--app", "shop", "--json", ...at], {
    env,
  });
  const logs = await cli(["logs", "shop", "--json", ...at], { env });
  const deleted = await cli(["remove", "shop", "--confirm", "shop", ...at], { env });

  expect(JSON.parse(deployed.stdout)).toMatchObject({ ok: true });
  expect(deployed.stdout).toContain(`--node http://127.0.0.1:${node.server.port}`);
  expect(deployed.stdout + deployed.stderr).not.toContain(node.token);
  expect(logs.code).toBe(0);
  expect(deleted.code).toBe(0);
});

test("an address that a token must not go to is refused before anything is sent", async () => {
  for (const [url, what] of [
    ["http://example.com:4001", "ssh -N -L"],
    ["http://127.0.0.1.example.com", "ssh -N -L"],
    ["127.0.0.1:4001", "is no address"],
    ["http://127.0.0.1:4001/v1", "is no address"],
    ["http://me@localhost:4001", "is no address"],
    ["ftp://localhost", "is no address"],
    ["https://node.example.com/?a", "is no address"],
  ] as const) {
    const run = await cli(["status", "--node", url, "--token", "t".repeat(43)]);
    expect(run.code, url).toBe(2);
    expect(run.stderr, url).toContain(what);
  }
});

test("an address where nothing listens is NODE_UNREACHABLE", async () => {
  const port = Bun.serve({ port: 0, fetch: () => new Response("") });
  const url = `http://127.0.0.1:${port.port}`;
  await port.stop(true);

  const run = await cli(["status", "--node", url, "--data-dir", emptyFolder()]);

  expect(run.stderr).toContain("NODE_UNREACHABLE");
  expect(run.stderr).toContain(url);
});

test("down at an address returns when the node answers no more", async () => {
  const ending = Promise.withResolvers<void>();
  const node = await startTestNode({ shutdown: ending.resolve });
  void ending.promise.then(() => node.server.stop());

  const run = await cli(["down", ...elsewhere(node)], { env: { LEVAIN_TOKEN: node.token } });

  expect(run.stdout).toContain("node stopped");
  expect(run.code).toBe(0);
  await node[Symbol.asyncDispose]();
});

test("commands that ask no node take no address", async () => {
  const run = await cli(["doctor", "--node", "http://127.0.0.1:4001"]);

  expect(run.code).toBe(2);
  expect(run.stderr).toContain("--node");
});
