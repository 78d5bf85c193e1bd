import { expect, test } from "bun:test";
import { shownOf } from "./drawn-line.ts";

test("of a line that was drawn over, the last of it is shown, with its colours", () => {
  const lines: [printed: string, shown: string][] = [
    ["plain", "plain"],
    ["with a return\r", "with a return"],
    ["[1] working\x1b[2K\x1b[1G[2] working\x1b[2K\x1b[1G[3] done", "[3] done"],
    ["10 %\r50 %\r\x1b[K100 %", "100 %"],
    ["\x1b[32mgreen\x1b[39m\x1b[2K\x1b[G\x1b[31mred\x1b[39m", "\x1b[31mred\x1b[39m"],
    ["\x1b[?25lhidden cursor\x1b[?25h", "hidden cursor"],
    ["gone\x1b[2K\x1b[1G", "gone"],
    ["\x1b[2K", ""],
  ];

  for (const [printed, shown] of lines) expect(shownOf(printed), printed).toBe(shown);
});
