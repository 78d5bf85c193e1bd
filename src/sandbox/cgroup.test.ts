/**
 * Goal: a group holds its processes to its limits and lets none of them get away. Method: the kernel's groups where this
 * machine lets us make some, else the same files in a folder.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import { Cgroup } from "./cgroup.ts";
import type { CgroupLimits } from "./cgroup-controllers.ts";
import type { CgroupPower } from "./cgroup-layout.ts";
import { Cgroups } from "./cgroups.ts";

const dir = mkdtempSync(join(tmpdir(), "levain-cgroup-"));
const groups = Cgroups.open(join(dir, "cgroups.json"));
const powers = groups?.powers ?? new Map();
let made = 0;
const roomy: CgroupLimits = { memoryBytesMax: 2 ** 30, cpuCoresMax: 0, processesMax: 1000 };

afterAll(async () => {
  await groups?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A group with a shell in it that reads its script when it is in. */
async function startIn(script: string, limits: Partial<CgroupLimits> = {}) {
  const group = groups!.create(`t${++made}`);
  const refused = group.limit({ ...roomy, ...limits });
  expect(refused).toEqual([]);
  const shell = Bun.spawn(["sh"], { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
  await group.join(shell.pid);
  void shell.stdin.write(`${script}\n`);
  void shell.stdin.end();
  return {
    group,
    shell,
    async [Symbol.asyncDispose]() {
      await group.remove();
      await shell.exited;
    },
  };
}

function stateOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2)[0]!;
  } catch {
    return null;
  }
}

/** What the kernel says of it, in either version. */
function isFrozen(group: Cgroup): boolean {
  return group.procsFiles.map(dirname).some((path) =>
    ["freezer.state", "cgroup.events"].some((name) => {
      const file = join(path, name);
      return existsSync(file) && /^FROZEN$|^frozen 1$/m.test(readFileSync(file, "latin1"));
    }),
  );
}

function isAlive(pid: number): boolean {
  return !["Z", "X", null].includes(stateOf(pid));
}

const needs = (...wanted: CgroupPower[]) =>
  test.skipIf(!wanted.every((power) => powers.has(power)));
const ESCAPES =
  "setsid sh -c 'trap \"\" TERM; (env -i sleep 300 & env -i setsid sleep 300 &) ; sleep 300' & ";

describe("on this machine", () => {
  needs("freezer")(
    "a daemon with another session, parent and environment is ended with its group",
    async () => {
      await using s = await startIn(`${ESCAPES} sleep 300`);
      await until(() => s.group.pids().length >= 5);
      const pids = s.group.pids();

      s.group.kill();

      await until(() => !pids.some(isAlive));
      await s.group.remove();
      expect(s.group.procsFiles.filter((file) => existsSync(file))).toEqual([]);
    },
  );

  needs("freezer")(
    "a frozen group runs nowhere until it is thawed, and can be ended frozen",
    async () => {
      await using s = await startIn(`${ESCAPES} while :; do :; done`);
      await until(() => s.group.pids().length >= 5);
      const cpuOf = () => readFileSync(`/proc/${s.shell.pid}/schedstat`, "latin1").split(" ")[0]!;

      expect(s.group.freeze()).toBe(true);
      // One that waits for a core uses none either, and stops only when it gets one.
      await until(() => isFrozen(s.group));
      await until(async () => {
        const before = cpuOf();
        await Bun.sleep(20);
        return cpuOf() === before;
      });
      // What a child of the app's own could do to one that was stopped by a signal.
      process.kill(s.shell.pid, "SIGCONT");
      const before = cpuOf();
      await Bun.sleep(20);
      expect(cpuOf()).toBe(before);
      s.group.thaw();
      await until(() => cpuOf() !== before);
      s.group.freeze();

      const pids = s.group.pids();
      s.group.kill();
      await until(() => !pids.some(isAlive));
    },
  );

  needs(
    "memory",
    "cpu",
    "pids",
  )("it says what the kernel holds it to", async () => {
    const limits = { memoryBytesMax: 160 * 2 ** 20, cpuCoresMax: 0.5, processesMax: 40 };
    await using s = await startIn("sleep 300", limits);

    expect(s.group.held()).toEqual(limits);
    s.group.limit({ ...limits, cpuCoresMax: 0 });
    expect(s.group.held()).toEqual({ ...limits, cpuCoresMax: null });
  });

  needs("pids")("a process beyond the limit is refused, and counted", async () => {
    await using s = await startIn("for i in 1 2 3 4 5 6 7 8 9; do sleep 300 & done; wait", {
      processesMax: 4,
    });

    await until(() => (s.group.processesRefused() ?? 0) > 0);
    expect(s.group.processes()).toBeLessThanOrEqual(4);
  });

  needs("memory")("memory that shows in no process counts, and too much ends one", async () => {
    await using s = await startIn(
      `exec ${process.execPath} ${join(import.meta.dir, "fixtures/hides-memory.ts")}`,
      { memoryBytesMax: 160 * 2 ** 20 },
    );
    const reader = s.shell.stdout.getReader();
    await reader.read();

    expect(s.group.memoryBytes()).toBeGreaterThan(64 * 2 ** 20);
    expect(s.group.oomKills()).toBe(0);
    process.kill(s.shell.pid, "SIGUSR1");
    await s.shell.exited;

    expect([s.shell.signalCode, s.group.oomKills()]).toEqual(["SIGKILL", 1]);
  });

  needs("cpu")(
    "a group that wants more than its cores is held back, and it is counted",
    async () => {
      await using s = await startIn("while :; do :; done", { cpuCoresMax: 0.05 });

      await until(() => (s.group.cpu()?.throttled ?? 0) >= 2);
      const { periods = 0, throttled = 0 } = s.group.cpu() ?? {};
      expect(periods).toBeGreaterThanOrEqual(throttled);
    },
  );

  needs("freezer")("what a killed node left is ended and removed by the next", async () => {
    const note = join(dir, "killed.json");
    const killed = Cgroups.open(note)!;
    const group = killed.create("left");
    const left = Bun.spawn(["sleep", "300"], { env: {} });
    await group.join(left.pid);

    const next = Cgroups.open(note)!;

    await left.exited;
    await until(() => !group.procsFiles.some((file) => existsSync(file)));
    await next.close();
    expect([left.signalCode, existsSync(note)]).toEqual(["SIGKILL", false]);
  });
});

test("a note that was tampered with ends and removes nothing of others", async () => {
  const note = join(dir, "tampered.json");
  const other = join(dir, "important");
  mkdirSync(other);
  writeFileSync(note, JSON.stringify([{ version: 2, path: other, powers: ["freezer"] }, null, 7]));

  await Cgroups.open(note)?.close();

  expect(existsSync(other)).toBe(true);
});

describe("files of version 2", () => {
  const all = ["memory", "cpu", "pids", "freezer"] as const;

  function fake(files: Record<string, string>) {
    const path = mkdtempSync(join(dir, "v2-"));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
    const read = (name: string) => readFileSync(join(path, name), "latin1");
    return { path, read, group: new Cgroup([{ version: 2, path, powers: all }]) };
  }

  test("limits are written as the kernel reads them", () => {
    const names = ["memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max"];
    const { group, read } = fake(Object.fromEntries(names.map((name) => [name, "          "])));

    const refused = group.limit({ memoryBytesMax: 1_000_000, cpuCoresMax: 1.5, processesMax: 40 });

    expect(refused).toEqual([]);
    expect(names.map((name) => read(name).trim())).toEqual([
      "1000000",
      "1000000",
      "1",
      "150000 100000",
      "40",
    ]);
    expect(group.held()).toEqual({
      memoryBytesMax: 1_000_000,
      cpuCoresMax: 1.5,
      processesMax: 40,
    });
  });

  test("no quota is no number", () => {
    const { group, read } = fake({ "cpu.max": "" });

    group.limit({ memoryBytesMax: 1, cpuCoresMax: 0, processesMax: 1 });

    expect(read("cpu.max")).toBe("max 100000");
    expect(group.held()).toEqual({ memoryBytesMax: null, cpuCoresMax: null, processesMax: null });
  });

  test("what only its end gives back is its memory", () => {
    const { group } = fake({
      "memory.stat":
        "anon 1000\nfile 70000\nkernel 500\nsock 20\nshmem 300\nslab_reclaimable 400\nslab 450\n",
      "memory.swap.current": "5000\n",
      "memory.events": "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n",
      "cpu.stat": "usage_usec 9\nnr_periods 50\nnr_throttled 40\nthrottled_usec 7\n",
      "pids.current": "12\n",
      "pids.events": "max 3\n",
    });

    expect(group.memoryBytes()).toBe(1000 + 300 + 100 + 20 + 5000);
    expect(group.oomKills()).toBe(2);
    expect(group.cpu()).toEqual({ periods: 50, throttled: 40 });
    expect([group.processes(), group.processesRefused()]).toEqual([12, 3]);
  });

  test("freezing, reclaiming and ending are one write each", () => {
    const { group, read } = fake({ "cgroup.freeze": "0", "cgroup.kill": "", "memory.reclaim": "" });

    expect([group.freeze(), group.reclaim(4096)]).toEqual([true, true]);
    group.kill();

    expect(["cgroup.freeze", "memory.reclaim", "cgroup.kill"].map(read)).toEqual([
      "1",
      "4096",
      "1",
    ]);
  });

  test("a group that is gone has no facts, and is no error", () => {
    const group = new Cgroup([{ version: 2, path: join(dir, "gone"), powers: all }]);

    expect([group.memoryBytes(), group.cpu(), group.processes(), group.freeze()]).toEqual([
      null,
      null,
      null,
      false,
    ]);
    expect(group.pids()).toEqual([]);
  });
});
