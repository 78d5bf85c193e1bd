import { afterAll, beforeAll, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LibcError, landlockAbi, PRCTL, prctl, processCpuUs, tryLockExclusive } from "./libc.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-libc-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a second opening of a locked file does not get the lock until the first is closed", () => {
  const path = join(folder, "lock");
  const first = openSync(path, "a");
  const second = openSync(path, "a");

  const answers = [tryLockExclusive(first), tryLockExclusive(second)];
  closeSync(first);
  answers.push(tryLockExclusive(second));
  closeSync(second);

  expect(answers).toEqual([true, false, true]);
});

test("a failed call throws the symbolic errno", () => {
  const lock = () => tryLockExclusive(1_000_000);

  expect(lock).toThrow(LibcError);
  expect(lock).toThrow(expect.objectContaining({ code: "EBADF", errno: 9 }));
});

test("prctl answers for this process and refuses what the kernel refuses", () => {
  expect([0, 1]).toContain(prctl(PRCTL.GET_NO_NEW_PRIVS));
  expect(() => prctl(PRCTL.SET_DUMPABLE, 7)).toThrow(expect.objectContaining({ code: "EINVAL" }));
});

test("CPU time of a process is that of all its threads, exactly, and of none that is gone", async () => {
  const before = processCpuUs(process.pid)!;
  const { user, system } = process.cpuUsage();
  const after = processCpuUs(process.pid)!;
  const child = Bun.spawn(["true"]);
  await child.exited;

  expect(user + system).toBeGreaterThanOrEqual(Math.floor(before) - 2);
  expect(user + system).toBeLessThanOrEqual(Math.ceil(after) + 2);
  expect(processCpuUs(child.pid)).toBeNull();
});

test("the Landlock level is a whole number, 0 when there is none", () => {
  expect(landlockAbi()).toBeGreaterThanOrEqual(0);
  expect(Number.isInteger(landlockAbi())).toBe(true);
});

test("process.kill with a negative pid reaches a whole process group", async () => {
  const leader = Bun.spawn(["sh", "-c", "sleep 60 & echo $!; wait"], {
    detached: true,
    stdout: "pipe",
  });
  const reader = leader.stdout.getReader();
  const member = Number(new TextDecoder().decode((await reader.read()).value));

  process.kill(-leader.pid, "SIGKILL");
  await leader.exited;
  // The pipe ends when the last process that holds it is gone.
  while (!(await reader.read()).done);

  expect(member).toBeGreaterThan(0);
  expect(leader.signalCode).toBe("SIGKILL");
});
