/** Goal: examples that need a deploy to work do what their README says. Method: a real node; no package is fetched. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const EXAMPLES = join(import.meta.dir, "../examples");
/** A node's start with its PostgreSQL on a busy machine. Milliseconds. */
const startTimeoutMs = 60_000;

let node: TestNode;
beforeAll(async () => {
  node = await startTestNode();
}, startTimeoutMs);
afterAll(() => node[Symbol.asyncDispose]());

test("static is served without a process, with clean addresses, a page for what is missing, and redirects", async () => {
  const { json } = await node.cli(["deploy", join(EXAMPLES, "static")]);
  const about = await node.fetch("static", "/about");
  const missing = await node.fetch("static", "/nothing", { headers: { accept: "text/html" } });
  const moved = await node.fetch("static", "/bread", { redirect: "manual" });

  expect(json.data).toMatchObject({ app: "static", warnings: [] });
  expect(await about.text()).toContain("About bread");
  expect(missing.status).toBe(404);
  expect(await missing.text()).toContain("Nothing here");
  expect([moved.status, moved.headers.get("location")]).toEqual([301, "/"]);
}, 30_000);

test("monorepo is deployed from its root with what its workspace needs, built in order", async () => {
  const { json } = await node.cli(["deploy", join(EXAMPLES, "monorepo/apps/web")]);
  const home = await node.fetch("web", "/");
  const missing = await node.fetch("web", "/nothing");

  expect(json.error).toBeUndefined();
  expect(json.data).toMatchObject({ app: "web", warnings: [] });
  expect(await home.text()).toBe("Good morning, bakery\n");
  expect(missing.status).toBe(404);
}, 60_000);

test("bun-fullstack has its page and API from one server, what the page loads from the node, and keeps its state asleep", async () => {
  const folder = mkdtempSync(join(tmpdir(), "levain-example-"));
  cpSync(join(EXAMPLES, "bun-fullstack"), folder, { recursive: true });
  writeFileSync(join(folder, "levain.config.json"), JSON.stringify({ idleFreezeMs: 1_000 }));
  const { json } = await node.cli(["deploy", folder]);
  rmSync(folder, { recursive: true });
  const page = await node.fetch("bun-fullstack", "/deep/link");
  const html = await page.text();
  const paths = [...html.matchAll(/"(\/_bun\/[^"]+)"/g)].map(([, path = ""]) => path);
  const files = await Promise.all(paths.map((path) => node.fetch("bun-fullstack", path)));
  const bake = (method: string) => node.fetch("bun-fullstack", "/api/loaves", { method });
  const missing = await node.fetch("bun-fullstack", "/api/rolls");

  expect(json.error).toBeUndefined();
  expect(json.data).toMatchObject({ app: "bun-fullstack", warnings: [] });
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html;charset=utf-8"]);
  expect(new Set(paths.map((path) => path.split(".").at(-1)))).toEqual(
    new Set(["css", "js", "svg"]),
  );
  for (const file of files) {
    expect(file.status).toBe(200);
    expect(file.headers.get("cache-control")).toContain("immutable");
  }
  expect((await node.fetch("bun-fullstack", "/", { method: "HEAD" })).status).toBe(200);
  expect(missing.status).toBe(404);
  expect(await (await bake("POST")).json()).toEqual({ baked: 1 });
  for (let woken = ""; !/^(?:frozen|paged);/.test(woken); await Bun.sleep(250)) {
    const { json: states } = await node.cli(["ps"]);
    const [own] = states.data.instances.filter(
      ({ app }: { app: string }) => app === "bun-fullstack",
    );
    if (own.state !== "frozen" && own.state !== "paged") continue;
    const answer = await bake("GET");
    expect(await answer.json()).toEqual({ baked: 1 });
    woken = answer.headers.get("levain-wake") ?? "";
  }
}, 60_000);

test("a plan says what would be done, and does nothing", async () => {
  const { json } = await node.cli(["deploy", join(EXAMPLES, "sveltekit"), "--plan"]);
  const { json: changed } = await node.cli([
    "deploy",
    join(EXAMPLES, "sveltekit"),
    "--plan",
    "--no-build",
    "--framework",
    "vite",
  ]);
  const { json: apps } = await node.cli(["apps"]);

  expect(json.data.plan).toEqual({
    framework: "SvelteKit",
    because: "@sveltejs/kit is in package.json",
    lockfile: "bun.lock",
    build: "bun run build",
    output: "server",
    start: "node build/index.js",
    assets: "build/client",
    bundle: false,
  });
  expect(changed.data.plan).toMatchObject({ framework: "Vite", build: null, assets: "dist" });
  expect(apps.data.apps.map(({ app }: { app: string }) => app)).not.toContain("sveltekit");
}, 30_000);
