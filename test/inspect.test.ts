/**
 * Goal: `levain inspect` says of each process what the kernel says of it, and wakes none. Method: a whole node with an app
 * in two processes; its words next to those of /proc.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../src/base/until-for-tests.ts";
import type { Inspection } from "../src/control/api.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const timeoutMs = 120_000;
const isRoot = process.getuid?.() === 0;

const config = {
  entry: "index.js",
  env: { STRIPE_KEY: "sk_live_hush" },
  instances: { min: 2, max: 2 },
  idleFreezeMs: 300,
  limits: { openFilesMax: 2048 },
  permissions: { connect: ["*:443", "db.example.com:5432"] },
};

async function deploy(node: TestNode): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "levain-inspect-"));
  writeFileSync(join(folder, "package.json"), '{ "name": "shop" }');
  writeFileSync(join(folder, "index.js"), 'export default { fetch: () => new Response("ok") };');
  writeFileSync(join(folder, "levain.config.json"), JSON.stringify(config));
  const { code, stdout } = await node.cli(["deploy", "--message", "First"], { cwd: folder });
  rmSync(folder, { recursive: true });
  if (code !== 0) throw new Error(stdout);
}

async function inspect(node: TestNode): Promise<Inspection> {
  const { json, stdout } = await node.cli(["inspect", "shop"]);
  if (json?.ok !== true) throw new Error(stdout);
  return json.data;
}

/** What the kernel says of a process. */
function statusOf(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, "latin1").split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/:\s+/, 2)));
}

test(
  "what it says of each process is what the kernel says, and asking wakes none",
  async () => {
    await using node = await startTestNode();
    await deploy(node);
    await until(async () => {
      const { processes } = await inspect(node);
      return processes.length === 2 && processes.every(({ state }) => state !== "warm");
    });

    const found = await inspect(node);

    expect(found).toMatchObject({
      number: 1,
      liveOn: ["main"],
      stored: { message: "First" },
      environment: ["STRIPE_KEY"],
      permissions: { connect: config.permissions.connect, listen: false },
    });
    expect(JSON.stringify(found)).not.toContain("hush");
    for (const { pid, sandbox } of found.processes) {
      const status = statusOf(pid);
      expect(status["Uid"]?.split("\t")[0]).toBe(String(sandbox.uid));
      expect(status["Seccomp"]).toBe(sandbox.filter ? "2" : "0");
      expect(sandbox.isOwnUser).toBe(isRoot);
      expect(sandbox.level).toBe(found.machine.defaultLevel);
      expect(sandbox.landlock).toBe(found.machine.landlock);
      if (sandbox.landlock > 0) {
        expect(sandbox.read).toEqual([process.execPath, "runner", "app"]);
        expect(sandbox.write).toEqual(["home", "tmp", "io"]);
      }
      expect(sandbox.connectPorts).toEqual(
        sandbox.holdsTcp ? expect.arrayContaining([443, 5432]) : null,
      );
      expect(sandbox.rlimits).toContainEqual({
        name: "open files",
        soft: config.limits.openFilesMax,
        hard: config.limits.openFilesMax,
        unit: "files",
      });
      expect(sandbox.notHeld.some((gap) => gap.startsWith("TCP ports"))).toBe(!sandbox.holdsTcp);
      expect(sandbox.notHeld.some((gap) => gap.startsWith("memory"))).toBe(
        sandbox.cgroup?.memoryBytesMax == null,
      );
    }
    const { processes } = await inspect(node);
    expect(processes.every(({ state }) => state === "frozen" || state === "paged")).toBe(true);
  },
  timeoutMs,
);

test.skipIf(!isRoot)(
  "a root node gives each instance a user id of its own",
  async () => {
    await using node = await startTestNode();
    await deploy(node);
    await until(async () => (await inspect(node)).processes.length === 2);

    const { processes, machine } = await inspect(node);

    expect(new Set(processes.map(({ sandbox }) => sandbox.uid)).size).toBe(2);
    expect(processes.every(({ sandbox }) => sandbox.uid !== 0 && sandbox.isOwnUser)).toBe(true);
    expect(machine.isUserShared).toBe(false);
    for (const { sandbox } of processes) {
      // The control group has to be the one that refuses: only it counts what it refused.
      const rlimit = sandbox.rlimits.find(({ name }) => name === "processes")?.hard;
      expect(rlimit).toBeGreaterThan(sandbox.cgroup?.processesMax ?? 0);
    }
  },
  timeoutMs,
);
