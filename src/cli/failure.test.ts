import { expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { NodeError } from "./admin-client.ts";
import { errorBodyOf, exitCodeOf, renderFailure } from "./failure.ts";
import { createPaint, wantsColor } from "./paint.ts";

const plain = createPaint(false);

test("the evidence of an error is shown, its lines indented, its control characters harmless", () => {
  const error = new PlatformError("BOOT_CRASHED", ["exit 1"], {
    cause: new Error("first\nsecond"),
    detail: { lastLines: ["one\x1b]0;x\x07", "two", ""], exitCode: 1, empty: [], trace: "a\nb\n" },
  });

  expect(renderFailure(error.toBody(), plain)).toBe(
    "✘ BOOT_CRASHED  Cannot start the new version: it ended (exit 1) before it answered a request\n" +
      "  Cause: first second\n" +
      "  Last lines:\n    one\\x1b]0;x\\x07\n    two\n" +
      "  Exit code: 1\n" +
      "  Trace:\n    a\n    b\n" +
      "  Fix: Read what it printed last, here or with `levain logs`, correct the cause and deploy again\n" +
      "  More: docs/errors.md#boot_crashed\n",
  );
});

test("a cause that the message says already is not said twice", () => {
  const error = new PlatformError("STORE_UNAVAILABLE", ["connection refused"], {
    cause: new Error("connection refused"),
  });

  expect(renderFailure(error.toBody(), plain)).not.toContain("Cause:");
});

test("problems are listed when the message does not have them already", () => {
  const one = new PlatformError(
    "CONFIG_INVALID",
    ["levain.config.ts", "x is 1, at most 0 is allowed"],
    {
      detail: { problems: ["x is 1, at most 0 is allowed"] },
    },
  );
  const two = new PlatformError("CONFIG_INVALID", ["levain.config.ts", "2 problems"], {
    detail: { problems: ["x is not a key", "y is not a key"] },
  });

  expect(renderFailure(one.toBody(), plain)).not.toContain("Problems:");
  expect(renderFailure(two.toBody(), plain)).toContain(
    "2 problems\n  Problems:\n    x is not a key\n    y is not a key\n",
  );
});

test("exit 2 is for commands that were not used as they are meant, also when the node says so", () => {
  const usage = new PlatformError("INPUT_INVALID", ["what"]);

  expect(exitCodeOf(errorBodyOf(usage))).toBe(2);
  expect(exitCodeOf(errorBodyOf(new NodeError(usage.toBody())))).toBe(2);
  expect(exitCodeOf(errorBodyOf(new PlatformError("APP_UNKNOWN", ["shop"])))).toBe(1);
  expect(exitCodeOf(errorBodyOf("thrown text"))).toBe(1);
});

test("colors are for terminals that have them and people who want them", () => {
  expect(wantsColor(true, {})).toBe(true);
  expect(wantsColor(true, { NO_COLOR: "" })).toBe(true);
  expect(wantsColor(true, { NO_COLOR: "1" })).toBe(false);
  expect(wantsColor(true, { TERM: "dumb" })).toBe(false);
  expect(wantsColor(false, {})).toBe(false);
  expect(createPaint(true).red("x")).toBe("\x1b[31mx\x1b[39m");
});

test("for a terminal, sentences are broken between words and nothing of them is lost", () => {
  const error = new PlatformError("BOOT_CRASHED", ["exit 1"], {
    cause: new Error("a ".repeat(50)),
  });

  const wide = renderFailure(error.toBody(), plain);
  const narrow = renderFailure(error.toBody(), plain, 60);

  for (const line of narrow.split("\n")) expect(line.length, line).toBeLessThanOrEqual(60);
  expect(narrow.replace(/\n {4}/g, " ")).toBe(wide);
});
