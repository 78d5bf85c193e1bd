import { expect, test } from "bun:test";
import type { CaseResult, QualifyReport } from "../qualify/report.ts";
import { compareVerdicts, verdictOf } from "../qualify/verdict.ts";
import { createPaint } from "./paint.ts";
import { renderQualify } from "./qualify-table.ts";

const paint = createPaint(false);
const result = (name: string, more: Partial<CaseResult>): CaseResult => ({
  ...{ name, group: "behaviour", status: "pass", isRequired: true, reason: null, ms: 1 },
  ...{ measures: [], lastLines: [] },
  ...more,
});

function report(): QualifyReport {
  const of = (runtime: string, cases: CaseResult[]) =>
    verdictOf({ runtime, revision: "", sha256: "" }, cases, { expected: [], isQuick: false });
  const first = of("bun@1.3.14", [
    result("load-websocket-echo", { measures: [{ name: "left", value: 22_000, unit: "count" }] }),
    result("s3-reads", {
      status: "fail",
      reason: "memory outside of the JS heap grew by 901 MiB in 113 steps, at most 900",
      lastLines: [
        "error: memory",
        "\x1b[2Jat must (/a/very/long/path/that/goes/on/and/on/for/ever.ts:1)",
      ],
    }),
    result("sql-swallowed", { status: "fail", isRequired: false, reason: "all hang" }),
  ]);
  const second = of("bun@1.4.5", [
    result("s3-reads", { measures: [{ name: "growth", value: 5.508, unit: "MiB" }] }),
    result("app-tests", { status: "skip", reason: "package.json has no scripts.test" }),
  ]);
  const verdicts = [first, second];
  return {
    ...{ format: 1, levain: "0.1.0", startedAt: "", ms: 104_000, isQuick: false },
    machine: { cpu: "AMD EPYC", arch: "x64", cores: 2, memoryBytes: 1, kernel: "6.18" },
    ...{ verdicts, comparison: compareVerdicts(verdicts), isPassed: false },
    stored: "kept by the node of /var/lib/levain",
  };
}

test("runtimes stand side by side within 80 columns, with why what fails does", () => {
  const text = renderQualify(report(), 80, paint);
  const lines = text.split("\n");

  expect(Math.max(...lines.map((line) => Bun.stringWidth(line)))).toBeLessThanOrEqual(80);
  expect(lines[0]).toMatch(/^CASE +GROUP +BUN@1\.3\.14 +BUN@1\.4\.5$/);
  expect(text).toMatch(/s3-reads +behaviour +fail +pass {2}5\.5 MiB/);
  expect(text).toMatch(/load-websocket-echo +behaviour +pass {2}22000 +-/);
  expect(text).toMatch(/sql-swallowed +behaviour +fail\*/);
  expect(text).toContain("  ✘ s3-reads: memory outside of the JS heap grew by 901 MiB");
  expect(text).toContain("  - app-tests: package.json has no scripts.test");
  expect(text).toContain("✘ bun@1.3.14 is not fit: 1 passed, 1 failed, 0 skipped");
  expect(text).toContain("✔ bun@1.4.5 is fit: 1 passed, 0 failed, 1 skipped");
  expect(text).not.toContain("\x1b");
});
