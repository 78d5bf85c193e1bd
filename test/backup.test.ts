/**
 * Goal: what a node has is not lost with its machine. Method: a real node with apps, secrets, tokens and a domain; its backup is
 * restored to another data directory, and a node on that serves the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

let folder: string;
let node: TestNode;
let to: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "levain-backup-"));
  chmodSync(folder, 0o755);
  to = join(folder, "backups");
  node = await startTestNode();
  await ok(["env", "set", "SECRET=first", "--app", "shop"]);
  await ok(["deploy", app("shop", "env.SECRET"), "--app", "shop"]);
}, 120_000);
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Answers with a value of its environment. */
function app(name: string, value: string): string {
  const path = join(folder, `app-${name}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, "index.ts"),
    `export default { fetch: () => new Response(String(process.${value})) };`,
  );
  return path;
}

const ok = async (args: string[]) => {
  const { json, stderr } = await node.cli(args);
  if (json?.ok !== true) throw new Error(`${args.join(" ")}: ${JSON.stringify(json)} ${stderr}`);
  return json.data;
};

describe("a whole node", () => {
  test("is served by another one out of its backup: versions, secrets, tokens, domains", async () => {
    await ok(["token", "create", "ann", "--role", "read"]);
    await ok(["domains", "add", "shop", "shop.example.com"]);
    const done = await ok(["backup", "--to", to]);
    await ok(["env", "set", "SECRET=later", "--app", "shop"]);
    const restored = join(folder, "restored");

    const refused = await node.cli(["restore", to]);
    const withKey = ["restore", to, "--key", join(node.dataDir, "master-key")];
    const second = await cliOn(restored, withKey);

    expect(refused.json.error.code).toBe("RESTORE_TARGET_TAKEN");
    expect(done).toMatchObject({ isEncrypted: false, hasMasterKey: false });
    expect(second.json).toMatchObject({ ok: true, data: { counts: { apps: 1 }, missingKeys: [] } });
    await using other = await startTestNode({ dataDir: restored });
    expect(await (await other.fetch("shop", "/")).text()).toBe("first");
    const { json: versions } = await other.cli(["versions", "shop"]);
    expect(versions.data.versions).toHaveLength(1);
    const { json: tokens } = await other.cli(["token", "list"]);
    expect(tokens.data.tokens.map(({ name }: { name: string }) => name)).toEqual(["ann"]);
    const { json: domains } = await other.cli(["domains", "list", "shop"]);
    expect(domains.data.domains).toMatchObject([{ host: "shop.example.com" }]);
    expect((await other.cli(["deploy", app("shop", "env.SECRET"), "--app", "shop"])).json.ok).toBe(
      true,
    );
  }, 120_000);

  test("without its key is refused by the key's name, unless told to go on", async () => {
    const restored = join(folder, "keyless");

    const refused = await cliOn(restored, ["restore", to]);
    const goneOn = await cliOn(restored, ["restore", to, "--without-key"]);

    expect(refused.json.error.code).toBe("BACKUP_KEY_NEEDED");
    expect(goneOn.json.data.missingKeys).toHaveLength(1);
  }, 60_000);
});

async function cliOn(dataDir: string, args: string[], env: Record<string, string> = {}) {
  const run = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "../src/main.ts"),
      ...args,
      "--json",
      "--data-dir",
      dataDir,
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH ?? "", HOME: "/dev/null", ...env },
    },
  );
  const [stdout, stderr] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  await run.exited;
  try {
    return { json: JSON.parse(stdout), stderr };
  } catch {
    throw new Error(`${args.join(" ")}: ${stdout} ${stderr}`);
  }
}
