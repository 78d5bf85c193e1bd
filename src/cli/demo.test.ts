/** Goal: a demo that cannot go on says where, and leaves nothing behind. The one that can is in test/demo.test.ts. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode } from "../control/admin-deps-for-tests.ts";
import type { AdminDeps } from "../control/deps.ts";
import { cli } from "./cli-process-for-tests.ts";
import { fillPackageCache } from "./demo-cache.ts";
import { exampleFolder } from "./demo-deploy.ts";
import { temporaryRoot } from "./demo-node.ts";

function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "levain-demo-test-"));
  // Root's PostgreSQL runs as another user.
  chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A node in memory whose apps are all at `url`. */
async function nodeWithAppsAt(url: string, overrides: Partial<AdminDeps> = {}) {
  const plain = await startTestNode();
  const { deployer } = plain.deps;
  await plain[Symbol.asyncDispose]();
  const deployed: string[] = [];
  const node = await startTestNode({
    deployer: {
      async deploy(upload, query, emit, signal, assertMayDeploy) {
        deployed.push(query.app ?? "");
        return { ...(await deployer.deploy(upload, query, emit, signal, assertMayDeploy)), url };
      },
    },
    ...overrides,
  });
  return { node, deployed, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() };
}

test("a node that cannot start is the failed step, with its own code, and its folder is removed", async () => {
  using folder = temporaryFolder();

  const run = await cli(["demo", "--once", "--json"], {
    env: { TEST_NODE: "throw", TMPDIR: folder.path },
  });

  const object = JSON.parse(run.stdout);
  expect(run.code).toBe(1);
  expect(object).toMatchObject({
    ok: false,
    command: "demo",
    error: { code: "PORT_IN_USE", detail: { step: "node", steps: [{ name: "node", ok: false }] } },
  });
  expect(readdirSync(folder.path)).toEqual([]);
});

test("an app that answers wrongly fails the step that asked it, and none follows", async () => {
  await using server = Bun.serve({ port: 0, fetch: () => new Response("no", { status: 500 }) });
  await using apps = await nodeWithAppsAt(`http://shop.localhost:${server.port}`);
  const words = ["demo", "--once", "--data-dir", apps.node.dataDir];

  const text = await cli(words);
  const json = await cli([...words, "--json"]);

  expect(text.code).toBe(1);
  expect(text.stdout).toContain("  ✘ page      ");
  expect(text.stdout).not.toContain("api");
  expect(text.stderr).toStartWith(
    '✘ DEMO_STEP_FAILED  Cannot complete the demo: step "page" failed: GET / answered 500 instead of 200\n',
  );
  const { error } = JSON.parse(json.stdout);
  expect(
    error.detail.steps.map(({ name, ok }: { name: string; ok: boolean }) => [name, ok]),
  ).toEqual([
    ["node", true],
    ["deploy", true],
    ["page", false],
  ]);
});

test("an app called shop that is no demo's is left alone", async () => {
  await using server = Bun.serve({ port: 0, fetch: () => new Response("no", { status: 500 }) });
  await using apps = await nodeWithAppsAt(`http://levain-demo.localhost:${server.port}`);

  await cli(["demo", "--once", "--data-dir", apps.node.dataDir]);

  expect(apps.deployed).toEqual(["levain-demo"]);
});

test("root's node does not go into a folder that others cannot pass through", async () => {
  using folder = temporaryFolder();

  expect(await temporaryRoot(true, folder.path)).toBe(folder.path);
  chmodSync(folder.path, 0o700);
  expect(await temporaryRoot(true, folder.path)).toBe("/tmp");
  expect(await temporaryRoot(true, join(folder.path, "inside"))).toBe("/tmp");
  expect(await temporaryRoot(false, folder.path)).toBe(folder.path);
});

test("the example's dependencies come from the checkout, as far as it has them", async () => {
  using folder = temporaryFolder();
  const { dependencies } = await Bun.file(join(exampleFolder, "package.json")).json();
  const other = join(folder.path, "app");
  await Bun.write(
    join(other, "package.json"),
    '{"dependencies":{"hono":"1.0.0","nothing":"1.0.0"}}',
  );

  await fillPackageCache(join(folder.path, "data"), exampleFolder, "shop");
  await fillPackageCache(join(folder.path, "other"), other, "shop");

  const cache = "builds/.cache/shop";
  const hono = `hono@${dependencies.hono}@@@1`;
  expect(readdirSync(join(folder.path, "data", cache))).toEqual([hono]);
  expect(existsSync(join(folder.path, "data", cache, hono, "package.json"))).toBe(true);
  expect(readdirSync(join(folder.path, "other", cache))).toEqual([]);
});
