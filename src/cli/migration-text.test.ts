import { expect, test } from "bun:test";
import type { MigrationReport, StageReport } from "../migrations/report.ts";
import { failedLines, halfApplied, stageLines } from "./migration-text.ts";

const held = {
  relation: "public.orders",
  mode: "ACCESS EXCLUSIVE",
  blocks: "reads and writes",
  ms: 340,
  statement: "ALTER TABLE orders\n  ADD note text",
  during: "2_note",
} as const;
const stage = (change: Partial<StageReport> = {}): StageReport => ({
  stage: "trial",
  state: "succeeded",
  applied: [{ name: "1_orders", ms: 12 }],
  ms: 20,
  copyMs: 100,
  pauseMs: 130,
  held: null,
  waited: null,
  transactionMs: 10,
  output: [],
  error: null,
  ...change,
});
const report = (change: Partial<MigrationReport>): MigrationReport => ({
  way: "sql",
  source: "migrations",
  pending: ["1_orders", "2_note"],
  trial: null,
  target: null,
  warnings: [],
  ...change,
});

test("a run is told with its copy, what it did, and the locks it held", () => {
  expect(stageLines(stage())).toEqual([
    "copied in 100 ms, during which apps waited 130 ms",
    "1_orders  12 ms",
    "no lock that holds up others",
  ]);
  expect(stageLines(stage({ copyMs: null, held }))).toEqual([
    "1_orders  12 ms",
    "held ACCESS EXCLUSIVE on public.orders for 340 ms, which blocks reads and writes",
  ]);
  expect(stageLines(stage({ held: { ...held, ms: 0 } })).at(-1)).toContain("less than 40 ms");
});

test("a failure is told with the statement that held the lock, and the command's last lines", () => {
  const failed = stage({ state: "failed", held, output: ["it went wrong"] });

  expect(failedLines(report({ trial: failed })).slice(-2)).toEqual([
    "its statement: ALTER TABLE orders ADD note text",
    "it went wrong",
  ]);
});

test("what a failure leaves is said for the database itself, and for a copy that there is nothing", () => {
  const failed = stage({ stage: "target", state: "failed", copyMs: null });

  expect(failedLines(report({ target: failed })).at(-1)).toBe("applied before it: 1_orders");
  expect(failedLines(report({ way: "command", target: failed })).at(-1)).toContain("may be there");
  expect(halfApplied({ stage: "trial", way: "command", report: failed })).toContain("unharmed");
});
