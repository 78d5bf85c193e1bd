/** Goal: a process that cannot be started leaves nothing. Method: launches that fail at each step, and a look at what there is. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import { AppUsers } from "../sandbox/app-users.ts";
import { defaultProfile } from "./profile.ts";
import { launchRunner } from "./runner-launch.ts";
import { RunnerSandbox } from "./runner-sandbox.ts";

class CountedUsers extends AppUsers {
  taken = 0;
  override take(): number {
    this.taken += 1;
    return super.take();
  }
  override release(uid: number): void {
    this.taken -= 1;
    super.release(uid);
  }
}

function setup() {
  const runDir = mkdtempSync(join(tmpdir(), "levain-launch-"));
  const users = process.getuid?.() === 0 ? new CountedUsers(runDir) : null;
  const sandbox = new RunnerSandbox({ users });
  return {
    runDir,
    /** Users in use. Count. */
    usersTaken: () => users?.taken ?? 0,
    launch: () =>
      launchRunner({
        id: "a",
        runDir,
        runnerPath: join(runDir, "runner.ts"),
        takesWires: true,
        sandbox,
        profile: defaultProfile(sandbox),
        app: null,
        artifact: null,
      }),
    [Symbol.dispose]: () => rmSync(runDir, { recursive: true, force: true }),
  };
}

const failures: [how: string, spoil: (runDir: string) => void][] = [
  // As on a disk that is full, at either moment.
  [
    "its folder cannot be made whole",
    (runDir) => mkdirSync(join(runDir, "a", "io"), { recursive: true }),
  ],
  [
    "the note of who uses it cannot be written",
    (runDir) => mkdirSync(join(runDir, "a", "process.json"), { recursive: true }),
  ],
  ["there is no place for its folder", (runDir) => writeFileSync(join(runDir, "a"), "")],
];

test.each(failures)("nothing is left when %s", async (_how, spoil) => {
  using s = setup();
  const descriptors = readdirSync("/proc/self/fd").length;
  spoil(s.runDir);

  expect(() => s.launch()).toThrow();

  await until(() => readdirSync(s.runDir).length === 0 && s.usersTaken() === 0);
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(descriptors);
});
