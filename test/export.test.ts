/**
 * Goal: what is exported is the app, whole and without secrets. Method: a whole node, and the machine's own `tar`; then the
 * artifact becomes an app of its own.
 */
import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const timeoutMs = 120_000;
const longName = `${"long-".repeat(40)}é.txt`;

async function data(node: TestNode, args: string[], cwd: string) {
  const { json, stdout } = await node.cli(args, { cwd });
  if (json?.ok !== true) throw new Error(stdout);
  return json.data;
}

test(
  "an app is exported with its versions and artifacts, and no value of its environment",
  async () => {
    await using node = await startTestNode();
    const folder = mkdtempSync(join(tmpdir(), "levain-export-"));
    try {
      const source = join(folder, "source");
      mkdirSync(join(source, "public"), { recursive: true });
      writeFileSync(join(source, "package.json"), '{ "name": "shop" }');
      writeFileSync(
        join(source, "levain.config.json"),
        '{ "bundle": false, "env": { "CURRENCY": "secret-euro" } }',
      );
      writeFileSync(join(source, "public", longName), "long");
      writeFileSync(join(source, "tool.sh"), "#!/bin/sh\n");
      chmodSync(join(source, "tool.sh"), 0o755);
      for (const text of ["one", "two", "three"]) {
        const code = `export default { fetch: () => new Response("${text}") };`;
        writeFileSync(join(source, "index.js"), code);
        await data(node, ["deploy"], source);
      }

      const { path, bytes } = await data(node, ["export", "shop"], folder);

      expect(path).toBe(join(folder, "shop.tar.gz"));
      expect(Bun.file(path).size).toBe(bytes);
      const out = join(folder, "out");
      mkdirSync(out);
      const untar = Bun.spawnSync(["tar", "-xzf", path, "-C", out], { stderr: "pipe" });
      expect(untar.stderr.toString()).toBe("");
      const overview = JSON.parse(readFileSync(join(out, "export.json"), "utf8"));
      expect(overview).toMatchObject({
        format: 1,
        app: "shop",
        branches: [{ name: "main", live: 3, rollbackTo: 2 }],
        versions: [3, 2],
      });
      const version = JSON.parse(readFileSync(join(out, "versions/v3.json"), "utf8"));
      expect(version).toMatchObject({ number: 3, environment: ["CURRENCY"], liveOn: ["main"] });
      expect(Bun.spawnSync(["grep", "-r", "secret-euro", join(out, "versions")]).exitCode).toBe(1);
      const artifact = join(out, "artifacts", version.digest);
      const manifest = readFileSync(join(artifact, "manifest.json"));
      expect(new Bun.CryptoHasher("sha256").update(manifest).digest("hex")).toBe(version.digest);
      expect(readFileSync(join(artifact, "files/public", longName), "utf8")).toBe("long");

      const again = await node.cli(["export", "shop"], { cwd: folder });
      expect(again.code).toBe(2);
      expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
      const all = await data(node, ["export", "shop", "--all", "--output", "all.tar.gz"], folder);
      const list = Bun.spawnSync(["tar", "-tzf", all.path]).stdout.toString();
      expect(list).toContain("versions/v1.json");

      // Its levain.config.json is in the artifact, too.
      await data(node, ["deploy", "--app", "moved"], join(artifact, "files"));
      expect(await (await node.fetch("moved", "/")).text()).toBe("three");
      const moved = await data(node, ["inspect", "moved"], folder);
      expect(moved.digest).toBe(version.digest);

      const none = await node.cli(["export", "none"], { cwd: folder });
      expect([none.code, none.json.error.code]).toEqual([1, "APP_UNKNOWN"]);
      expect(existsSync(join(folder, "none.tar.gz"))).toBe(false);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  timeoutMs,
);
