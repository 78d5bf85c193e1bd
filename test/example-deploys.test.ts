/** Goal: examples that need a deploy to work do what their README says. Method: a real node; no package is fetched. */
import { afterAll, beforeAll, expect, test } from "bun:test";
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
