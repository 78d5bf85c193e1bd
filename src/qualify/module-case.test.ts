/** Goal: whatever a case does, it is told in words and nothing of it is left. Method: real processes that misbehave. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownRuntime } from "../runtimes/runtime-name.ts";
import { type ModuleCaseOptions, runModuleCase } from "./module-case.ts";
import type { CaseRun } from "./qualify-case.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-qualify-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (fixture: string, more: Partial<ModuleCaseOptions & CaseRun> = {}) =>
  runModuleCase(
    {
      module: join(import.meta.dir, "fixtures", `${fixture}.ts`),
      hasPeer: false,
      timeoutMs: 30_000,
      ...more,
    },
    {
      runtime: {
        ...{ name: ownRuntime, revision: "", package: "", integrity: null, sha256: "", bytes: 0 },
        ...{ fetchedAt: "", program: process.execPath },
      },
      isQuick: false,
      folder,
      signal: new AbortController().signal,
      ...more,
    },
  );

/** Command lines of processes that there are. */
function commandLines(): string[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, "latin1")] : [];
    } catch {
      return [];
    }
  });
}

test("one that passes has its numbers, and what it printed is no part of it", async () => {
  expect(await run("passes")).toEqual({
    status: "pass",
    reason: null,
    measures: [{ name: "answer", value: 42, unit: "count" }],
    lastLines: [],
  });
});

test("one that cannot be tried says so, with the sdk in a folder that has not installed it", async () => {
  expect(await run("skips")).toMatchObject({ status: "skip", reason: "there is no oven" });
});

describe("fails in words:", () => {
  const cases: [string, string, Partial<ModuleCaseOptions>, string | RegExp][] = [
    ["what throws", "throws", {}, "the oven is cold"],
    ["what hangs", "hangs", { timeoutMs: 700 }, "it was not done within 700 ms"],
    ["what spins", "spins", { timeoutMs: 700 }, "it was not done within 700 ms"],
    ["what hoards", "hoards", { memoryBytesMax: 120 * 2 ** 20 }, /^it took \d+ MiB .*at most 120$/],
    ["what forks", "forks", {}, /^it had \d+ processes, at most 64$/],
    ["what crashes", "crashes", {}, "it ended with signal SIGSEGV and left no outcome"],
    ["what is no case", "no-case", {}, "its default export is no case: it has no run()"],
    ["what is not there", "not-there", {}, /not-there/],
    [
      "an outcome without an end",
      "leaves-garbage",
      {},
      /^it ended with exit code 0 and left an outcome that cannot be read/,
    ],
    ["garbage", "prints-garbage", {}, "said \x1b[2J so"],
  ];

  test.each(cases)("%s", async (_title, fixture, more, reason) => {
    const found = await run(fixture, more);

    expect(found.status).toBe("fail");
    if (typeof reason === "string") expect(found.reason).toBe(reason);
    else expect(found.reason).toMatch(reason);
    // Nothing in it moves a cursor.
    expect(found.lastLines.join("")).not.toMatch(/\p{Cc}/u);
    expect(found.lastLines.every((line) => line.length <= 400)).toBe(true);
  });
});

test("a process that has left everything by which it could be known is ended all the same", async () => {
  expect((await run("leaves-daemon")).status).toBe("pass");

  expect(commandLines().filter((line) => line.includes("61.7"))).toEqual([]);
});

test("a run that is given up ends at once, with its reason", async () => {
  const controller = new AbortController();
  const running = run("hangs", { signal: controller.signal });
  controller.abort(new Error("enough"));

  expect(await running.catch((error: unknown) => error)).toEqual(new Error("enough"));
});
