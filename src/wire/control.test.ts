import { describe, expect, test } from "bun:test";
import { asRunnerMessage, failedTextMax } from "./control.ts";

describe("a message of a runner's", () => {
  test("of a known kind is taken, with nothing beside what it is known for", () => {
    expect(asRunnerMessage({ type: "started", extra: 1 })).toEqual({ type: "started" });
    expect(asRunnerMessage({ type: "loaded" })).toEqual({ type: "loaded" });
    const failed = { type: "failed", code: "NO_HANDLER", message: "index.ts" };
    expect(asRunnerMessage({ ...failed, more: {} })).toEqual(failed as never);
  });

  test("of any other kind is none", () => {
    const strange: unknown[] = [
      null,
      undefined,
      1,
      "started",
      [],
      {},
      { type: "load" },
      { type: ["started"] },
      { type: "failed" },
      { type: "failed", code: "NO_HANDLER" },
      { type: "failed", code: "OTHER", message: "x" },
      { type: "failed", code: "THREW", message: 1 },
    ];

    for (const message of strange) expect(asRunnerMessage(message)).toBeNull();
  });

  test("has a text of bounded length", () => {
    const message = { type: "failed", code: "THREW", message: "x".repeat(100_000) };

    expect(asRunnerMessage(message)).toMatchObject({ message: "x".repeat(failedTextMax) });
  });
});
