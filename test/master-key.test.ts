/**
 * Goal: a node that is killed in a rotation goes on with it, and a lost key stops only what needs it. Method: a whole node,
 * SIGKILL at moments by chance, and keys that are taken away.
 */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomOf, testSeed } from "../src/base/random-for-tests.ts";
import { until } from "../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

function project(): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-key-"));
  writeFileSync(
    join(folder, "index.ts"),
    "export default { fetch: () => new Response(process.env.TOKEN ?? 'none') };",
  );
  return folder;
}

async function deployed(node: TestNode, apps: readonly string[]): Promise<void> {
  const folder = project();
  for (const app of apps) {
    const { json, stderr } = await node.cli(["deploy", folder, "--app", app]);
    expect(json.ok, stderr).toBe(true);
  }
  rmSync(folder, { recursive: true });
}

function keysOf(node: TestNode): string[] {
  const text = readFileSync(join(node.dataDir, "master-key"), "utf8");
  return text.split("\n").filter((line) => /^[0-9a-f]{64}$/.test(line));
}

test("a node that is killed while it rotates its key has lost nothing, and ends with one key", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  await using node = await startTestNode();
  const many = Array.from({ length: 200 }, (_, index) => `NAME_${index}=value-${index}`);
  for (const branch of ["main", "one", "two"]) {
    await node.cli(["env", "set", "TOKEN=sesame", ...many, "--app", "shop", "--branch", branch]);
  }
  await deployed(node, ["shop"]);
  const first = keysOf(node)[0];

  for (let round = 0; round < 3; round += 1) {
    const rotating = node.cli(["env", "rotate-key"]);
    await Promise.race([rotating, Bun.sleep(250 + random(400))]);
    await node.kill();
    await rotating;
    await node.start();
    // Served from the disk, with whichever key that was sealed.
    expect(await (await node.fetch("shop", "/")).text(), `seed ${seed}`).toBe("sesame");
    await until(() => keysOf(node).length === 1);
  }
  const { json } = await node.cli(["env", "rotate-key"]);
  expect(json.data, `seed ${seed}`).toMatchObject({ values: 603, unreadable: [], isSettled: true });
  expect(keysOf(node)).not.toContain(first!);
  await node.stop();
  await node.start();
  expect(await (await node.fetch("shop", "/")).text()).toBe("sesame");
}, 120_000);

test("a lost key stops the apps that need it, by name; others serve, deploy and set anew", async () => {
  await using node = await startTestNode();
  await node.cli(["env", "set", "TOKEN=sesame", "--app", "needs"]);
  await deployed(node, ["needs", "free"]);
  await node.stop();
  const path = join(node.dataDir, "master-key");
  renameSync(path, `${path}.lost`);
  await node.start();

  expect(node.output()).toContain("Cannot open the environment values of needs");
  const answer = await node.fetch("needs", "/", { headers: { accept: "application/json" } });
  expect(answer.status).toBe(503);
  expect(await (await node.fetch("free", "/")).text()).toBe("none");
  const refused = await node.cli(["env", "apply", "--app", "needs"]);
  expect(refused.json.error.code).toBe("ENVIRONMENT_UNREADABLE");
  const listed = await node.cli(["env", "list", "--app", "needs"]);
  expect(listed.json.data.values[0]).toMatchObject({ name: "TOKEN", fingerprint: null });
  await node.cli(["env", "set", "TOKEN=new", "--app", "needs"]);
  await deployed(node, ["needs"]);
  expect(await (await node.fetch("needs", "/")).text()).toBe("new");

  // Both keys in the file: the old versions open again.
  await node.stop();
  writeFileSync(path, readFileSync(path, "utf8") + readFileSync(`${path}.lost`, "utf8"));
  await node.start();
  expect((await node.cli(["rollback", "needs"])).json.ok).toBe(true);
  expect(await (await node.fetch("needs", "/")).text()).toBe("sesame");
}, 90_000);

test("a key file that others may read, or that is none, keeps the node from starting, and is left as it is", async () => {
  await using node = await startTestNode();
  await node.stop();
  const path = join(node.dataDir, "master-key");
  const before = readFileSync(path, "utf8");
  chmodSync(path, 0o644);

  expect(node.start()).rejects.toThrow("MASTER_KEY_INVALID");
  await until(() => node.output().includes("mode 644"));
  chmodSync(path, 0o600);
  writeFileSync(path, before.slice(0, -10));
  expect(node.start()).rejects.toThrow("32 bytes");
  await until(() => node.output().includes("32 bytes"));
  expect(readFileSync(path, "utf8")).toBe(before.slice(0, -10));
  writeFileSync(path, before);
}, 60_000);
