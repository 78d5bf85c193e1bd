/**
 * Goal: a generated project passes its own checks, and is deployed and answers as it is. Method: the program makes each,
 * Bun installs it from the registry by its lockfile, a real node builds and serves it. Without a registry nothing can be
 * installed, and the test says so.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

/** Installing, checking and deploying one project on a busy machine. Milliseconds. */
const timeoutMs = 180_000;
const root = mkdtempSync(join(tmpdir(), "levain-templates-"));
chmodSync(root, 0o755);
let node: TestNode;

beforeAll(async () => {
  node = await startTestNode();
}, timeoutMs);
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** @returns what it printed; throws that when it failed */
async function run(folder: string, ...argv: string[]): Promise<string> {
  const child = Bun.spawn([process.execPath, ...argv], {
    cwd: folder,
    // Its scripts call Bun by its name.
    env: {
      ...process.env,
      PATH: `${dirname(process.execPath)}:${process.env["PATH"]}`,
      CI: "true",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => new Response(stream).text()),
  );
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}\n${stdout}\n${stderr}`);
  return `${stdout}${stderr}`;
}

async function generate(template: string): Promise<{ app: string; folder: string }> {
  const app = `my-${template}`;
  const made = await node.cli(["new", template, app], { cwd: root });
  expect(made.json).toMatchObject({ ok: true });
  const folder = join(root, app);
  await run(folder, "install", "--frozen-lockfile", "--ignore-scripts");
  return { app, folder };
}

test(
  "api: passes its checks, is deployed, keeps notes and refuses nonsense",
  async () => {
    const { app, folder } = await generate("api");
    expect(await run(folder, "run", "check")).toContain("0 fail");

    const deployed = await node.cli(["deploy", folder]);

    expect(deployed.json, deployed.stdout).toMatchObject({ ok: true, data: { app, version: 1 } });
    const host = app;
    const note = JSON.stringify({ text: "Buy flour" });
    const added = await node.fetch(host, "/notes", { method: "POST", body: note });
    expect(added.status).toBe(201);
    expect(await (await node.fetch(host, "/notes")).json()).toEqual([{ id: 1, text: "Buy flour" }]);
    expect((await node.fetch(host, "/notes", { method: "POST", body: "{}" })).status).toBe(400);
    expect((await node.fetch(host, "/nothing")).status).toBe(404);
  },
  timeoutMs,
);

test(
  "web: passes its checks, is deployed, and its page and API answer",
  async () => {
    const { app, folder } = await generate("web");
    expect(await run(folder, "run", "check")).toContain("0 fail");

    const deployed = await node.cli(["deploy", folder]);

    expect(deployed.json, deployed.stdout).toMatchObject({ ok: true });
    const page = await node.fetch(app, "/");
    expect(page.headers.get("content-type")).toContain("text/html");
    const html = await page.text();
    expect(html).toContain("<title>my-web</title>");
    const script = /src="([^"]+\.js)"/.exec(html)?.[1] ?? "no script";
    const code = await node.fetch(app, new URL(script, "http://x/").pathname);
    expect(code.headers.get("cache-control")).toContain("immutable");
    expect(await code.text()).toContain("/api/guess");
    const guess = { method: "POST", body: JSON.stringify({ number: 0 }) };
    const answer = await node.fetch(app, "/api/guess", guess);
    expect(await answer.json()).toEqual({ verdict: "too low", guesses: 1 });
    expect((await node.fetch(app, "/api/nothing")).status).toBe(404);
  },
  timeoutMs,
);

test(
  "worker: passes its checks, is deployed, and does what is handed in",
  async () => {
    const { app, folder } = await generate("worker");
    expect(await run(folder, "run", "check")).toContain("0 fail");

    const deployed = await node.cli(["deploy", folder]);

    expect(deployed.json, deployed.stdout).toMatchObject({ ok: true });
    const host = app;
    const job = { method: "POST", body: JSON.stringify({ width: 10 }) };
    expect((await node.fetch(host, "/jobs/resize", job)).status).toBe(202);
    expect((await node.fetch(host, "/jobs/other", job)).status).toBe(400);
    const counts = { done: 1, failed: 0, waiting: 0 };
    expect(await (await node.fetch(host, "/jobs")).json()).toEqual(counts);
  },
  timeoutMs,
);
