import { expect, test } from "bun:test";
import { OutputBudget } from "./output-budget.ts";

const setup = () => new OutputBudget(0, { bytesPerSecond: 1000, burstBytes: 5000 });

test("a burst is read without waiting", () => {
  const budget = setup();

  budget.take(4999, 0);

  expect(budget.waitMs(0)).toBe(0);
});

test("a piece larger than what is left is paid off before the next is read", () => {
  const budget = setup();

  budget.take(7000, 0);

  expect(budget.waitMs(0)).toBe(2001);
  expect(budget.waitMs(1000)).toBe(1001);
  expect(budget.waitMs(2001)).toBe(0);
});

test("waiting as long as it says is enough", () => {
  for (const bytes of [5000, 5001, 6333, 1_000_000]) {
    const budget = setup();
    budget.take(bytes, 0);

    expect(budget.waitMs(budget.waitMs(0))).toBe(0);
  }
});

test("over a long time the rate is kept, however large the pieces are", () => {
  for (const piece of [1, 100, 40_000]) {
    const budget = setup();
    let nowMs = 0;
    let bytes = 0;
    while (nowMs < 1_000_000) {
      budget.take(piece, nowMs);
      bytes += piece;
      nowMs += budget.waitMs(nowMs);
      if (piece === 1) nowMs += 0.25; // a process that prints a byte at a time, four times too fast
    }

    expect(bytes).toBeGreaterThan(950_000);
    expect(bytes).toBeLessThanOrEqual(1_000_000 + 5000 + piece + 1000);
  }
});

test("a long silence saves up no more than one burst", () => {
  const budget = setup();
  budget.take(5000, 0);

  budget.take(5000, 3_600_000);

  expect(budget.waitMs(3_600_000)).toBeGreaterThan(0);
});

test("a clock that stands still or goes back gives nothing", () => {
  const budget = setup();
  budget.take(6000, 100);

  expect(budget.waitMs(50)).toBe(1001);
  expect(budget.waitMs(100)).toBe(1001);
});

test("what instances take is taken from the budget of all, and all wait when that is used up", () => {
  const total = new OutputBudget(0, { bytesPerSecond: 2000, burstBytes: 8000 });
  const flooding = new OutputBudget(0, { bytesPerSecond: 1000, burstBytes: 5000, total });
  const quiet = new OutputBudget(0, { bytesPerSecond: 1000, burstBytes: 5000, total });

  flooding.take(9000, 0);

  expect(flooding.waitMs(0)).toBe(4001);
  expect(quiet.waitMs(0)).toBe(501);
  expect(quiet.waitMs(501)).toBe(0);
});
