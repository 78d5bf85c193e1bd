import { expect, test } from "bun:test";
import type { OutputStream } from "./cli-io.ts";
import { DeployProgress } from "./deploy-progress.ts";
import { createPaint } from "./paint.ts";

function setup(isTerminal: boolean) {
  const written: string[] = [];
  let nowMs = 0;
  const out: OutputStream = {
    write: (text) => void written.push(text),
    drained: async () => {},
    isTerminal,
    columns: 80,
    closed: new AbortController().signal,
  };
  const progress = new DeployProgress(out, createPaint(false), () => nowMs);
  return {
    progress,
    text: () => written.join(""),
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

test("a long warning is broken between words on a terminal, and stays a line in a pipe", () => {
  const message =
    "a start command has more words than fit a line of a terminal that is as wide as this one";
  for (const isTerminal of [true, false]) {
    const { progress, text } = setup(isTerminal);
    progress.warn(message);

    const lines = text().replaceAll("\r\x1b[2K", "").trimEnd().split("\n");
    expect(lines.map((line) => line.trim()).join(" ")).toBe(`! ${message}`);
    expect(lines.length).toBe(isTerminal ? 2 : 1);
  }
});

test("in a pipe a step is one line with its time, and one more above its output", () => {
  const { progress, text, pass } = setup(false);

  progress.step("upload", "3 files");
  pass(20);
  progress.take({ type: "step", step: "build" });
  progress.take({ type: "output", stream: "stdout", line: "bundling\x1b[2J" });
  pass(1500);
  progress.take({ type: "warning", message: "no lockfile" });
  progress.take({ type: "failed", error: {} });
  progress.close();

  expect(text()).toBe(
    "  ✔ upload   20 ms, 3 files\n" +
      "  … build\n" +
      "    bundling\\x1b[2J\n" +
      "  ! no lockfile\n" +
      "  ✘ build    1.5 s\n",
  );
});

test("on a terminal the step that runs is the last line and is written over", () => {
  const { progress, text, pass } = setup(true);

  progress.take({ type: "step", step: "build" });
  progress.take({ type: "output", stream: "stderr", line: "\x1b[31mred\x1b[0m" });
  pass(10);
  progress.close();

  const clear = "\r\x1b[2K";
  expect(text()).toBe(
    `  … build${clear}    \x1b[31mred\x1b[0m\n  … build${clear}  ✘ build    10 ms\n`,
  );
});
