/** Goal: signals and facts are those of the process meant. Method: real processes, a shell with a child. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { until } from "../base/until-for-tests.ts";
import {
  bootId,
  hasEnded,
  pidsByVariable,
  privateMemoryBytes,
  processStartTicks,
} from "./process-facts.ts";
import { freezeGroup, killGroup, killProcess, terminateGroup, thawGroup } from "./process-group.ts";

const GONE = 4_194_304;

/** A shell that leads its own group, and its child; both print what they do. */
async function startGroup(script = "sleep 60 & echo $!; wait", env: Record<string, string> = {}) {
  const leader = Bun.spawn(["sh", "-c", script], {
    detached: true,
    stdout: "pipe",
    env: { ...process.env, ...env },
  });
  const reader = leader.stdout.getReader();
  const { value } = await reader.read();
  const child = Number(new TextDecoder().decode(value));
  return {
    pid: leader.pid,
    child,
    exited: leader.exited,
    signal: () => leader.signalCode,
    /** Resolves when nobody holds the pipe any more: the whole group is gone. */
    gone: async () => {
      while (!(await reader.read()).done);
      await leader.exited;
    },
    [Symbol.asyncDispose]: async () => {
      killGroup(leader.pid);
      await leader.exited;
    },
  };
}

/** The state letter of a process: `T` is stopped. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2)[0]!;
}

describe("signals to a group", () => {
  test("stop and continue every process in it", async () => {
    await using group = await startGroup();

    expect(freezeGroup(group.pid)).toBe(true);
    await until(() => stateOf(group.pid) === "T" && stateOf(group.child) === "T");
    expect(thawGroup(group.pid)).toBe(true);

    await until(() => stateOf(group.pid) !== "T" && stateOf(group.child) !== "T");
  });

  test("end every process in it, frozen or not", async () => {
    await using group = await startGroup();
    freezeGroup(group.pid);

    expect(killGroup(group.pid)).toBe(true);

    await group.gone();
    expect(group.signal()).toBe("SIGKILL");
  });

  test("ask every process in it to end", async () => {
    await using group = await startGroup();

    expect(terminateGroup(group.pid)).toBe(true);

    await group.gone();
    expect(group.signal()).toBe("SIGTERM");
  });

  test("say when nobody is left", () => {
    expect([freezeGroup, thawGroup, terminateGroup, killGroup].map((send) => send(GONE))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(killProcess(GONE)).toBe(false);
  });
});

test("a process is found by a variable it was started with, also outside of its parent's group", async () => {
  const value = `/run/${crypto.randomUUID()}`;
  await using group = await startGroup("setsid sleep 60 & echo $!; wait", { TMPDIR: value });

  const found = async () => (await pidsByVariable("TMPDIR")).get(value) ?? [];
  const pids = await found();

  expect(pids.sort()).toEqual([group.pid, group.child].sort());
  expect((await pidsByVariable("MPDIR")).get(value)).toBeUndefined();
  killProcess(group.child);
  await until(async () => !(await found()).includes(group.child));
});

test("private memory is what a process has for itself", async () => {
  const script =
    "globalThis.kept = Buffer.alloc(64 * 1024 * 1024, 1); console.log(kept.length); setInterval(() => {}, 1000)";
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
  await child.stdout.getReader().read();

  const bytes = privateMemoryBytes(child.pid)!;
  child.kill("SIGKILL");
  await child.exited;

  expect(bytes).toBeGreaterThan(64 * 1024 * 1024);
  expect(bytes).toBeLessThan(256 * 1024 * 1024);
  expect(privateMemoryBytes(GONE)).toBeNull();
});

test("a process has ended when it has exited, whoever waits for it, and not when it is stopped", async () => {
  await using group = await startGroup();
  const { pid } = group;
  expect(hasEnded(pid)).toBe(false);
  freezeGroup(pid);
  await until(() => stateOf(pid) === "T");
  expect(hasEnded(pid)).toBe(false);

  killGroup(pid);
  const deadlineMs = performance.now() + 10_000;
  // In one turn, so that this process cannot have waited for it.
  while (!hasEnded(pid) && performance.now() < deadlineMs);

  expect([hasEnded(pid), group.signal(), hasEnded(GONE)]).toEqual([true, null, true]);
});

test("the start of a process names it together with its pid", () => {
  const ticks = processStartTicks(process.pid);

  expect(ticks).toBeGreaterThan(0);
  expect(processStartTicks(process.pid)).toBe(ticks);
  expect(processStartTicks(GONE)).toBeNull();
});

test("the run of the machine has a name that does not change", () => {
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(bootId()).toBe(bootId());
});
