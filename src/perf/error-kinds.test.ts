import { expect, test } from "bun:test";
import { errorsInWords } from "./error-kinds.ts";
import { testRun } from "./run-for-tests.ts";

const said = (status: Record<string, number>, timeout = 0) =>
  errorsInWords(testRun({ status, timeout }).run.errors);

test("errors are named by kind, the most frequent first", () => {
  expect(said({ "500": 2, "503": 27_453 }, 3)).toBe(
    "27453 × status 503, 3 × timeout, 2 × status 500",
  );
  expect(said({})).toBe("");
});

test("of many kinds the rarest are one", () => {
  const status = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [String(500 + at), 9999]));

  expect(said(status)).toEndWith("9999 × status 502, 59994 × other");
  expect(`  errors: ${said(status)}`.length).toBeLessThanOrEqual(80);
});
