/** The measured process, started as `levain perf` starts it. */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import { childrenOf } from "../sandbox/process-facts.ts";
import { builtEntry, Fixtures } from "./fixtures.ts";
import type { FixtureApp } from "./scenarios.ts";
import { ownCheckout, Target } from "./target.ts";

async function setup(app: FixtureApp, sparesMax: number, edges = 1) {
  const fixtures = await Fixtures.open({ dir: null, keep: false });
  await fixtures.write([app]);
  const dataDir = await fixtures.dataDir();
  const { dir: fixtureDir } = fixtures;
  const folders = { dataDir, fixtureDir, entry: builtEntry };
  const config = { ...folders, apps: [app], port: 0, poolSize: 2, sparesMax, edges, hooks: [] };
  const target = await Target.start(ownCheckout, { ...config, concurrency: 1 });
  return {
    target,
    dataDir,
    ask: async () => {
      const headers = { host: `${app.name}.localhost` };
      return (await fetch(`http://127.0.0.1:${target.port}/`, { headers })).text();
    },
    async [Symbol.asyncDispose]() {
      await target.stop();
      await fixtures[Symbol.asyncDispose]();
    },
  };
}

test("a stopped app starts anew for each request, and a spare stands ready before it", async () => {
  await using node = await setup({ name: "cold", module: "noop", stopsWhenIdle: true }, 1);

  for (let starts = 1; starts <= 3; starts++) {
    await node.target.pull("stop", "cold");
    // Nothing but the spare.
    expect(childrenOf(node.target.pid)).toHaveLength(1);
    expect(await node.ask()).toBe("ok");
    expect(await node.target.facts()).toMatchObject({ creations: starts, misses: starts, hits: 0 });
  }
});

test("a frozen app is woken by each request, and no process is started for it", async () => {
  await using node = await setup({ name: "wake", module: "noop" }, 0);
  await node.ask();

  for (let wakes = 1; wakes <= 3; wakes++) {
    await node.target.pull("freeze", "wake");
    expect(await node.ask()).toBe("ok");
    expect(await node.target.facts()).toMatchObject({ creations: 1, hits: wakes, active: 1 });
  }
});

test("processes that accept connections are the node's, and levers reach past them", async () => {
  await using node = await setup({ name: "shared", module: "noop" }, 0, 2);
  await node.ask();

  for (let wakes = 1; wakes <= 4; wakes++) {
    await node.target.pull("freeze", "shared");
    expect(await node.ask()).toBe("ok");
  }

  let facts = await node.target.facts();
  // Each edge says what it has counted a little later.
  await until(async () => {
    facts = await node.target.facts();
    return facts.hits + facts.misses === 5;
  });
  const { nodePids, creations, active, hits, misses } = facts;
  expect(nodePids).toHaveLength(2);
  expect(childrenOf(node.target.pid)).toEqual(expect.arrayContaining(nodePids));
  expect({ creations, active }).toEqual({ creations: 1, active: 1 });
  // To wake is to find one, also for an edge that has none lent.
  expect({ hits, misses }).toEqual({ hits: 4, misses: 1 });
});

test("a lever for an app that is not there says so", async () => {
  await using node = await setup({ name: "here", module: "noop" }, 0);

  expect(node.target.pull("stop", "elsewhere")).rejects.toThrow('there is no app "elsewhere"');
});

test("stopping ends every process and removes the node's data", async () => {
  await using node = await setup({ name: "gone", module: "noop" }, 1);
  await node.ask();
  const pids = [node.target.pid, ...childrenOf(node.target.pid)];
  expect(pids.length).toBeGreaterThan(1);

  await node.target.stop();

  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow();
  expect(existsSync(node.dataDir)).toBe(false);
});

test("a target whose parent was killed ends with all it has started", async () => {
  const folder = mkdtempSync(join(tmpdir(), "levain-perf-test-"));
  const config = `{ dataDir: ${JSON.stringify(folder)}, fixtureDir: ${JSON.stringify(folder)}, entry: "x",
    apps: [], port: 0, poolSize: 1, sparesMax: 1, edges: 1, hooks: [], concurrency: 1 }`;
  const code = `const { Target, ownCheckout } = await import(${JSON.stringify(join(import.meta.dir, "target.ts"))});
    const target = await Target.start(ownCheckout, ${config});
    await target.facts();
    console.log(target.pid);`;
  const parent = Bun.spawn([process.execPath, "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { value } = await parent.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  await until(() => childrenOf(pid).length > 0);
  const below = childrenOf(pid);

  parent.kill("SIGKILL");

  const isGone = (one: number) => !existsSync(`/proc/${one}`);
  await until(() => [pid, ...below].every(isGone));
  rmSync(folder, { recursive: true, force: true });
});
