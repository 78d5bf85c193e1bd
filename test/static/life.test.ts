/**
 * Goal: a version without a process lives like any other: deployed, checked, promoted, rolled back, removed. Method: a
 * whole node and the command line.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { until } from "../../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "../node-for-tests.ts";

const timeoutMs = 120_000;

function project(files: Record<string, string>): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "levain-project-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function deploy(node: TestNode, files: Record<string, string>, ...args: string[]) {
  using folder = project(files);
  return await node.cli(["deploy", "--app", "site", ...args], { cwd: folder.path });
}

describe.each([1, 2])("with %p edges", (edges) => {
  let node: TestNode;
  beforeAll(async () => {
    node = await startTestNode({ flags: ["--edges", String(edges)] });
  }, timeoutMs);
  afterAll(() => node[Symbol.asyncDispose](), timeoutMs);

  const textOf = async (host: string, path = "/") => (await node.fetch(host, path)).text();

  test(
    "a site is deployed, shown, promoted, rolled back and deleted",
    async () => {
      expect((await deploy(node, { "index.html": "<p>one", "old.txt": "old" })).code).toBe(0);
      expect(await textOf("site")).toBe("<p>one");

      // What a browser has of one version is nothing new only as long as it is the same.
      const first = await node.fetch("site", "/");
      const etag = first.headers.get("etag")!;
      const lastModified = first.headers.get("last-modified")!;
      await first.text();
      const again = () => node.fetch("site", "/", { headers: { "if-none-match": etag } });
      const since = () =>
        node.fetch("site", "/", { headers: { "if-modified-since": lastModified } });
      expect([(await again()).status, (await since()).status]).toEqual([304, 304]);

      // Dates have seconds: versions of the same one have the same.
      await until(() => Date.now() >= Date.parse(lastModified) + 1000);
      await deploy(node, { "index.html": "<p>two" }, "--branch", "next");
      expect(await textOf("next--site")).toBe("<p>two");
      expect(await textOf("site")).toBe("<p>one");

      const { json: ps } = await node.cli(["ps"]);
      expect(ps.data.instances).toMatchObject([
        { version: 2, state: "static", pid: null, starts: 0 },
        { version: 1, state: "static", pid: null, starts: 0 },
      ]);
      await until(async () => {
        const { json } = await node.cli(["ps"]);
        return json.data.instances[1].requests >= 4;
      });
      const { json: inspected } = await node.cli(["inspect", "site"]);
      expect(inspected.data).toMatchObject({ entry: null, state: "static", processes: [] });

      const promoted = await node.cli(["promote", "site", "v2"]);
      expect(promoted.code).toBe(0);
      expect(await textOf("site")).toBe("<p>two");
      expect((await node.fetch("site", "/old.txt")).status).toBe(404);
      expect([(await again()).status, (await since()).status]).toEqual([200, 200]);

      expect((await node.cli(["rollback", "site"])).code).toBe(0);
      expect(await textOf("site")).toBe("<p>one");
      expect(await textOf("site", "/old.txt")).toBe("old");
      expect((await again()).status).toBe(304);

      expect((await node.cli(["delete", "site", "--confirm", "site"])).code).toBe(0);
      expect((await node.fetch("site", "/")).status).toBe(404);
    },
    timeoutMs,
  );

  test(
    "a site without a page for its health path keeps the branch as it is",
    async () => {
      await deploy(node, { "index.html": "<p>good" });
      const config = JSON.stringify({ assets: ".", healthPath: "/up" });

      const refused = await deploy(node, { "index.html": "<p>bad", "levain.config.json": config });

      expect([refused.code === 0, refused.json.error.code]).toEqual([false, "ASSETS_NO_PAGE"]);
      expect(await textOf("site")).toBe("<p>good");
      await node.cli(["delete", "site", "--confirm", "site"]);
    },
    timeoutMs,
  );

  test(
    "an app with files and a process sleeps while its files are asked for",
    async () => {
      await deploy(node, {
        "index.js": "export default { fetch: () => new Response('app') }",
        "package.json": '{ "main": "index.js" }',
        "public/a.txt": "a",
        "levain.config.json": JSON.stringify({ assets: "public", idleFreezeMs: 100 }),
      });
      const state = async () => (await node.cli(["ps"])).json.data.instances[0].state;
      expect(await textOf("site")).toBe("app");
      await until(async () => ["frozen", "paged"].includes(await state()));

      expect(await textOf("site", "/a.txt")).toBe("a");
      expect(["frozen", "paged"]).toContain(await state());
      expect(await textOf("site")).toBe("app");
    },
    timeoutMs,
  );
});
