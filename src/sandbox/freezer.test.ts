/** Goal: an app that sleeps uses no CPU, whatever its processes do about it, and can be woken and ended. Method: real ones. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import type { Cgroup } from "./cgroup.ts";
import { Cgroups } from "./cgroups.ts";
import { type Freezer, freezerOf } from "./freezer.ts";
import { processCpuUs } from "./libc.ts";
import { killGroup, killProcess } from "./process-group.ts";

const dir = mkdtempSync(join(tmpdir(), "levain-freezer-"));
const groups = Cgroups.open(join(dir, "cgroups.json"));
const hasFreezer = groups?.powers.get("freezer") === 2;
afterAll(async () => {
  await groups?.close();
  rmSync(dir, { recursive: true, force: true });
});

const BUSY = "while :; do :; done";
let made = 0;

/** A shell that starts two that are busy: one in its process group, one in a session of its own. */
async function setup(withGroup: boolean) {
  const cgroup: Cgroup | null = withGroup ? groups!.create(`freezer-${made++}`) : null;
  // What a failed test leaves ends by itself.
  const script = `ulimit -t 10; read go; sh -c '${BUSY}' & echo $!; setsid sh -c 'echo $$; ${BUSY}' & wait`;
  const app = Bun.spawn(["sh", "-c", script], { detached: true, stdin: "pipe", stdout: "pipe" });
  await cgroup?.join(app.pid);
  app.stdin.write("go\n");
  app.stdin.flush();
  const reader = app.stdout.getReader();
  let text = "";
  while (text.trim().split("\n").length < 2) {
    text += new TextDecoder().decode((await reader.read()).value);
  }
  const busy = text.trim().split("\n").map(Number);
  const isOfGroup = async (pid: number) => (await groupOf(pid)) === app.pid;
  const inGroup = (await isOfGroup(busy[0]!)) ? busy[0]! : busy[1]!;
  return {
    freezer: freezerOf(app.pid, cgroup),
    inGroup,
    ownSession: busy.find((pid) => pid !== inGroup)!,
    exited: app.exited,
    pid: app.pid,
    [Symbol.asyncDispose]: async () => {
      freezerOf(app.pid, cgroup).thaw();
      for (const pid of busy) killProcess(pid);
      killGroup(app.pid);
      await Promise.all([app.exited, cgroup?.remove()]);
    },
  };
}

async function groupOf(pid: number): Promise<number> {
  const stat = await Bun.file(`/proc/${pid}/stat`).text();
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
}

/** Resolves when a process has used no CPU during some milliseconds of ours, and no sooner. */
async function standsStill(pid: number): Promise<void> {
  await until(async () => {
    const before = processCpuUs(pid);
    for (let round = 0; round < 10; round++) await new Promise((resolve) => setTimeout(resolve, 3));
    return processCpuUs(pid) === before;
  });
}

async function goesOn(pid: number): Promise<void> {
  const before = processCpuUs(pid)!;
  await until(() => processCpuUs(pid)! > before);
}

describe.each([
  ["a cgroup", true],
  ["signals", false],
])("with %s", (_way, withGroup) => {
  const cases = test.skipIf(withGroup && !hasFreezer);

  cases("what an app has started stands still, and goes on", async () => {
    await using s = await setup(withGroup);
    const { freezer, inGroup }: { freezer: Freezer; inGroup: number } = s;
    await goesOn(inGroup);

    expect(freezer.freeze()).toBe(true);
    await standsStill(inGroup);
    expect(freezer.thaw()).toBe(true);

    await goesOn(inGroup);
  });

  cases("what has stopped itself meanwhile goes on too", async () => {
    await using s = await setup(withGroup);
    process.kill(s.inGroup, "SIGSTOP");
    await standsStill(s.inGroup);

    s.freezer.freeze();
    s.freezer.thaw();

    await goesOn(s.inGroup);
  });

  cases("what stands still dies when it is killed", async () => {
    await using s = await setup(withGroup);
    s.freezer.freeze();
    await standsStill(s.inGroup);

    killGroup(s.pid);

    await s.exited;
    await until(() => processCpuUs(s.inGroup) === null);
  });
});

describe.skipIf(!hasFreezer)("with a cgroup, also", () => {
  test("what has left the app's session stands still", async () => {
    await using s = await setup(true);
    s.freezer.freeze();

    await standsStill(s.ownSession);
    s.freezer.thaw();

    await goesOn(s.ownSession);
  });

  test("nobody but the node lets it go on", async () => {
    await using s = await setup(true);
    s.freezer.freeze();
    await standsStill(s.inGroup);

    process.kill(-s.pid, "SIGCONT");
    process.kill(s.inGroup, "SIGCONT");

    await standsStill(s.inGroup);
  });
});
