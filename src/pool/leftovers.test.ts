/** Goal: a node that was killed leaves nothing behind for good. Method: a real node process, killed; and folders of its. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootId, processStartTicks } from "../sandbox/process-facts.ts";
import { killGroup } from "../sandbox/process-group.ts";
import { gone, isRunning } from "./pool-for-tests.ts";
import { makeRunFolder, removeRunFolder, sweepRunFolders } from "./run-folder.ts";

function setup() {
  const runDir = mkdtempSync(join(tmpdir(), "levain-run-"));
  const children: Bun.Subprocess[] = [];
  return {
    runDir,
    folder: makeRunFolder(runDir, "a", null),
    /** A process that leads its own group, and the pid its script prints. */
    start: async (script: string, env: Record<string, string> = {}) => {
      const child = Bun.spawn(["sh", "-c", script], { detached: true, stdout: "pipe", env });
      children.push(child);
      const { value } = await child.stdout.getReader().read();
      return { pid: child.pid, child, printed: Number(new TextDecoder().decode(value)) };
    },
    note: (pid: number, change: object = {}) => {
      const note = { pid, startTicks: processStartTicks(pid), bootId: bootId(), ...change };
      writeFileSync(join(runDir, "a", "process.json"), JSON.stringify(note));
    },
    [Symbol.asyncDispose]: async () => {
      for (const child of children) killGroup(child.pid);
      await Promise.all(children.map((child) => child.exited));
      rmSync(runDir, { recursive: true, force: true });
    },
  };
}

describe("a folder", () => {
  test("is private to its process", async () => {
    await using s = setup();

    const stat = await Bun.file(s.folder.home).stat();

    expect(stat.mode & 0o777).toBe(0o700);
    expect([existsSync(s.folder.tmp), existsSync(s.folder.home)]).toEqual([true, true]);
  });

  test("is removed with all that is in it, and twice is safe", async () => {
    await using s = setup();
    mkdirSync(join(s.folder.tmp, "deep", "er"), { recursive: true });
    writeFileSync(join(s.folder.tmp, "deep", "er", "file"), "x");

    await removeRunFolder(s.folder);
    await removeRunFolder(s.folder);

    expect(readdirSync(s.runDir)).toEqual([]);
  });

  test("is removed when a process that left its group still writes to it", async () => {
    await using s = setup();
    const { printed } = await s.start("setsid sleep 60 & echo $!; wait", {
      TMPDIR: s.folder.tmp,
      PATH: process.env["PATH"]!,
    });

    await removeRunFolder(s.folder);

    await gone(printed);
    expect(existsSync(s.folder.path)).toBe(false);
  });

  test("is kept for later, without an error, when nobody can look who uses it", async () => {
    await using s = setup();
    const fixture = join(import.meta.dir, "fixtures/no-descriptor-left.ts");
    const parent = join(s.runDir, "starved");

    const child = Bun.spawn(
      ["sh", "-c", 'ulimit -n 64; exec "$0" "$1" "$2"', process.execPath, fixture, parent],
      { stdout: "pipe" },
    );

    expect(await child.stdout.text()).toBe("kept gone\n");
    expect(await child.exited).toBe(0);
  });
});

describe("the sweep", () => {
  test("ends the group of the process that is noted, frozen or not, and removes its folder", async () => {
    await using s = setup();
    const { pid, printed } = await s.start("sleep 60 & echo $!; wait");
    s.note(pid);
    process.kill(-pid, "SIGSTOP");

    expect(await sweepRunFolders(s.runDir)).toBe(1);

    await gone(pid);
    await gone(printed);
    expect(readdirSync(s.runDir)).toEqual([]);
  });

  test("ends children whose leader has gone", async () => {
    await using s = setup();
    const { pid, child, printed } = await s.start("sleep 60 & echo $!");
    await child.exited;
    expect(await isRunning(printed)).toBe(true);
    s.note(pid, { startTicks: 1 });

    await sweepRunFolders(s.runDir);

    await gone(printed);
  });

  test("leaves a process alone that has only got the same number", async () => {
    await using s = setup();
    const { pid } = await s.start("sleep 60 & echo $!; wait");
    s.note(pid, { startTicks: 1 });

    await sweepRunFolders(s.runDir);

    expect(await isRunning(pid)).toBe(true);
    expect(readdirSync(s.runDir)).toEqual([]);
  });

  test("leaves a process alone that was noted before the machine was started", async () => {
    await using s = setup();
    const { pid } = await s.start("sleep 60 & echo $!; wait");
    s.note(pid, { bootId: "another" });

    await sweepRunFolders(s.runDir);

    expect(await isRunning(pid)).toBe(true);
  });

  test.each(["", "no JSON", "[]", '{"pid":1}', '{"pid":-5}', '{"pid":"x"}', "null"])(
    "removes a folder whose note is %j",
    async (note) => {
      await using s = setup();
      writeFileSync(join(s.runDir, "a", "process.json"), note);
      writeFileSync(join(s.runDir, "no folder"), "");

      await sweepRunFolders(s.runDir);

      expect(readdirSync(s.runDir)).toEqual([]);
    },
  );

  test("leaves folders alone that are made while it goes on", async () => {
    await using s = setup();

    const swept = sweepRunFolders(s.runDir);
    makeRunFolder(s.runDir, "b", null);
    await swept;

    expect(readdirSync(s.runDir)).toEqual(["b"]);
  });

  test("makes the parent of the folders when there is none", async () => {
    await using s = setup();

    expect(await sweepRunFolders(join(s.runDir, "new"))).toBe(0);

    expect(existsSync(join(s.runDir, "new"))).toBe(true);
  });
});

test("what a killed node had running is gone after the next sweep", async () => {
  await using s = setup();
  const node = Bun.spawn([process.execPath, join(import.meta.dir, "fixtures", "killed-node.ts")], {
    env: { ...process.env, RUN_DIR: s.runDir },
    stdout: "pipe",
  });
  const { value } = await node.stdout.getReader().read();
  const pids: Record<string, number> = JSON.parse(new TextDecoder().decode(value));
  node.kill("SIGKILL");
  await node.exited;

  await sweepRunFolders(s.runDir);

  expect(Object.keys(pids)).toEqual(["warm", "child", "frozen", "looping", "daemon"]);
  for (const pid of Object.values(pids)) await gone(pid);
  expect(readdirSync(s.runDir)).toEqual([]);
});
