import { describe, expect, test } from "bun:test";
import { asRunnerMessage, failedTextMax } from "./control.ts";
import { holdersPerMessageMax } from "./limits.ts";

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

  test("about holders has names that can be shown, and no more of them than fit", () => {
    const holder = { id: 1, kind: "waitUntil", name: `a\x1b[31m\u202e\n${"b".repeat(100)}` };
    const message = { type: "lifecycle", taken: [holder], released: [2], hasHooks: 1 };

    expect(asRunnerMessage(message)).toEqual({
      type: "lifecycle",
      taken: [{ id: 1, kind: "waitUntil", name: `a [31m  ${"b".repeat(56)}` }],
      released: [2],
      hasHooks: false,
    });
    const many = Array.from({ length: holdersPerMessageMax + 1 }, (_, id) => id);
    const wrong: object[] = [
      { taken: many.map((id) => ({ ...holder, id })) },
      { released: many },
      { released: [-1] },
      { released: "1" },
      { taken: [{ ...holder, id: "1" }] },
      { taken: [{ ...holder, kind: "other" }] },
      { taken: [{ ...holder, name: 1 }] },
      { taken: [null] },
    ];
    for (const change of wrong) expect(asRunnerMessage({ ...message, ...change })).toBeNull();
    expect(asRunnerMessage({ type: "settled", turn: 3, more: 1 })).toEqual({
      type: "settled",
      turn: 3,
    });
    expect(asRunnerMessage({ type: "settled", turn: 0.5 })).toBeNull();
  });

  test("has a text of bounded length", () => {
    const message = { type: "failed", code: "THREW", message: "x".repeat(100_000) };

    expect(asRunnerMessage(message)).toMatchObject({ message: "x".repeat(failedTextMax) });
  });
});
