import { expect, test } from "bun:test";
import { slopeOf } from "./case-context.ts";
import type { CaseResult } from "./report.ts";
import { compareVerdicts, verdictOf } from "./verdict.ts";

const result = (
  name: string,
  status: CaseResult["status"],
  more: Partial<CaseResult> = {},
): CaseResult => ({
  ...{ name, group: "memory", status, isRequired: true, reason: null, measures: [], ms: 1 },
  lastLines: [],
  ...more,
});
const of = (
  runtime: string,
  cases: CaseResult[],
  more: { expected?: string[]; isQuick?: boolean } = {},
) =>
  verdictOf({ runtime, revision: "", sha256: "" }, cases, {
    expected: ["a"],
    isQuick: false,
    ...more,
  });

test("a verdict is a pass when no required case failed and one passed", () => {
  const hopeless = result("b", "fail", { isRequired: false });

  expect(of("bun@1.4.5", [result("a", "pass"), hopeless]).isPassed).toBe(true);
  expect(of("bun@1.4.5", [result("a", "pass"), result("b", "skip")]).isPassed).toBe(true);
  expect(of("bun@1.4.5", [result("a", "pass"), result("b", "fail")]).isPassed).toBe(false);
  expect(of("bun@1.4.5", [result("a", "skip")]).isPassed).toBe(false);
  expect(of("bun@1.4.5", []).isPassed).toBe(false);
});

test("it is complete with every case in full", () => {
  expect(of("bun@1.4.5", [result("a", "pass")]).isComplete).toBe(true);
  expect(of("bun@1.4.5", [result("a", "pass")], { expected: ["a", "b"] }).isComplete).toBe(false);
  expect(of("bun@1.4.5", [result("a", "pass")], { isQuick: true }).isComplete).toBe(false);
  expect(of("bun@1.4.5", [result("a", "skip"), result("b", "pass")]).isComplete).toBe(false);
});

test("what differs is told beside the first runtime", () => {
  const first = of("bun@1.3.14", [result("a", "fail"), result("b", "pass")]);
  const second = of("bun@1.4.5", [result("a", "pass"), result("b", "fail"), result("c", "skip")]);

  expect(compareVerdicts([first, second])).toEqual([
    { name: "a", statuses: ["fail", "pass"], better: ["bun@1.4.5"], worse: [] },
    { name: "b", statuses: ["pass", "fail"], better: [], worse: ["bun@1.4.5"] },
    { name: "c", statuses: [null, "skip"], better: [], worse: [] },
  ]);
});

test("a slope is that of the line nearest to all values", () => {
  expect(slopeOf([])).toBe(0);
  expect(slopeOf([5])).toBe(0);
  expect(slopeOf([1, 3, 5, 7])).toBeCloseTo(2);
  expect(slopeOf([4, 4, 4])).toBe(0);
  expect(slopeOf([0, 10, 0, 10, 0, 10, 0])).toBeCloseTo(0);
});
