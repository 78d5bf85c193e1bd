import { expect, test } from "bun:test";
import { type KeptVerdict, objectionTo, thisQualifyMachine } from "./verdict.ts";

const machine = thisQualifyMachine();
const use = { runtime: "bun@1.4.5", levain: "0.1.0", machine };
const verdict = (change: Partial<KeptVerdict> = {}): KeptVerdict => ({
  ...{ runtime: "bun@1.4.5", revision: "1.4.5+a", sha256: "", levain: "0.1.0", machine },
  ...{ isPassed: true, isComplete: true, cases: [] },
  ...change,
});

test("a verdict of the whole suite, of this Levain on such a machine, recommends a runtime", () => {
  expect(objectionTo([verdict()], use)).toBeNull();
  expect(
    objectionTo([verdict({ machine: { ...machine, cores: 64, memoryBytes: 1 } })], use),
  ).toBeNull();
});

test("the newest one that fits decides", () => {
  const bad = verdict({
    isPassed: false,
    cases: [
      { name: "s3-reads", status: "fail", isRequired: true, reason: "900 MiB" },
      { name: "sql-swallowed", status: "fail", isRequired: false, reason: "hangs" },
    ],
  });

  expect(objectionTo([bad, verdict()], use)).toBe("it failed s3-reads");
  expect(objectionTo([verdict(), bad], use)).toBeNull();
  // What is of no use to the question does not decide it.
  expect(objectionTo([verdict({ isComplete: false, isPassed: false }), verdict()], use)).toBeNull();
});

test("anything else is told for what it is", () => {
  const other = { ...machine, kernel: "5.4" };

  expect(objectionTo([], use)).toContain("no verdict of the whole suite");
  expect(objectionTo([verdict({ runtime: "bun@1.3.14" })], use)).toContain("no verdict");
  expect(objectionTo([verdict({ isComplete: false })], use)).toContain("no verdict");
  expect(objectionTo([verdict({ levain: "0.0.9" })], use)).toContain("is of Levain 0.0.9");
  expect(objectionTo([verdict({ machine: other })], use)).toContain("another machine");
});
