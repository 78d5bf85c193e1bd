/**
 * Goal: a node keeps itself and its apps within the memory it was given, says so everywhere, and recovers. Method: a whole
 * node with little memory, and apps that hold as much as they are told.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const MiB = 1024 * 1024;
const timeoutMs = 120_000;
/** With swap apps are paged, and nobody has to be stopped. */
const hasSwap = readFileSync("/proc/swaps", "latin1").trim().includes("\n");

const source = `
  let held = Buffer.alloc(0);
  export default {
    fetch(request) {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === "/hold") held = Buffer.alloc(Number(searchParams.get("mib")) * 1024 * 1024, 1);
      return new Response(String(held.length / 1024 / 1024));
    },
  };
`;

async function deploy(node: TestNode, name: string, standby: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "levain-memory-"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name }));
  writeFileSync(join(folder, "index.js"), source);
  writeFileSync(
    join(folder, "levain.config.json"),
    JSON.stringify({ entry: "index.js", standby, limits: { memoryBytesMax: 1024 * MiB } }),
  );
  const { code, stdout } = await node.cli(["deploy"], { cwd: folder });
  rmSync(folder, { recursive: true });
  if (code !== 0) throw new Error(stdout);
}

async function ask(node: TestNode, app: string, path = "/"): Promise<string> {
  const response = await node.fetch(app, path, { headers: { accept: "application/json" } });
  const text = await response.text();
  return response.ok ? text : (JSON.parse(text).code ?? JSON.parse(text).error?.code);
}

async function messagesOf(node: TestNode, app: string): Promise<string> {
  const { stdout } = await node.cli(["logs", app]);
  return stdout;
}

test.skipIf(hasSwap)(
  "a node with little memory takes it from idle apps, refuses what cannot fit, and recovers",
  async () => {
    await using node = await startTestNode({ flags: ["--memory", "640MiB"] });
    await deploy(node, "first", "stop-allowed");
    await deploy(node, "second", "stop-allowed");
    await deploy(node, "third", "keep-memory");

    // Together more than there is: whoever is idle longest makes room.
    expect(await ask(node, "first", "/hold?mib=200")).toBe("200");
    expect(await ask(node, "second", "/hold?mib=200")).toBe("200");
    expect(await ask(node, "third", "/hold?mib=150")).toBe("150");
    await until(
      async () => (await messagesOf(node, "first")).includes("Stopped while idle"),
      60_000,
    );

    const first = await messagesOf(node, "first");
    expect(first).toMatch(/Stopped while idle: memory is short \(\d+ MiB of 640 MiB used/);
    expect(node.output()).toMatch(/Memory is (short|over): \d+ MiB of 640 MiB used/);
    // The one that keeps its memory has it, and the one that was stopped starts again.
    expect(await ask(node, "third")).toBe("150");
    expect(await ask(node, "first")).toBe("0");

    const { memory } = (await node.cli(["status"])).json.data;
    expect(memory.budgetBytes).toBe(640 * MiB);
    expect(memory.usedBytes).toBeLessThan(640 * MiB);
    expect(memory.reliefs.stop).toBeGreaterThan(0);
    expect(memory.nodeBytes).toBeGreaterThan(10 * MiB);
    expect(memory.postgresBytes).toBeGreaterThan(5 * MiB);
    const { instances } = (await node.cli(["ps"])).json.data;
    const third = instances.find(({ app }: { app: string }) => app === "third");
    expect(third.memoryBytes).toBeGreaterThan(150 * MiB);

    // What once took all there is cannot be started again.
    expect(await ask(node, "second", "/hold?mib=620")).toBe("620");
    await until(async () => (await ask(node, "second")) === "HOST_MEMORY_FULL", 60_000);
    expect(await messagesOf(node, "second")).toContain("HOST_MEMORY_FULL");
    expect(await ask(node, "first")).toBe("0");
    await deploy(node, "second", "stop-allowed");
    expect(await ask(node, "second")).toBe("0");
    const calm = async () => (await node.cli(["status"])).json.data.memory.level === "calm";
    await until(calm, 30_000);
  },
  timeoutMs,
);
