/** Goal: a run finds what a project's own tests and cases say, on the runtime they are run with. Method: the node's own Bun. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownRuntime } from "../runtimes/runtime-name.ts";
import { RuntimeStore } from "../runtimes/runtime-store.ts";
import { qualifyReport } from "./report.ts";
import { listedCases, type QualifyOptions, runQualify } from "./run-qualify.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-qualify-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function project(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

const run = (change: Partial<QualifyOptions> = {}) =>
  runQualify({
    ...{ runtimes: [ownRuntime], only: ["app"], isQuick: true, folder, testCommand: null },
    ...{ appTimeoutMs: 30_000, runtimesDir: folder, levain: "0.1.0" },
    store: new RuntimeStore({ dir: join(folder, "runtimes") }),
    signal: new AbortController().signal,
    onCase() {},
    ...change,
  });
const statuses = async (running: ReturnType<typeof run>) => {
  const report = qualifyReport.parse(await running);
  const [verdict] = report.verdicts;
  return {
    isPassed: report.isPassed,
    cases: Object.fromEntries(
      verdict!.cases.map(({ name, status, reason }) => [name, reason ?? status]),
    ),
  };
};

test("a project's tests and cases run with the runtime as bun, in its folder", async () => {
  project({
    "package.json": '{"scripts":{"test":"bun --version && test -f here && bun check.ts"}}',
    here: "",
    "check.ts": `process.exit(process.env.LEVAIN_RUNTIME === "${ownRuntime}" ? 0 : 7)`,
    "qualify/fine.ts":
      'import { defineQualifyCase } from "levain";\n' +
      'export default defineQualifyCase(({ measure }) => measure("folder", Number(await Bun.file("here").exists()), ""));\n'.replace(
        "({ measure }) =>",
        "async ({ measure }) =>",
      ),
    "qualify/bad.ts": 'export default () => { throw new Error("stale") };\n',
    "qualify/bad.test.ts": "none",
  });

  expect(await statuses(run())).toEqual({
    isPassed: false,
    cases: { "app-tests": "pass", "app-bad": "stale", "app-fine": "pass" },
  });
});

test("a test command that fails is told with how it ended; without one it is skipped", async () => {
  project({ "levain.config.json": "{}" });

  const without = await statuses(run());
  expect(without.cases["app-tests"]).toContain("no scripts.test");
  // Nothing was shown by it.
  expect(without.isPassed).toBe(false);
  expect((await statuses(run({ testCommand: "exit 3" }))).cases["app-tests"]).toBe(
    "`exit 3` ended with exit code 3",
  );
  expect((await statuses(run({ testCommand: "true" }))).isPassed).toBe(true);
});

test("a folder that is no project has no cases of its own", () => {
  project({ "package.json": '{"scripts":{"test":"exit 1"}}' });

  expect(listedCases(folder).filter(({ group }) => group === "app")).toEqual([]);
});

test("one of the suite's own runs against its other side, and a part is no whole verdict", async () => {
  const report = await run({ only: ["aborts"] });

  expect(report.verdicts[0]).toMatchObject({ isPassed: true, isComplete: false });
  expect(report.verdicts[0]!.cases[0]!.measures.map(({ name }) => name)).toContain(
    "signals aborted",
  );
});
