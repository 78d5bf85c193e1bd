/**
 * Goal: what a version says of how it was built is true, to the person who asks and to the app itself. Method: a whole node;
 * a project with packages of its own folder, in a Git repository.
 */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BuildInfo } from "../sdk/src/build-info.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const timeoutMs = 120_000;

class Project implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "levain-provenance-"));

  write(files: Record<string, string | object>): void {
    for (const [path, value] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, path)), { recursive: true });
      const text = typeof value === "string" ? value : JSON.stringify(value);
      writeFileSync(join(this.folder, path), text);
    }
  }

  git(...args: string[]): string {
    const identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    const ended = Bun.spawnSync(["git", ...identity, ...args], { cwd: this.folder });
    if (ended.exitCode !== 0) throw new Error(ended.stderr.toString());
    return ended.stdout.toString().trim();
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function data(node: TestNode, args: string[], cwd: string) {
  const { json, stdout } = await node.cli(args, { cwd });
  if (json?.ok !== true) throw new Error(stdout);
  return json.data;
}

test(
  "a version tells its commit, its packages and what changed, and the app can read it too",
  async () => {
    await using node = await startTestNode();
    using project = new Project();
    project.write({
      "package.json": {
        name: "shop",
        levain: { template: "api" },
        dependencies: { greet: "file:./vendor/greet", old: "file:./vendor/old" },
      },
      "vendor/greet/package.json": { name: "greet", version: "1.0.0", license: "MIT" },
      "vendor/greet/index.js": 'export const hello = "hello";',
      "vendor/old/package.json": { name: "old", version: "1.0.0" },
      "vendor/old/index.js": "export const old = 1;",
      "index.ts":
        'import { hello } from "greet";\nimport { buildInfo } from "levain";\n' +
        "export default { fetch: () => Response.json({ hello, buildInfo }) };",
      "levain.config.json": { declares: { schema: 12, flags: ["new-checkout"] } },
    });
    project.git("init", "-q", "-b", "main");
    project.git("add", "-A");
    project.git("commit", "-q", "-m", "first");
    const commit = project.git("rev-parse", "HEAD");

    const first = await data(node, ["deploy"], project.folder);
    const { stored, declares } = await data(node, ["inspect", "shop"], project.folder);

    expect(first.packages).toBe(null);
    expect(declares).toEqual({ schema: "12", telemetry: null, flags: ["new-checkout"] });
    expect(stored.provenance).toMatchObject({
      bun: Bun.version,
      git: { commit, branch: "main", isDirty: false },
      template: "api",
      packages: { production: 2, development: 0 },
      scripts: { declared: [], ran: [] },
      entry: "index.ts",
    });
    expect(stored.provenance.ms.boot).toBeGreaterThan(0);
    expect(stored.provenance.largest.length).toBeGreaterThan(0);
    const { buildInfo } = (await (await node.fetch("shop", "/")).json()) as {
      buildInfo: BuildInfo;
    };
    expect(buildInfo).toMatchObject({
      app: "shop",
      version: 1,
      branch: "main",
      digest: first.digest,
      commit,
      isDirty: false,
      template: "api",
      declares: { schema: "12" },
    });

    project.write({
      "package.json": {
        name: "shop",
        dependencies: { greet: "file:./vendor/greet", fresh: "file:./vendor/fresh" },
      },
      "vendor/greet/package.json": {
        name: "greet",
        version: "1.1.0",
        scripts: { postinstall: "touch ran" },
      },
      "vendor/fresh/package.json": { name: "fresh", version: "0.1.0" },
    });
    const second = await data(node, ["deploy"], project.folder);

    expect(second.packages).toMatchObject({
      since: 1,
      added: { total: 1, named: [{ name: "fresh" }] },
      removed: { total: 1, named: [{ name: "old" }] },
      changed: { total: 1, named: [{ name: "greet", from: "1.0.0", to: "1.1.0" }] },
      scripts: { total: 1, named: [{ name: "greet", scripts: ["postinstall"] }] },
    });
    const now = await data(node, ["inspect", "shop"], project.folder);
    expect(now.stored.provenance.git.isDirty).toBe(true);
    const { stdout } = await node.cli(["inspect", "shop@v1", "--sbom"]);
    const names = (JSON.parse(stdout).components as { name: string }[]).map(({ name }) => name);
    expect(names.sort()).toEqual(["greet", "old"]);
  },
  timeoutMs,
);

test(
  "a folder is verified against an artifact, by digest or version, and what differs is named",
  async () => {
    await using node = await startTestNode();
    using project = new Project();
    project.write({
      "package.json": { name: "shop" },
      "index.ts": 'export default { fetch: () => new Response("one") };',
      "public/a.txt": "a",
    });
    const { digest } = await data(node, ["deploy"], project.folder);

    expect(await data(node, ["deploy", "--verify", digest], project.folder)).toMatchObject({
      app: "shop",
      digest,
    });
    project.write({ "public/a.txt": "changed", "public/b.txt": "b" });
    const { code, json } = await node.cli(["deploy", "--verify", "v1"], { cwd: project.folder });

    expect([code, json.error.code]).toEqual([1, "BUILD_DIFFERS"]);
    expect(json.error.detail.files).toEqual([
      "public/a.txt: 1 bytes in the artifact, 7 built now",
      "public/b.txt: only in what was built now",
    ]);
    const { versions } = await data(node, ["versions", "shop"], project.folder);
    expect(versions.length).toBe(1);
    const unknown = await node.cli(["deploy", "--verify", "0".repeat(64)], { cwd: project.folder });
    expect(unknown.json.error.detail.files).toEqual([
      "not known: the artifact is not on this node",
    ]);
  },
  timeoutMs,
);
