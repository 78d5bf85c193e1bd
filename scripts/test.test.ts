import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isNarrowed, processesFor, readTestOutcome } from "./test.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** What a real `bun test` over these files comes to. */
function outcomeOf(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "levain-test-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const { stderr, exitCode } = Bun.spawnSync([process.execPath, "test", "--parallel=2"], {
    cwd: folder,
  });
  return readTestOutcome(Bun.stripANSI(stderr.toString()), exitCode);
}

const HEAD = `import { expect, test } from "bun:test";`;

describe("readTestOutcome()", () => {
  test("counts what passed and what failed, and neither skipped nor planned tests", () => {
    const outcome = outcomeOf({
      "a.test.ts": `${HEAD} test("a", () => {}); test("b", () => {}); test.skip("c", () => {}); test.todo("d");`,
      "b.test.ts": `${HEAD} test("e", () => expect(1).toBe(2));`,
    });

    expect(outcome).toEqual({ passed: 2, failed: 1 });
  });

  test("a file that cannot be loaded is a failure", () => {
    const outcome = outcomeOf({
      "a.test.ts": `${HEAD} test("a", () => {});`,
      "b.test.ts": `import { missing } from "./missing.ts"; missing();`,
    });

    expect(outcome.passed).toBe(1);
    expect(outcome.failed).toBeGreaterThanOrEqual(1);
  });

  test("an error between tests is a failure", () => {
    const outcome = outcomeOf({
      "a.test.ts": `${HEAD} test("a", () => { setTimeout(() => { throw new Error("late"); }, 1); });
        test("b", () => Bun.sleep(50));`,
    });

    expect(outcome.failed).toBeGreaterThanOrEqual(1);
  });

  test("no tests at all is a failure", () => {
    expect(outcomeOf({}).failed).toBe(1);
  });

  test("text that a test prints is not taken for the summary", () => {
    const outcome = outcomeOf({
      "a.test.ts": `${HEAD} test("a", () => { console.error(" 99 pass\\n 99 fail"); });`,
    });

    expect(outcome).toEqual({ passed: 1, failed: 0 });
  });
});

test("files of tests run side by side, a few at the most", () => {
  expect([1, 2, 3, 64].map(processesFor)).toEqual([2, 3, 4, 4]);
});

test("a run is narrowed by a path or a name, and not by flags alone", () => {
  expect([[], ["--retry=1"], ["src/pool"], ["-t", "flow control"]].map(isNarrowed)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});
