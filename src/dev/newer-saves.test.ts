import { expect, test } from "bun:test";
import { NewerSaves } from "./newer-saves.ts";

test("a file that ends each run gives the next one twice the time, until one comes to its end", () => {
  const saves = new NewerSaves();
  expect(saves.waitMs(["stamp.txt"])).toBe(0);

  const waitsMs = [1, 2, 3].map(() => {
    saves.ended(["stamp.txt"]);
    return saves.waitMs(["stamp.txt"]);
  });
  expect(waitsMs).toEqual([1000, 2000, 4000]);
  expect(saves.waitMs(["stamp.txt", "index.ts"])).toBe(0);

  expect(saves.finished(["stamp.txt"], ["stamp.txt", "made.ts"])).toBe(false);
  expect(saves.waitMs(["stamp.txt", "made.ts"])).toBe(null);
  expect(saves.waitMs(["index.ts"])).toBe(0);
});

test("a build that fails runs again for files that came meanwhile, but not twice in a row", () => {
  const saves = new NewerSaves();

  expect(saves.failed([], ["report-1.json"])).toBe(true);
  expect(saves.failed([], ["report-2.json"])).toBe(false);
  expect(saves.failed([], ["report-3.json"])).toBe(true);
});
