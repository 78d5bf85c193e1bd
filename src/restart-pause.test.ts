import { expect, test } from "bun:test";
import { RestartPause } from "./restart-pause.ts";

test("a process that ends at once each time is waited for longer, up to a bound", () => {
  const pause = new RestartPause(50);

  const pauses = Array.from({ length: 10 }, () => pause.after(100));

  expect(pauses.slice(0, 3)).toEqual([50, 100, 200]);
  expect(pauses.slice(-2)).toEqual([10_000, 10_000]);
});

test("after one that has lived the pause is the first one again", () => {
  const pause = new RestartPause(50);
  pause.after(100);
  pause.after(100);

  expect(pause.after(10_000)).toBe(50);
  expect(pause.after(100)).toBe(100);
});
