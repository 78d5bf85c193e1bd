/** Goal: nothing of an instance's user is left. Method: real processes that hide in every way but that one; needs root. */
import { expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { endProcessesOf, processesOf } from "./user-processes.ts";

const uid = 2_100_000_123;

test.skipIf(process.getuid?.() !== 0)(
  "a daemon with another session, parent and environment is ended with its user",
  async () => {
    const script = "trap '' TERM; (env -i setsid sh -c 'sleep 300 & sleep 300' &); sleep 300";
    const shell = Bun.spawn(["setsid", "sh", "-c", script], { uid, gid: uid, cwd: "/" });
    await until(async () => (await processesOf(uid)).length >= 4);

    await endProcessesOf(uid);

    await shell.exited;
    expect(await processesOf(uid)).toEqual([]);
  },
);

test("a user of others is left alone, as a mistake of ours", () => {
  expect(endProcessesOf(0)).rejects.toThrow("only an app's own user");
});
